/* Any cuts of a stream give the same events, and they are those of a plain reading of the
 * specification, line by line over the whole text.  The first four bytes choose the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/sse.h"

struct event {
    uint64_t begin, end, data_bytes, data_hash;
    struct str type; /* reference: a view of the stream; else of type_text */
    char type_text[SSE_TYPE_MAX], head[SSE_HEAD_MAX];
    size_t head_n;
    bool has_data, has_id;
};

#define EVENTS_MAX 512

struct record {
    struct event events[EVENTS_MAX];
    size_t n;
    uint64_t data_bytes, data_hash; /* of the event that is being read */
    uint64_t open_begin;
    bool ended;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void mix(uint64_t *hash, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        *hash = (*hash ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3) + 1;
}

static void on_data(void *context, struct str piece)
{
    struct record *r = context;
    check(piece.n > 0);
    r->data_bytes += piece.n;
    mix(&r->data_hash, piece);
}

static void on_event(void *context, const struct sse_event *e)
{
    struct record *r = context;
    check(e->begin == (r->n == 0 ? 0 : r->events[r->n - 1].end) && e->begin < e->end);
    if (e->is_tail) {
        check(r->n > 0 && e->end == e->begin + 1 && !e->has_data);
        r->events[r->n - 1].end = e->end;
        return;
    }
    check(r->n < EVENTS_MAX); /* an event takes a byte at least */
    struct event *event = &r->events[r->n++];
    *event = (struct event){.begin = e->begin,
                            .end = e->end,
                            .data_bytes = e->data_bytes,
                            .data_hash = r->data_hash,
                            .head_n = e->head.n,
                            .has_data = e->has_data,
                            .has_id = e->has_id};
    check(e->data_bytes == r->data_bytes);
    check(e->head.n == (e->data_bytes < SSE_HEAD_MAX ? e->data_bytes : SSE_HEAD_MAX));
    memcpy(event->type_text, e->type.p, e->type.n);
    event->type = (struct str){event->type_text, e->type.n};
    memcpy(event->head, e->head.p, e->head.n);
    r->data_bytes = r->data_hash = 0;
}

/* Feeds the stream in pieces of 1 to `piece_max` bytes (0: whole), each a block of its own. */
static void scan(struct record *r, struct str text, size_t piece_max, uint32_t seed)
{
    struct sse sse;
    struct sse_sink sink = {.data = on_data, .event = on_event, .context = r};
    memset(r, 0, sizeof *r);
    sse_init(&sse, &sink);
    for (size_t at = 0; at < text.n;) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? text.n : 1 + (seed >> 8) % piece_max;
        if (n > text.n - at)
            n = text.n - at;
        char *piece = malloc(n);
        check(piece != NULL);
        memcpy(piece, text.p + at, n);
        sse_feed(&sse, piece, n);
        free(piece);
        at += n;
    }
    r->open_begin = sse_open_begin(&sse);
    check(r->open_begin == (r->n == 0 ? 0 : r->events[r->n - 1].end));
    r->ended = sse_end(&sse);
}

/* --- the specification, read plainly -----------------------------------------------------------
 */

static void reference_data(struct event *open, struct str piece)
{
    for (size_t i = 0; i < piece.n && open->head_n < SSE_HEAD_MAX; i++)
        open->head[open->head_n++] = piece.p[i];
    open->data_bytes += piece.n;
    mix(&open->data_hash, piece);
}

static void reference_line(struct event *open, struct str line)
{
    size_t colon = str_index(line, ':');
    struct str name = str_slice(line, 0, colon);
    struct str value = str_from(line, colon + 1);
    if (value.n > 0 && value.p[0] == ' ')
        value = str_from(value, 1);
    if (str_eq(name, STR("data"))) {
        if (open->has_data)
            reference_data(open, STR("\n"));
        reference_data(open, value);
        open->has_data = true;
    } else if (str_eq(name, STR("event"))) {
        open->type = str_slice(value, 0, SSE_TYPE_MAX);
    } else if (str_eq(name, STR("id")) || str_eq(name, STR("retry"))) {
        open->has_id = true;
    }
}

static size_t line_end(struct str text, size_t at)
{
    while (at < text.n && text.p[at] != '\n' && text.p[at] != '\r')
        at++;
    return at;
}

static void reference(struct record *r, struct str text)
{
    struct event open = {.type = STR_EMPTY};
    size_t at = str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0;
    struct str line = STR_EMPTY;
    bool broken_off = false;
    memset(r, 0, sizeof *r);
    while (at < text.n) {
        size_t to = line_end(text, at);
        line = str_slice(text, at, to);
        broken_off = to == text.n;
        at = to + (str_starts(str_from(text, to), STR("\r\n")) ? 2 : broken_off ? 0 : 1);
        if (line.n > 0 && broken_off && str_index(line, ':') == line.n)
            break; /* half a name is no field */
        reference_line(&open, line);
        if (line.n > 0)
            continue;
        open.end = at;
        r->events[r->n++] = open;
        open = (struct event){.begin = at, .type = STR_EMPTY};
    }
    r->open_begin = open.begin;
    r->ended = open.has_data && !(broken_off && str_index(line, ':') == line.n);
    if (r->ended) {
        open.end = text.n;
        r->events[r->n++] = open;
    }
}

static void compare(const struct record *a, const struct record *b)
{
    check(a->n == b->n && a->open_begin == b->open_begin && a->ended == b->ended);
    for (size_t i = 0; i < a->n; i++) {
        const struct event *x = &a->events[i], *y = &b->events[i];
        check(x->begin == y->begin && x->end == y->end);
        check(x->has_data == y->has_data && x->has_id == y->has_id);
        check(x->data_bytes == y->data_bytes && x->data_hash == y->data_hash);
        check(x->head_n == y->head_n && memcmp(x->head, y->head, x->head_n) == 0);
        check(str_eq(x->type, y->type));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t piece_max[] = {1, 3, 17, 100};
    static struct record expected, found;
    uint32_t seed = 0;
    if (size < sizeof seed || size - sizeof seed >= EVENTS_MAX)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str text = {(const char *)data + sizeof seed, size - sizeof seed};

    reference(&expected, text);
    scan(&found, text, 0, seed);
    compare(&expected, &found);
    for (size_t i = 0; i < COUNT(piece_max); i++) {
        scan(&found, text, piece_max[i], seed);
        compare(&expected, &found);
    }
    return 0;
}
