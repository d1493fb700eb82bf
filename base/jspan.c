#include "base/jspan.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/jspan_number.h"
#include "base/jspan_string.h"
#include "base/jspan_wants.h"

/* What the next byte belongs to. */
enum place {
    AT_VALUE,
    AT_FIRST_ELEMENT, /* a value or ']' */
    AT_FIRST_NAME,    /* a name or '}' */
    AT_NAME,
    AT_COLON,
    AT_AFTER, /* ',' or the end of the container */
    AT_END,   /* only white space may follow */
    IN_NAME,
    IN_STRING,
    IN_NUMBER,
    IN_LITERAL,
    BROKEN
};

struct jspan {
    enum place place;
    enum jspan_number number;
    size_t depth;    /* open containers */
    uint64_t offset; /* of the first byte of `piece`; between feeds, of the next byte */
    const char *piece;
    const char *literal; /* what is still to come of true, false or null */
    struct jspan_string string;
    uint64_t arrays[JSPAN_DEPTH_MAX / 64]; /* bit d: the container at depth d is an array */
    struct jspan_wants wants;
};

struct jspan *jspan_new(const struct jspan_plan *plan, const struct jspan_sink *sink,
                        size_t copy_max)
{
    CHECK(plan != NULL && sink != NULL);
    CHECK(plan->all == 0 || sink->value != NULL);
    struct jspan *js = malloc(sizeof *js);
    if (js == NULL)
        return NULL;
    memset(js, 0, offsetof(struct jspan, wants));
    jspan_wants_init(&js->wants, plan, sink, copy_max);
    return js;
}

void jspan_free(struct jspan **scanner)
{
    if (*scanner == NULL)
        return;
    jspan_wants_release(&(*scanner)->wants);
    free(*scanner);
    *scanner = NULL;
}

void jspan_reset(struct jspan *js)
{
    js->place = AT_VALUE;
    js->depth = 0;
    js->offset = 0;
    jspan_wants_reset(&js->wants);
}

/* --- steps: each takes the bytes that it understands and returns the next one ------------------
 */

static const char *broken(struct jspan *js, const char *p)
{
    js->place = BROKEN;
    return p;
}

static uint64_t offset_of(const struct jspan *js, const char *p)
{
    return js->offset + (uint64_t)(p - js->piece);
}

static bool is_array(const struct jspan *js, size_t depth)
{
    return (js->arrays[depth / 64] >> depth % 64 & 1) != 0;
}

static bool in_array(const struct jspan *js)
{
    return js->depth > 0 && is_array(js, js->depth - 1);
}

static void value_begin(struct jspan *js, enum jspan_type type, const char *p)
{
    if (jspan_wants_care(&js->wants, js->depth))
        jspan_wants_begin(&js->wants, js->depth, in_array(js), type, offset_of(js, p));
    else
        jspan_wants_ignore(&js->wants);
}

static void scalar_end(struct jspan *js, uint64_t offset)
{
    if (js->wants.listen)
        jspan_wants_scalar_end(&js->wants, offset);
    js->place = js->depth > 0 ? AT_AFTER : AT_END;
}

static const char *open_container(struct jspan *js, const char *p)
{
    if (js->depth == JSPAN_DEPTH_MAX)
        return broken(js, p);
    bool array = *p == '[';
    value_begin(js, array ? JSPAN_ARRAY : JSPAN_OBJECT, p);
    uint64_t bit = UINT64_C(1) << js->depth % 64;
    uint64_t *bits = &js->arrays[js->depth / 64];
    *bits = array ? *bits | bit : *bits & ~bit;
    js->depth++;
    js->place = array ? AT_FIRST_ELEMENT : AT_FIRST_NAME;
    return p + 1;
}

static const char *close_container(struct jspan *js, const char *p)
{
    js->depth--;
    enum jspan_type type = is_array(js, js->depth) ? JSPAN_ARRAY : JSPAN_OBJECT;
    if (jspan_wants_care(&js->wants, js->depth))
        jspan_wants_close(&js->wants, js->depth, type, offset_of(js, p) + 1);
    js->place = js->depth > 0 ? AT_AFTER : AT_END;
    return p + 1;
}

static const char *open_string(struct jspan *js, const char *p)
{
    value_begin(js, JSPAN_STRING, p);
    js->string = (struct jspan_string){0};
    js->place = IN_STRING;
    return p + 1;
}

static const char *open_name(struct jspan *js, const char *p)
{
    if (*p != '"')
        return broken(js, p);
    if (jspan_wants_care(&js->wants, js->depth))
        jspan_wants_name_begin(&js->wants, js->depth);
    else
        jspan_wants_ignore(&js->wants);
    js->string = (struct jspan_string){0};
    js->place = IN_NAME;
    return p + 1;
}

static const char *open_literal(struct jspan *js, enum jspan_type type, const char *rest,
                                const char *p)
{
    value_begin(js, type, p);
    js->literal = rest;
    js->place = IN_LITERAL;
    return p + 1;
}

/* The first byte of a number stays for number_step, which gathers the spelling. */
static const char *open_number(struct jspan *js, const char *p)
{
    if (*p != '-' && (*p < '0' || *p > '9'))
        return broken(js, p);
    value_begin(js, JSPAN_NUMBER, p);
    js->number = JSPAN_NUMBER_NONE;
    js->place = IN_NUMBER;
    return p;
}

static const char *open_value(struct jspan *js, const char *p)
{
    switch (*p) {
    case '"':
        return open_string(js, p);
    case '{':
    case '[':
        return open_container(js, p);
    case 't':
        return open_literal(js, JSPAN_TRUE, "rue", p);
    case 'f':
        return open_literal(js, JSPAN_FALSE, "alse", p);
    case 'n':
        return open_literal(js, JSPAN_NULL, "ull", p);
    default:
        return open_number(js, p);
    }
}

static const char *string_step(struct jspan *js, const char *p, const char *end)
{
    enum jspan_string_result result = JSPAN_STRING_PIECE;
    while (p < end && result == JSPAN_STRING_PIECE) {
        struct str piece;
        result = jspan_string_next(&js->string, &p, end, &piece);
        if (js->wants.listen)
            jspan_wants_piece(&js->wants, piece);
    }
    if (result == JSPAN_STRING_BAD)
        return broken(js, p);
    if (result == JSPAN_STRING_PIECE)
        return p;
    if (js->place == IN_STRING) {
        scalar_end(js, offset_of(js, p));
        return p;
    }
    if (jspan_wants_care(&js->wants, js->depth))
        jspan_wants_name_end(&js->wants);
    js->place = AT_COLON;
    return p;
}

static const char *number_step(struct jspan *js, const char *p, const char *end)
{
    const char *to = jspan_number_scan(&js->number, p, end);
    if (js->wants.listen)
        jspan_wants_piece(&js->wants, (struct str){p, (size_t)(to - p)});
    if (to == end)
        return to;
    if (!jspan_number_is_whole(js->number))
        return broken(js, to);
    scalar_end(js, offset_of(js, to));
    return to;
}

static const char *literal_step(struct jspan *js, const char *p, const char *end)
{
    while (p < end && *js->literal != '\0') {
        if (*p != *js->literal)
            return broken(js, p);
        p++;
        js->literal++;
    }
    if (*js->literal == '\0')
        scalar_end(js, offset_of(js, p));
    return p;
}

/* The byte behind a value in a container. */
static const char *after_step(struct jspan *js, const char *p)
{
    bool array = in_array(js);
    if (*p == ',') {
        js->place = array ? AT_VALUE : AT_NAME;
        return p + 1;
    }
    return *p == (array ? ']' : '}') ? close_container(js, p) : broken(js, p);
}

/* A byte between strings, numbers and literals. */
static const char *structure_step(struct jspan *js, const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    if (p == end)
        return p;
    switch (js->place) {
    case AT_FIRST_ELEMENT:
        return *p == ']' ? close_container(js, p) : open_value(js, p);
    case AT_VALUE:
        return open_value(js, p);
    case AT_FIRST_NAME:
        return *p == '}' ? close_container(js, p) : open_name(js, p);
    case AT_NAME:
        return open_name(js, p);
    case AT_COLON:
        if (*p != ':')
            return broken(js, p);
        js->place = AT_VALUE;
        return p + 1;
    case AT_AFTER:
        return after_step(js, p);
    case AT_END:
    case IN_NAME:
    case IN_STRING:
    case IN_NUMBER:
    case IN_LITERAL:
    case BROKEN:
        break;
    }
    return broken(js, p);
}

static const char *step(struct jspan *js, const char *p, const char *end)
{
    switch (js->place) {
    case IN_NAME:
    case IN_STRING:
        return string_step(js, p, end);
    case IN_NUMBER:
        return number_step(js, p, end);
    case IN_LITERAL:
        return literal_step(js, p, end);
    case AT_VALUE:
    case AT_FIRST_ELEMENT:
    case AT_FIRST_NAME:
    case AT_NAME:
    case AT_COLON:
    case AT_AFTER:
    case AT_END:
    case BROKEN:
        break;
    }
    return structure_step(js, p, end);
}

enum jspan_state jspan_feed(struct jspan *js, const char *p, size_t n)
{
    CHECK(p != NULL || n == 0);
    if (js->place == BROKEN)
        return JSPAN_BAD;
    if (n > 0) {
        const char *end = p + n;
        js->piece = p;
        jspan_wants_input(&js->wants, p, js->offset);
        while (p < end && js->place != BROKEN)
            p = step(js, p, end);
        js->offset = offset_of(js, p);
        jspan_wants_input_end(&js->wants, js->offset);
    }
    if (js->place == BROKEN)
        return JSPAN_BAD;
    return js->place == AT_END ? JSPAN_DONE : JSPAN_MORE;
}

bool jspan_end(struct jspan *js)
{
    /* Only here is it known that no more digits of a top-level number follow. */
    if (js->place == IN_NUMBER && js->depth == 0 && jspan_number_is_whole(js->number))
        scalar_end(js, js->offset);
    return js->place == AT_END;
}

uint64_t jspan_offset(const struct jspan *js)
{
    return js->offset;
}

bool jspan_value_u64(const struct jspan_value *value, uint64_t max, uint64_t *out)
{
    return value->type == JSPAN_NUMBER && !value->text_cut && str_u64(value->text, max, out);
}
