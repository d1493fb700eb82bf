#include "relay/sound.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* A file in the making. */
static struct {
    unsigned char bytes[1 << 20];
    size_t n;
} file;

static void put(const void *p, size_t n)
{
    assert_true(n <= sizeof file.bytes - file.n);
    memcpy(file.bytes + file.n, p, n);
    file.n += n;
}

static void zeros(size_t n)
{
    assert_true(n <= sizeof file.bytes - file.n);
    memset(file.bytes + file.n, 0, n);
    file.n += n;
}

static void little(uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++, value >>= 8)
        put(&(unsigned char){(unsigned char)value}, 1);
}

#define PUT(literal) put(literal, sizeof(literal) - 1)

/* The file in pieces of `step`, each a block of its own; 0 = whole. */
static int64_t fed_by(size_t step)
{
    struct sound sound = {0};
    for (size_t at = 0, n; at < file.n; at += n) {
        n = step == 0 || file.n - at < step ? file.n - at : step;
        char *block = malloc(n);
        assert_non_null(block);
        memcpy(block, file.bytes + at, n);
        sound_feed(&sound, (struct str){block, n});
        free(block);
    }
    assert_int_equal(sound.bytes, file.n);
    return sound_ms(&sound);
}

static int64_t lasts(void)
{
    int64_t ms = fed_by(0);
    for (size_t step = 1; step <= 40; step += 3)
        assert_int_equal(fed_by(step), ms);
    return ms;
}

/* --- WAV -----------------------------------------------------------------------------------------
 */

struct wav {
    unsigned kind, channels, rate, bits;
};

static const struct wav speech = {1, 1, 16000, 16};

static void wav_begin(void)
{
    file.n = 0;
    PUT("RIFF\xff\xff\xff\xffWAVE");
}

static void wav_format(struct wav w, uint32_t bytes, uint32_t size)
{
    PUT("fmt ");
    little(size, 4);
    little(w.kind, 2);
    little(w.channels, 2);
    little(w.rate, 4);
    little(bytes, 4);
    little(w.channels * w.bits / 8, 2);
    little(w.bits, 2);
    zeros(size - 16 + (size & 1));
}

static int64_t wav_lasts(struct wav w, uint32_t said, size_t data)
{
    wav_begin();
    wav_format(w, w.rate * w.channels * w.bits / 8, 16);
    PUT("data");
    little(said, 4);
    zeros(data);
    return lasts();
}

static void wav_lasts_as_long_as_its_bytes(void **state)
{
    (void)state;
    assert_int_equal(wav_lasts(speech, 32000, 32000), 1000);
    assert_int_equal(wav_lasts((struct wav){1, 2, 44100, 16}, 176400, 176400), 1000);
    assert_int_equal(wav_lasts((struct wav){7, 1, 8000, 8}, 4000, 4000), 500);
    assert_int_equal(wav_lasts((struct wav){0xfffe, 1, 48000, 24}, 14400, 14400), 100);
}

static void wav_from_a_pipe_counts_what_came(void **state)
{
    (void)state;
    assert_int_equal(wav_lasts(speech, UINT32_MAX, 64000), 2000);
    assert_int_equal(wav_lasts(speech, 0, 64000), 2000);
    assert_int_equal(wav_lasts(speech, 2, 64000), 2000);
    assert_int_equal(wav_lasts(speech, 64000, 0), 0);
}

static void wav_chunks_in_front_are_passed(void **state)
{
    (void)state;
    wav_begin();
    PUT("LIST\x03\0\0\0abc\0"); /* of an odd length, so padded */
    wav_format(speech, 32000, 41);
    PUT("fact\x04\0\0\0\0\0\0\0data\0\0\0\0");
    zeros(3200);
    assert_int_equal(lasts(), 100);
}

static void wav_that_tells_no_fixed_rate_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(wav_lasts((struct wav){2, 1, 16000, 16}, 9, 32000), 0); /* compressed */
    assert_int_equal(wav_lasts((struct wav){1, 1, 0, 16}, 9, 32000), 0);
    wav_begin();
    wav_format(speech, 3200000, 16); /* so a second would be ten milliseconds */
    PUT("data\0\0\0\0");
    zeros(32000);
    assert_int_equal(lasts(), 0);
    wav_begin();
    PUT("data\0\0\0\0");
    zeros(32000);
    assert_int_equal(lasts(), 0);
    wav_begin();
    wav_format(speech, 32000, 16);
    assert_int_equal(lasts(), 0);
}

/* --- MP3 -----------------------------------------------------------------------------------------
 */

/* Frames of MPEG-1, layer III, 44,100 Hz: 1,152 samples each. */
static void mp3_frames(unsigned n, unsigned index, unsigned kbit)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned padding = i % 2;
        put((unsigned char[]){0xff, 0xfb, (unsigned char)(index << 4 | padding << 1), 0}, 4);
        zeros(144 * kbit * 1000 / 44100 + padding - 4);
    }
}

static void mp3_lasts_as_long_as_its_frames(void **state)
{
    (void)state;
    file.n = 0;
    mp3_frames(100, 9, 128);
    assert_int_equal(lasts(), 115200 * 1000 / 44100);
    mp3_frames(50, 5, 64); /* of a variable rate */
    assert_int_equal(lasts(), 172800 * 1000 / 44100);
}

static void mp3_of_a_lower_version_has_shorter_frames(void **state)
{
    (void)state;
    file.n = 0;
    for (unsigned i = 0; i < 100; i++) { /* MPEG-2, 24,000 Hz, 8 kbit/s: the shortest there is */
        put((unsigned char[]){0xff, 0xf3, 0x14, 0}, 4);
        zeros(24 - 4);
    }
    assert_int_equal(lasts(), 57600 / 24);
    file.n = 0;
    for (unsigned i = 0; i < 100; i++) { /* MPEG-2.5, 11,025 Hz, 16 kbit/s */
        put((unsigned char[]){0xff, 0xe3, 0x20, 0}, 4);
        zeros(72 * 16000 / 11025 - 4);
    }
    assert_int_equal(lasts(), 57600 * 1000 / 11025);
}

static void mp3_behind_a_tag_and_before_one(void **state)
{
    (void)state;
    file.n = 0;
    PUT("ID3\x04\0\x10\0\0\x02\x01"); /* 257 bytes, and a foot of ten */
    zeros(257 + 10);
    mp3_frames(100, 9, 128);
    assert_int_equal(lasts(), 115200 * 1000 / 44100);
    PUT("TAG");
    zeros(125);
    assert_in_range(lasts(), 2612, 2625); /* the tag is reckoned as sound */
    file.n = 0;
    PUT("ID3\x04\0\0\0\0\0\x01x");
    mp3_frames(2, 9, 128);
    assert_int_equal(lasts(), 0);
}

static void mp3_that_is_damaged_is_reckoned_at_its_rate(void **state)
{
    (void)state;
    file.n = 0;
    mp3_frames(100, 9, 128);
    size_t half = file.n;
    zeros(half);
    assert_in_range(lasts(), 5223, 5225);
}

/* --- Ogg -----------------------------------------------------------------------------------------
 */

static void ogg_page(uint64_t at, const void *packet, size_t n)
{
    PUT("OggS\0\0");
    little(at, 8);
    zeros(12);
    little(n / 255 + 1, 1);
    for (size_t i = 0; i < n / 255; i++)
        PUT("\xff");
    little(n % 255, 1);
    if (packet != NULL)
        put(packet, n);
    else
        zeros(n);
}

static const char opus[] = "OpusHead\1\1\x38\1\x80\xbb\0\0\0\0"; /* 312 samples are not played */
static const char vorbis[] = "\1vorbis\0\0\0\0\1\x22\x56\0\0zzzzzzzzzzzzzz"; /* 22,050 Hz */

static void ogg_lasts_until_its_last_page(void **state)
{
    (void)state;
    file.n = 0;
    ogg_page(0, opus, sizeof opus); /* with its NUL: 19 bytes */
    ogg_page(0, "OpusTags", 8);
    ogg_page(48000, NULL, 1500);
    ogg_page(UINT64_MAX, NULL, 765); /* nothing ends in it */
    ogg_page(96312, NULL, 1500);
    assert_int_equal(lasts(), 2000);
    file.n = 0;
    ogg_page(0, vorbis, sizeof vorbis);
    ogg_page(22050, NULL, 4000);
    assert_int_equal(lasts(), 1000);
}

static void ogg_that_is_no_sound_or_broken_is_unknown(void **state)
{
    (void)state;
    file.n = 0;
    ogg_page(0, "\x80theora and what follows", 24);
    ogg_page(48000, NULL, 1500);
    assert_int_equal(lasts(), 0);
    file.n = 0;
    ogg_page(0, "OpusHead", 8);
    ogg_page(48000, NULL, 1500);
    assert_int_equal(lasts(), 0);
    file.n = 0;
    ogg_page(0, opus, sizeof opus);
    ogg_page(48312, NULL, 1500);
    PUT("damaged, so what it has told so far is what counts");
    ogg_page(480000, NULL, 1500);
    assert_int_equal(lasts(), 1000);
}

static void ogg_that_tells_what_cannot_be_is_unknown(void **state)
{
    (void)state;
    for (uint64_t at = 313; at < UINT64_MAX / 1000; at *= 1000) {
        file.n = 0;
        ogg_page(0, opus, sizeof opus);
        ogg_page(at, NULL, 20000);
        int64_t ms = lasts();
        assert_true(ms == 0 || (ms >= 300 && ms <= 170000));
    }
}

/* --- any -----------------------------------------------------------------------------------------
 */

static void file_of_another_format_is_unknown(void **state)
{
    (void)state;
    static const char *const begins[] = {"",     "fLaC\0\0\0\x22 and more",     "RIFF....AVI LIST",
                                         "\xff", "\xff\xf1 of AAC, not of MP3", "....ftypM4A xxxx"};
    for (size_t i = 0; i < COUNT(begins); i++) {
        file.n = 0;
        put(begins[i], strlen(begins[i]));
        assert_int_equal(lasts(), 0);
        zeros(5000);
        assert_int_equal(lasts(), 0);
    }
}

static void noise_never_tells_what_cannot_be(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (unsigned round = 0; round < 300; round++) {
        file.n = 0;
        switch (round % 4) {
        case 0:
            wav_begin();
            wav_format(speech, 32000, 16);
            break;
        case 1:
            mp3_frames(2, 9, 128);
            break;
        case 2:
            ogg_page(0, opus, sizeof opus);
            PUT("OggS\0\0");
            break;
        default:
            break;
        }
        for (unsigned i = 0; i < 2000; i++) {
            seed = seed * 1664525 + 1013904223;
            put(&(unsigned char){(unsigned char)(seed >> 24)}, 1);
        }
        int64_t ms = lasts();
        assert_in_range(ms, 0, file.n * 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wav_lasts_as_long_as_its_bytes),
        cmocka_unit_test(wav_from_a_pipe_counts_what_came),
        cmocka_unit_test(wav_chunks_in_front_are_passed),
        cmocka_unit_test(wav_that_tells_no_fixed_rate_is_unknown),
        cmocka_unit_test(mp3_lasts_as_long_as_its_frames),
        cmocka_unit_test(mp3_of_a_lower_version_has_shorter_frames),
        cmocka_unit_test(mp3_behind_a_tag_and_before_one),
        cmocka_unit_test(mp3_that_is_damaged_is_reckoned_at_its_rate),
        cmocka_unit_test(ogg_lasts_until_its_last_page),
        cmocka_unit_test(ogg_that_is_no_sound_or_broken_is_unknown),
        cmocka_unit_test(ogg_that_tells_what_cannot_be_is_unknown),
        cmocka_unit_test(file_of_another_format_is_unknown),
        cmocka_unit_test(noise_never_tells_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
