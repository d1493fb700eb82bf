#include "relay/sse.h"

#include <endian.h>
#include <string.h>

/* Where in a line the next byte stands. */
enum place {
    AT_LINE,  /* its first byte */
    IN_FIELD, /* in a field's name */
    AT_VALUE, /* behind the colon: one space may be dropped */
    IN_VALUE,
    IN_REST /* of a line that means nothing */
};

enum field { FIELD_OTHER, FIELD_DATA, FIELD_EVENT, FIELD_ID };

#define BOM "\xEF\xBB\xBF"
#define BOM_SIZE 3
#define BOM_DONE (BOM_SIZE + 1) /* bom_n behind the stream's first bytes */

#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

void sse_init(struct sse *sse, const struct sse_sink *sink)
{
    CHECK(sink->event != NULL);
    memset(sse, 0, sizeof *sse);
    sse->sink = *sink;
}

/* The first CR or LF of [p, end), or end; eight bytes at a time.  The lowest mark is exact: a
 * borrow can only come from a byte that is marked itself; `~word` keeps bytes above 0x80 out. */
static const char *line_end(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        uint64_t lf = (word ^ ('\n' * ONES)) - ONES;
        uint64_t cr = (word ^ ('\r' * ONES)) - ONES;
        uint64_t marks = (lf | cr) & ~word & TOPS;
        if (marks != 0)
            return p + (__builtin_ctzll(marks) >> 3);
        p += 8;
    }
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p;
}

static void data_add(struct sse *sse, struct str piece)
{
    if (piece.n == 0)
        return;
    size_t room = SSE_HEAD_MAX - sse->head_n;
    size_t n = piece.n < room ? piece.n : room;
    memcpy(sse->head + sse->head_n, piece.p, n);
    sse->head_n += n;
    sse->data_bytes += piece.n;
    if (sse->sink.data != NULL)
        sse->sink.data(sse->sink.context, piece);
}

static enum field field_find(const struct sse *sse)
{
    if (sse->field_n > SSE_FIELD_MAX)
        return FIELD_OTHER;
    struct str name = {sse->field, sse->field_n};
    if (str_eq(name, STR("data")))
        return FIELD_DATA;
    if (str_eq(name, STR("event")))
        return FIELD_EVENT;
    if (str_eq(name, STR("id")) || str_eq(name, STR("retry")))
        return FIELD_ID;
    return FIELD_OTHER;
}

/* The field's name is complete; its value, perhaps none, follows. */
static void value_begin(struct sse *sse)
{
    enum field field = field_find(sse);
    sse->field_of = field;
    sse->place = field == FIELD_DATA || field == FIELD_EVENT ? AT_VALUE : IN_REST;
    if (field == FIELD_EVENT)
        sse->type_n = 0; /* the last one counts */
    if (field == FIELD_ID)
        sse->has_id = true;
    if (field != FIELD_DATA)
        return;
    if (sse->has_data)
        data_add(sse, STR("\n"));
    sse->has_data = true;
}

static void value_add(struct sse *sse, struct str piece)
{
    if (sse->field_of == FIELD_DATA) {
        data_add(sse, piece);
        return;
    }
    size_t room = SSE_TYPE_MAX - sse->type_n;
    size_t n = piece.n < room ? piece.n : room;
    memcpy(sse->type + sse->type_n, piece.p, n);
    sse->type_n += n;
}

static void event_report(struct sse *sse, uint64_t end)
{
    struct sse_event event = {
        .begin = sse->event_begin,
        .end = end,
        .type = {sse->type, sse->type_n},
        .head = {sse->head, sse->head_n},
        .data_bytes = sse->data_bytes,
        .has_data = sse->has_data,
        .has_id = sse->has_id,
    };
    sse->event_begin = end;
    sse->type_n = sse->head_n = 0;
    sse->data_bytes = 0;
    sse->has_data = sse->has_id = false;
    sse->sink.event(sse->sink.context, &event);
}

/* Takes the line end at *p: CR, LF, or CRLF where both are at hand.  A CR ends its line at once,
 * since nothing may ever follow it; a LF that comes later is then swallowed by late_lf. */
static const char *line_close(struct sse *sse, const char *p, const char *end)
{
    bool is_blank = sse->place == AT_LINE;
    size_t n = *p == '\r' && end - p > 1 && p[1] == '\n' ? 2 : 1;

    sse->after_cr = n == 1 && *p == '\r';
    sse->after_event = is_blank;
    if (sse->place == IN_FIELD)
        value_begin(sse);
    sse->place = AT_LINE;
    sse->field_n = 0;
    sse->offset += n;
    if (is_blank)
        event_report(sse, sse->offset);
    return p + n;
}

/* The LF of a CRLF that was cut in two. */
static const char *late_lf(struct sse *sse, const char *p)
{
    sse->offset++;
    if (sse->after_event) {
        struct sse_event tail = {.begin = sse->event_begin,
                                 .end = sse->offset,
                                 .type = STR_EMPTY,
                                 .head = STR_EMPTY,
                                 .is_tail = true};
        sse->event_begin = sse->offset;
        sse->sink.event(sse->sink.context, &tail);
    }
    return p + 1;
}

static const char *field_step(struct sse *sse, const char *p)
{
    sse->offset++;
    if (*p == ':') {
        if (sse->place == AT_LINE)
            sse->place = IN_REST; /* a comment */
        else
            value_begin(sse);
        return p + 1;
    }
    sse->place = IN_FIELD;
    if (sse->field_n < SSE_FIELD_MAX)
        sse->field[sse->field_n] = *p;
    if (sse->field_n <= SSE_FIELD_MAX)
        sse->field_n++; /* one more than the room means: too long to be known */
    return p + 1;
}

/* The stream's first bytes.  Those of a BOM that breaks off are the beginning of a field's name,
 * an unknown one. */
static const char *bom_step(struct sse *sse, const char *p)
{
    if (*p == BOM[sse->bom_n]) {
        sse->offset++;
        if (++sse->bom_n == BOM_SIZE)
            sse->bom_n = BOM_DONE;
        return p + 1;
    }
    if (sse->bom_n > 0) {
        sse->place = IN_FIELD;
        sse->field_n = SSE_FIELD_MAX + 1;
    }
    sse->bom_n = BOM_DONE;
    return p;
}

static const char *value_step(struct sse *sse, const char *p, const char *end)
{
    const char *to = line_end(p, end);
    if (sse->place == IN_VALUE)
        value_add(sse, (struct str){p, (size_t)(to - p)});
    sse->offset += (uint64_t)(to - p);
    return to;
}

static const char *step(struct sse *sse, const char *p, const char *end)
{
    if (sse->bom_n != BOM_DONE)
        return bom_step(sse, p);
    if (sse->after_cr) {
        sse->after_cr = false;
        if (*p == '\n')
            return late_lf(sse, p);
    }
    if (*p == '\n' || *p == '\r')
        return line_close(sse, p, end);
    switch ((enum place)sse->place) {
    case AT_LINE:
    case IN_FIELD:
        return field_step(sse, p);
    case AT_VALUE:
        sse->place = IN_VALUE;
        if (*p == ' ') {
            sse->offset++;
            return p + 1;
        }
        return value_step(sse, p, end);
    case IN_VALUE:
    case IN_REST:
        break;
    }
    return value_step(sse, p, end);
}

void sse_feed(struct sse *sse, const char *p, size_t n)
{
    CHECK(p != NULL || n == 0);
    if (n == 0)
        return;
    const char *end = p + n;
    while (p < end)
        p = step(sse, p, end);
}

uint64_t sse_open_begin(const struct sse *sse)
{
    return sse->event_begin;
}

bool sse_end(struct sse *sse)
{
    if (!sse->has_data || sse->place == IN_FIELD)
        return false;
    sse->place = AT_LINE;
    sse->field_n = 0;
    event_report(sse, sse->offset);
    return true;
}
