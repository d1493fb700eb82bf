/* Any cuts of an answer give the same, and of JSON comes JSON, at most three times as long.  The
 * first four bytes choose the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jspan.h"
#include "base/jspan_plan.h"
#include "relay/vector_text.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool is_json(struct str text)
{
    struct jspan_sink nobody = {.context = NULL};
    struct jspan_plan nothing;
    jspan_plan_init(&nothing, NULL, 0);
    struct jspan *scanner = jspan_new(&nothing, &nobody, 1);
    check(scanner != NULL);
    bool whole = jspan_feed(scanner, text.p, text.n) != JSPAN_BAD && jspan_end(scanner);
    jspan_free(&scanner);
    return whole;
}

/* In pieces of 1 to `piece_max` bytes (0: whole), each a block of its own; false when one is
 * refused.
 */
static bool tell(struct str text, size_t piece_max, uint32_t seed, struct buf *out)
{
    struct vector_text *vectors = vector_text_new();
    struct stream stream;
    bool ok = true;
    stream_init(&stream, text.n * 3 + 1);
    check(vectors != NULL);
    while (ok && text.n > 0) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? text.n : 1 + (seed >> 8) % piece_max;
        struct str piece = str_slice(text, 0, n);
        char *block = malloc(piece.n);
        check(block != NULL);
        memcpy(block, piece.p, piece.n);
        ok = vector_text_push(vectors, &stream, block, piece.n);
        free(block);
        text = str_from(text, piece.n);
    }
    stream_release_all(&stream);
    buf_clear(out);
    check(buf_add_str(out, stream_peek(&stream)));
    stream_release_memory(&stream);
    vector_text_free(&vectors);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed = 0;
    struct buf whole, cut;
    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str text = {(const char *)data + sizeof seed, size - sizeof seed};
    if (!is_json(text))
        return 0;
    buf_init(&whole, 1 << 16);
    buf_init(&cut, 1 << 16);
    bool ok = tell(text, 0, seed, &whole);
    check(!ok || is_json(buf_str(&whole)));
    const size_t pieces[] = {1, 7, 1 + (seed >> 8) % 300};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        check(tell(text, pieces[i], seed, &cut) == ok);
        check(!ok || str_eq(buf_str(&whole), buf_str(&cut)));
    }
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
