/* Any cuts of an answer, and any pieces that come a second time, read the same; and what is said to
 * be the end of it is.  The first four bytes choose the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http_read.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void compare(const struct http_read *a, const struct http_read *b)
{
    check(a->end == b->end && a->status == b->status && a->head == b->head);
    check(a->may_go_on == b->may_go_on && (a->end != HTTP_END || a->taken == b->taken));
    check(a->fields_n == b->fields_n && memcmp(a->fields, b->fields, a->fields_n) == 0);
    check(a->body_n == b->body_n && memcmp(a->body, b->body, a->body_n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t piece_max[] = {1, 3, 17, 100};
    static struct http_read expected, found;
    uint32_t seed = 0;
    if (size < sizeof seed || size - sizeof seed > HTTP_READ_MAX / 2)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str text = {(const char *)data + sizeof seed, size - sizeof seed};

    http_read(&expected, text, 0, 0, seed);
    check(expected.end != HTTP_MORE && expected.end != HTTP_NO_MEMORY);
    check(expected.taken <= text.n && expected.body_n <= text.n);
    check(expected.end != HTTP_END || (expected.head && expected.status >= 200));
    for (size_t i = 0; i < COUNT(piece_max); i++) {
        http_read(&found, text, seed % (text.n + 1), piece_max[i], seed);
        compare(&expected, &found);
    }
    /* An answer that is complete is so without what stands behind it. */
    if (expected.end == HTTP_END) {
        http_read(&found, str_slice(text, 0, expected.taken), 0, 3, seed);
        compare(&expected, &found);
    }
    return 0;
}
