#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "relay/decoder.h"

#define TEXT_BYTES 100000
#define GZIP (MAX_WBITS + 16)
#define RAW (-MAX_WBITS)

static char text[TEXT_BYTES];
static unsigned char packed[TEXT_BYTES * 2];

/* A text that does not fit one piece; gives the length of its encoding. */
static size_t pack(int bits)
{
    uint32_t seed = 1;
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = "abcdefgh"[seed >> 29];
    }
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)text;
    z.avail_in = TEXT_BYTES;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = sizeof packed - z.avail_out;
    deflateEnd(&z);
    return n;
}

/* In pieces of `step`; what stopped it, the text compared as far as it came. */
static enum decoder_step unpack(size_t n, size_t step, bool *whole, size_t *bytes)
{
    struct decoder *decoder = decoder_new();
    assert_non_null(decoder);
    enum decoder_step what = DECODER_MORE;
    *bytes = 0;
    for (size_t at = 0; at < n && what == DECODER_MORE; at += step) {
        struct str piece, rest = {(const char *)packed + at, n - at < step ? n - at : step};
        while ((what = decoder_next(decoder, &rest, &piece)) == DECODER_PIECE) {
            assert_true(*bytes + piece.n <= TEXT_BYTES);
            assert_memory_equal(piece.p, text + *bytes, piece.n);
            *bytes += piece.n;
        }
    }
    *whole = decoder_is_whole(decoder);
    decoder_free(&decoder);
    assert_null(decoder);
    return what;
}

static void every_form_is_undone_at_any_cuts(void **state)
{
    (void)state;
    static const int forms[] = {GZIP, MAX_WBITS, RAW};
    static const size_t steps[] = {1, 7, 1000, sizeof packed};
    for (size_t i = 0; i < COUNT(forms); i++) {
        size_t n = pack(forms[i]), bytes;
        for (size_t s = 0; s < COUNT(steps); s++) {
            bool whole;
            assert_int_equal(unpack(n, steps[s], &whole, &bytes), DECODER_MORE);
            assert_true(whole);
            assert_int_equal(bytes, TEXT_BYTES);
        }
    }
}

static void a_broken_one_is_bad(void **state)
{
    (void)state;
    bool whole;
    size_t bytes, n = pack(GZIP);
    packed[n - 6] ^= 0xff; /* the sum of what it was */
    assert_int_equal(unpack(n, sizeof packed, &whole, &bytes), DECODER_BAD);
    memset(packed, 0, 30);
    packed[0] = 0x1f;
    assert_int_equal(unpack(n, 1, &whole, &bytes), DECODER_BAD);
}

static void what_stands_behind_the_end_is_bad(void **state)
{
    (void)state;
    bool whole;
    size_t bytes, n = pack(GZIP);
    packed[n] = 'x';
    assert_int_equal(unpack(n + 1, sizeof packed, &whole, &bytes), DECODER_BAD);
    assert_int_equal(unpack(n + 1, n, &whole, &bytes), DECODER_BAD);
}

static void a_cut_one_is_not_whole(void **state)
{
    (void)state;
    bool whole;
    size_t bytes, n = pack(GZIP);
    assert_int_equal(unpack(n - 1, sizeof packed, &whole, &bytes), DECODER_MORE);
    assert_false(whole);
    assert_int_equal(unpack(0, 1, &whole, &bytes), DECODER_MORE);
    assert_true(whole);
}

static void gzip_and_deflate_are_known(void **state)
{
    (void)state;
    assert_true(decoder_knows(STR("GZip")) && decoder_knows(STR("x-gzip")) &&
                decoder_knows(STR("deflate")));
    assert_false(decoder_knows(STR("br")) || decoder_knows(STR("gzip, gzip")) ||
                 decoder_knows(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_undone_at_any_cuts),
        cmocka_unit_test(a_broken_one_is_bad),
        cmocka_unit_test(what_stands_behind_the_end_is_bad),
        cmocka_unit_test(a_cut_one_is_not_whole),
        cmocka_unit_test(gzip_and_deflate_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
