#include "server/sandbox/tones.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES_MAX ((size_t)128 << 20)

static struct buf spoken(struct str text)
{
    struct buf samples;
    buf_init(&samples, SAMPLES_MAX);
    assert_true(tones_add(&samples, text));
    return samples;
}

static void assert_reads_back(struct str samples, struct str text)
{
    struct buf heard;
    buf_init(&heard, TONES_TEXT_MAX);
    assert_true(tones_read(samples, &heard));
    assert_true(str_eq(buf_str(&heard), text));
    buf_release(&heard);
}

static void assert_silent(struct str samples)
{
    struct buf heard;
    buf_init(&heard, TONES_TEXT_MAX);
    assert_false(tones_read(samples, &heard));
    assert_int_equal(heard.n, 0);
    buf_release(&heard);
}

static void text_is_read_back(void **state)
{
    (void)state;
    const struct str texts[] = {
        STR(""),
        STR("a"),
        STR("Say hello to Ada."),
        STR("你好，世界 — naïve café 🎵\n"),
        STR("\0SBOX\xff\x00\x0f\xf0"),
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct buf samples = spoken(texts[i]);
        size_t ms = TONES_MS_BEFORE + texts[i].n * TONES_MS_PER_BYTE + TONES_MS_AFTER;
        assert_int_equal(samples.n, ms * TONES_RATE / 1000 * TONES_SAMPLE_BYTES);
        assert_reads_back(buf_str(&samples), texts[i]);
        buf_release(&samples);
    }
}

static void every_byte_is_read_back(void **state)
{
    (void)state;
    char bytes[256];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    struct buf samples = spoken((struct str){bytes, sizeof bytes});
    assert_reads_back(buf_str(&samples), (struct str){bytes, sizeof bytes});
    buf_release(&samples);
}

/* As loud as the tones, another in each sample, always the same. */
static void add_noise(struct buf *samples, int loudness)
{
    uint32_t state = 1;
    for (size_t i = 0; i + 1 < samples->n; i += 2) {
        state = state * 1664525u + 1013904223u;
        int noise = (int)(state >> 16) % (2 * loudness) - loudness;
        int sample = (int16_t)(uint16_t)((uint8_t)samples->p[i] | (uint8_t)samples->p[i + 1] << 8);
        uint16_t sum = (uint16_t)(sample / 2 + noise);
        samples->p[i] = (char)sum;
        samples->p[i + 1] = (char)(sum >> 8);
    }
}

static void quieter_noisy_and_followed_tones_are_read_back(void **state)
{
    (void)state;
    struct buf samples = spoken(STR("hello there"));
    add_noise(&samples, 4500);
    assert_true(buf_add(&samples, "\1\2\3", 3));
    assert_reads_back(buf_str(&samples), STR("hello there"));
    buf_release(&samples);
}

/* Four samples are a quarter of a cycle of the tone in the middle. */
static void tones_that_begin_early_are_read_back(void **state)
{
    (void)state;
    struct buf samples = spoken(STR("hello there"));
    assert_true(buf_add(&samples, "\0\0\0\0\0\0\0", 8));
    assert_reads_back(str_from(buf_str(&samples), 8), STR("hello there"));
    buf_release(&samples);
}

static void other_samples_are_not_read(void **state)
{
    (void)state;
    struct buf samples = spoken(STR("hello"));
    struct str all = buf_str(&samples);
    assert_silent(STR_EMPTY);
    assert_silent(str_slice(all, 0, all.n - 1));
    assert_silent(str_slice(all, 0, 400));
    assert_silent(str_from(all, 480));
    /* A tone of the text becomes another: the sum tells. */
    size_t tone = 480;
    memcpy(samples.p + 16 * tone, samples.p, tone);
    assert_silent(all);
    /* A length beyond all bounds. */
    buf_release(&samples);
    samples = spoken(STR("hello"));
    memcpy(samples.p + 8 * tone, samples.p, tone);
    assert_silent(buf_str(&samples));
    memset(samples.p, 0, samples.n);
    assert_silent(buf_str(&samples));
    buf_release(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_back),
        cmocka_unit_test(every_byte_is_read_back),
        cmocka_unit_test(quieter_noisy_and_followed_tones_are_read_back),
        cmocka_unit_test(tones_that_begin_early_are_read_back),
        cmocka_unit_test(other_samples_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
