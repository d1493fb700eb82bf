#include "relay/vector_text.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/jspan_string.h"

#define NUMBER_BYTES_MAX 63
#define NAME_BYTES_MAX 9 /* "embedding" */
#define RAW_BYTES 3072
/* What n bytes become at most: "0," is a third of what a float is in Base64. */
#define GROWTH 3
#define HELD_BYTES_MAX 4096
static_assert(RAW_BYTES % 12 == 0, "whole floats, and no padding but at a vector's end");
static_assert(RAW_BYTES / 3 * 4 <= HELD_BYTES_MAX, "as promised");

/* Where the vectors are, step by step: an opened container, and the member that it is. */
static const struct {
    char opens;
    const char *name; /* NULL: an element, or the document itself */
} steps[] = {{'{', NULL}, {'[', "data"}, {'{', NULL}, {'[', "embedding"}};

enum state {
    STATE_PASS,   /* bytes go as they are */
    STATE_OPENED, /* behind the [ of a vector, which is held back: what is in it? */
    STATE_NUMBERS /* in a vector of numbers */
};

struct vector_text {
    enum state state;
    size_t depth;   /* open containers */
    size_t reached; /* the outermost of them that are steps to a vector */
    bool in_string, in_name, name_next;
    struct jspan_string string;
    char name[NAME_BYTES_MAX]; /* of the member at hand, where a step may depend on it */
    size_t name_n;             /* counts bytes that there was no room for, too */
    char number[NUMBER_BYTES_MAX];
    size_t number_n;
    size_t raw_n;
    uint8_t raw[RAW_BYTES]; /* floats that are not told yet */
};

struct vector_text *vector_text_new(void)
{
    return calloc(1, sizeof(struct vector_text));
}

void vector_text_free(struct vector_text **text)
{
    free(*text);
    *text = NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- a vector ------------------------------------------------------------------------------------
 */

static bool flush(struct vector_text *v, struct buf *out)
{
    bool ok = base64_add(out, v->raw, v->raw_n);
    v->raw_n = 0;
    return ok;
}

static bool end_number(struct vector_text *v, struct buf *out)
{
    double number = 0;
    uint32_t bits = 0;
    if (!str_number((struct str){v->number, v->number_n}, &number))
        return false;
    float nearest = (float)number;
    if (!isfinite(nearest))
        return false;
    memcpy(&bits, &nearest, sizeof bits);
    bits = htole32(bits);
    memcpy(v->raw + v->raw_n, &bits, sizeof bits);
    v->raw_n += sizeof bits;
    v->number_n = 0;
    return v->raw_n < sizeof v->raw || flush(v, out);
}

static bool take_in_numbers(struct vector_text *v, char c, struct buf *out)
{
    if (is_blank(c))
        return true;
    if (c == ',')
        return end_number(v, out);
    if (c != ']') {
        bool fits = v->number_n < sizeof v->number;
        if (fits)
            v->number[v->number_n++] = c;
        return fits;
    }
    v->state = STATE_PASS;
    v->depth--;
    v->reached--;
    return end_number(v, out) && flush(v, out) && buf_add_char(out, '"');
}

/* The first byte behind the [ of a vector that is no blank. */
static bool take_opened(struct vector_text *v, char c, struct buf *out)
{
    if (c == '-' || (c >= '0' && c <= '9')) {
        v->state = STATE_NUMBERS;
        return buf_add_char(out, '"') && take_in_numbers(v, c, out);
    }
    v->state = STATE_PASS;
    if (c != ']')
        return buf_add_char(out, '[');
    v->depth--;
    v->reached--;
    return buf_add_str(out, STR("\"\""));
}

/* --- the way to it -------------------------------------------------------------------------------
 */

static bool on_way(const struct vector_text *v)
{
    return v->reached == v->depth;
}

/* Whether the container that `c` opens is the next step. */
static bool is_step(const struct vector_text *v, char c)
{
    if (!on_way(v) || v->reached == COUNT(steps) || steps[v->reached].opens != c)
        return false;
    const char *name = steps[v->reached].name;
    return name == NULL ||
           (v->name_n <= sizeof v->name && str_eq((struct str){v->name, v->name_n}, str_of(name)));
}

static void open_container(struct vector_text *v, char c)
{
    v->reached += is_step(v, c);
    v->depth++;
    v->name_next = c == '{' && on_way(v);
}

static void close_container(struct vector_text *v)
{
    v->depth -= v->depth > 0;
    if (v->reached > v->depth)
        v->reached = v->depth;
}

static void begin_string(struct vector_text *v)
{
    v->in_string = true;
    v->string = (struct jspan_string){0};
    v->in_name = on_way(v) && v->name_next;
    v->name_next = false;
    if (v->in_name)
        v->name_n = 0;
}

static void walk_string(struct vector_text *v, const char **p, const char *end)
{
    struct str piece;
    enum jspan_string_result result = jspan_string_next(&v->string, p, end, &piece);
    if (v->in_name) {
        if (piece.n > 0 && v->name_n + piece.n <= sizeof v->name)
            memcpy(v->name + v->name_n, piece.p, piece.n);
        v->name_n += piece.n;
    }
    if (result != JSPAN_STRING_PIECE)
        v->in_string = false;
}

/* A byte outside of strings and vectors; true when a vector opens with it. */
static bool take_structure(struct vector_text *v, char c)
{
    switch (c) {
    case '"':
        begin_string(v);
        return false;
    case '{':
    case '[':
        open_container(v, c);
        if (v->reached < COUNT(steps) || !on_way(v))
            return false;
        v->state = STATE_OPENED;
        return true;
    case '}':
    case ']':
        close_container(v);
        return false;
    case ',':
        v->name_next = on_way(v) && (v->depth == 1 || v->depth == 3);
        return false;
    default:
        return false;
    }
}

/* Walks on from *p to the end or to behind the [ of a vector, and adds all but that. */
static bool pass(struct vector_text *v, const char **p, const char *end, struct buf *out)
{
    const char *from = *p;
    while (*p < end) {
        if (v->in_string)
            walk_string(v, p, end);
        else if (take_structure(v, *(*p)++))
            return buf_add(out, from, (size_t)(*p - from) - 1);
    }
    return buf_add(out, from, (size_t)(*p - from));
}

static bool encode(struct vector_text *v, const char *p, size_t n, struct buf *out)
{
    const char *end = p + n;
    bool ok = true;
    while (ok && p < end) {
        switch (v->state) {
        case STATE_PASS:
            ok = pass(v, &p, end, out);
            break;
        case STATE_OPENED:
            if (is_blank(*p)) {
                p++;
                break;
            }
            ok = take_opened(v, *p, out);
            p += v->state == STATE_NUMBERS || *p == ']'; /* else it is what passes next */
            break;
        case STATE_NUMBERS:
            ok = take_in_numbers(v, *p++, out);
            break;
        }
    }
    return ok;
}

bool vector_text_push(struct vector_text *v, struct stream *stream, const char *p, size_t n)
{
    struct buf out;
    buf_init(&out, GROWTH * n + HELD_BYTES_MAX);
    bool ok = encode(v, p, n, &out) && (out.n == 0 || stream_push(stream, out.p, out.n));
    buf_release(&out);
    return ok;
}
