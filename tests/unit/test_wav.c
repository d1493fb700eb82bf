#include "server/sandbox/wav.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void wav_head_is_the_one_of_the_format(void **state)
{
    (void)state;
    static const char expected[] = "RIFF\x2c\x01\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"
                                   "\xc0\x5d\x00\x00\x80\xbb\x00\x00\x02\x00\x10\x00"
                                   "data\x08\x01\x00\x00";
    struct buf head;
    buf_init(&head, 64);
    assert_true(wav_add_head(&head, 24000, 264));
    assert_int_equal(head.n, sizeof expected - 1);
    assert_memory_equal(head.p, expected, head.n);
    buf_release(&head);
}

static void wav_reads_what_it_writes(void **state)
{
    (void)state;
    struct buf file;
    struct wav wav;
    buf_init(&file, 64);
    assert_true(wav_add_head(&file, 8000, 6) && buf_add_str(&file, STR("abcdef")));
    assert_true(wav_read(buf_str(&file), &wav));
    assert_int_equal(wav.rate, 8000);
    assert_int_equal(wav.byte_rate, 16000);
    assert_int_equal(wav.channels, 1);
    assert_int_equal(wav.bits, 16);
    assert_true(str_eq(wav.samples, STR("abcdef")));
    /* Cut: what is there. */
    assert_true(wav_read(str_slice(buf_str(&file), 0, file.n - 2), &wav));
    assert_true(str_eq(wav.samples, STR("abcd")));
    buf_release(&file);
}

#define FORMAT                                                                                     \
    "fmt \x12\x00\x00\x00\x01\x00\x02\x00\x44\xac\x00\x00\x10\xb1\x02\x00\x04\x00\x10\x00__"

static void wav_passes_over_other_chunks(void **state)
{
    (void)state;
    struct wav wav;
    assert_true(wav_read(STR("RIFF\xff\xff\xff\xffWAVELIST\x03\x00\x00\x00"
                             "abc_" FORMAT "data\xff\xff\xff\xffwxyz"),
                         &wav));
    assert_int_equal(wav.rate, 44100);
    assert_int_equal(wav.byte_rate, 176400);
    assert_int_equal(wav.channels, 2);
    assert_true(str_eq(wav.samples, STR("wxyz")));
}

static void what_is_no_wav_is_not_read(void **state)
{
    (void)state;
    static const struct str files[] = {
        {"", 0},
        {"RIFF", 4},
        {"ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", 12},
        {"RIFF\x00\x00\x00\x00WAVE", 12},
        {"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", 20},
        {"RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff", 20},
        {"RIFF\x00\x00\x00\x00WAVEfmt \x02\x00\x00\x00\x01\x00", 22},
    };
    struct wav wav;
    for (size_t i = 0; i < COUNT(files); i++)
        assert_false(wav_read(files[i], &wav));
    /* Another coding than PCM. */
    struct buf file;
    buf_init(&file, 64);
    assert_true(wav_add_head(&file, 8000, 0));
    file.p[20] = 7;
    assert_false(wav_read(buf_str(&file), &wav));
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wav_head_is_the_one_of_the_format),
        cmocka_unit_test(wav_reads_what_it_writes),
        cmocka_unit_test(wav_passes_over_other_chunks),
        cmocka_unit_test(what_is_no_wav_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
