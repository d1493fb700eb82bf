#include "base/jspan_wants.h"

#include <stddef.h>
#include <string.h>

void jspan_wants_init(struct jspan_wants *w, const struct jspan_plan *plan,
                      const struct jspan_sink *sink, size_t copy_max)
{
    memset(w, 0, offsetof(struct jspan_wants, text));
    w->plan = plan;
    w->sink = *sink;
    w->copy_max = copy_max;
    /* A ceiling of 0 means that no copy ever fits; the buffer insists on one. */
    buf_init(&w->copy, copy_max > 0 ? copy_max : 1);
}

void jspan_wants_release(struct jspan_wants *w)
{
    buf_release(&w->copy);
}

void jspan_wants_reset(struct jspan_wants *w)
{
    buf_release(&w->copy);
    w->reach = 0;
    w->open = 0;
    w->copying = false;
    jspan_wants_ignore(w);
    memset(w->names, 0, sizeof w->names);
}

/* --- the copy ------------------------------------------------------------------------------- */

static void copy_up_to(struct jspan_wants *w, uint64_t offset)
{
    if (!w->copying || offset == w->copy_to)
        return;
    const char *from = w->piece + (w->copy_to - w->piece_begin);
    if (!w->copy_cut && !buf_add(&w->copy, from, (size_t)(offset - w->copy_to)))
        w->copy_cut = true;
    w->copy_to = offset;
}

static void copy_begin(struct jspan_wants *w, size_t depth, uint64_t offset)
{
    buf_clear(&w->copy);
    w->copying = true;
    w->copy_cut = w->copy_max == 0;
    w->copy_depth = depth;
    w->copy_begin = offset;
    w->copy_to = offset;
}

void jspan_wants_input(struct jspan_wants *w, const char *piece, uint64_t offset)
{
    w->piece = piece;
    w->piece_begin = offset;
}

void jspan_wants_input_end(struct jspan_wants *w, uint64_t offset)
{
    copy_up_to(w, offset);
    w->piece = NULL;
    w->piece_begin = offset;
}

/* --- reports ---------------------------------------------------------------------------------- */

/* Reports `value`, whose `want`, `raw` and `other_case` are still open, once for each want. */
static void report(struct jspan_wants *w, uint64_t wants, size_t depth, struct jspan_value *value)
{
    copy_up_to(w, value->end);
    for (uint64_t left = wants; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        bool copied = (w->plan->copies >> i & 1) != 0;
        value->want = i;
        value->other_case = (w->other >> i & 1) != 0;
        value->raw_cut = copied && w->copy_cut;
        value->raw = STR_EMPTY;
        if (copied && !w->copy_cut)
            value->raw = str_from(buf_str(&w->copy), (size_t)(value->begin - w->copy_begin));
        w->sink.value(w->sink.context, value);
    }
    if (w->copying && w->copy_depth == depth) {
        w->copying = false;
        buf_release(&w->copy);
    }
}

/* Whether a value at this depth is for sink->inside. */
static bool is_within(const struct jspan_wants *w, size_t depth)
{
    return (w->open & w->plan->inside) != 0 && depth <= w->inside_depth + JSPAN_INSIDE_MAX &&
           w->sink.inside != NULL;
}

/* --- names ------------------------------------------------------------------------------------ */

/* Where the name of members at this depth is kept, for depth >= 1. */
static struct jspan_name *name_at(struct jspan_wants *w, size_t depth)
{
    return &w->names[(depth < JSPAN_NAMES ? depth : JSPAN_NAMES) - 1];
}

/* The name directly above what is being read: of its own member, or for a name, of the member that
 * holds its object.  Too deep levels share a place and cannot tell the latter. */
static struct str name_above(struct jspan_wants *w)
{
    size_t depth = w->is_name ? w->depth - 1 : w->depth;
    if (depth == 0 || (w->is_name && w->depth > JSPAN_NAMES))
        return STR_EMPTY;
    const struct jspan_name *name = name_at(w, depth);
    return (struct str){name->text, name->n};
}

static void speak(struct jspan_wants *w, struct str piece)
{
    struct str name = name_above(w);
    for (uint64_t left = w->speak; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        w->sink.text(w->sink.context, i, name, w->is_name, w->first, piece);
    }
    w->first = false;
}

void jspan_wants_name_begin(struct jspan_wants *w, size_t depth)
{
    bool may_match = depth <= w->reach && w->levels[depth - 1].live != 0;
    w->depth = depth;
    w->is_name = true;
    w->first = true;
    w->here = 0;
    w->speak = w->sink.text != NULL ? w->open & w->plan->strings : 0;
    w->key_n = 0;
    w->listen = may_match || w->speak != 0 || is_within(w, depth);
}

/* The wants among `left` whose step for this depth is the key just read. */
static uint64_t key_matches(struct jspan_wants *w, uint64_t left)
{
    uint64_t matches = 0;
    size_t step = w->depth - 1;

    if (w->key_n > JSPAN_KEY_MAX)
        return 0;
    for (left &= w->plan->long_as[step][w->key_n]; left != 0; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        uint64_t bit = UINT64_C(1) << i;
        struct str key = {w->key, w->key_n};
        struct str wanted = {w->plan->table[i].path[step], w->key_n};
        if (str_eq(key, wanted)) {
            matches |= bit;
        } else if (w->depth == 1 && (w->plan->policy & w->plan->exact[1] & bit) != 0 &&
                   str_eq_nocase(key, wanted)) {
            matches |= bit;
            w->other |= bit;
        }
    }
    return matches;
}

void jspan_wants_name_end(struct jspan_wants *w)
{
    if (w->first && w->speak != 0)
        speak(w, STR_EMPTY);
    if (w->depth == 1)
        w->other = 0;
    w->next = 0;
    if (!w->listen)
        return;
    size_t step = w->depth - 1;
    if (w->depth <= w->reach && w->levels[step].live != 0)
        w->next = key_matches(w, w->levels[step].live & ~w->plan->elements[step]);
    struct jspan_name *name = name_at(w, w->depth);
    name->n = (uint8_t)(w->key_n < JSPAN_NAME_MAX ? w->key_n : JSPAN_NAME_MAX);
    memcpy(name->text, w->key, name->n);
}

static void report_inside(struct jspan_wants *w, struct jspan_value *value)
{
    struct str path[JSPAN_INSIDE_MAX];
    size_t n = 0;
    for (size_t depth = w->inside_depth + 1; depth <= w->depth; depth++) {
        const struct jspan_name *name = name_at(w, depth);
        path[n++] = (struct str){name->text, name->n};
    }
    value->want = (unsigned)__builtin_ctzll(w->open & w->plan->inside);
    w->sink.inside(w->sink.context, path, n, value);
}

/* --- values ----------------------------------------------------------------------------------- */

/* The wants that the value at this depth may match, itself or inside. */
static uint64_t value_matches(struct jspan_wants *w, size_t depth, bool is_element)
{
    if (depth == 0)
        return w->plan->all;
    if (depth > w->reach)
        return 0;
    struct jspan_level *parent = &w->levels[depth - 1];
    parent->count++;
    if (!is_element)
        return w->next;
    return parent->live == 0 ? 0 : parent->live & w->plan->elements[depth - 1];
}

static void open_container(struct jspan_wants *w, uint64_t matches)
{
    if (matches == 0)
        return;
    struct jspan_level *level = &w->levels[w->depth];
    level->live = matches & ~w->here;
    level->here = w->here;
    level->begin = w->begin;
    level->count = 0;
    w->reach = w->depth + 1;
    w->open |= w->here & (w->plan->strings | w->plan->inside);
    if ((w->here & w->plan->inside) != 0)
        w->inside_depth = w->depth;
}

void jspan_wants_begin(struct jspan_wants *w, size_t depth, bool is_element, enum jspan_type type,
                       uint64_t offset)
{
    uint64_t matches = value_matches(w, depth, is_element);
    w->depth = depth;
    w->type = type;
    w->is_name = false;
    w->first = true;
    w->begin = offset;
    w->count = 0;
    w->text_n = 0;
    w->text_cut = false;
    w->here = matches == 0 ? 0 : matches & w->plan->exact[depth];
    w->speak = 0;
    if (type == JSPAN_STRING && w->sink.text != NULL)
        w->speak = (w->open | w->here) & w->plan->strings;
    w->within = is_within(w, depth);
    w->listen = (w->here | w->speak) != 0 || w->within;
    if ((w->here & w->plan->copies) != 0 && !w->copying)
        copy_begin(w, depth, offset);
    /* The elements of an array go by the name of the member that holds it. */
    if (type == JSPAN_ARRAY && depth > 0 && depth < JSPAN_NAMES)
        *name_at(w, depth + 1) = *name_at(w, depth);
    if (type != JSPAN_ARRAY && type != JSPAN_OBJECT)
        return;
    if (w->within)
        report_inside(w, &(struct jspan_value){.type = type, .begin = offset});
    open_container(w, matches);
}

static void text_add(struct jspan_wants *w, struct str piece)
{
    size_t room = JSPAN_TEXT_MAX - w->text_n;
    size_t n = piece.n < room ? piece.n : room;
    memcpy(w->text + w->text_n, piece.p, n);
    w->text_n += n;
    if (n < piece.n)
        w->text_cut = true;
}

void jspan_wants_piece(struct jspan_wants *w, struct str piece)
{
    if (piece.n == 0)
        return;
    if (w->is_name) {
        size_t room = w->key_n < JSPAN_KEY_MAX ? JSPAN_KEY_MAX - w->key_n : 0;
        if (room > 0)
            memcpy(w->key + w->key_n, piece.p, piece.n < room ? piece.n : room);
        w->key_n += piece.n;
    } else if (w->here != 0 || w->within) {
        text_add(w, piece);
        if (w->type == JSPAN_STRING)
            w->count += piece.n;
    }
    if (w->speak != 0)
        speak(w, piece);
}

void jspan_wants_scalar_end(struct jspan_wants *w, uint64_t offset)
{
    if (w->listen && w->speak != 0 && w->first)
        speak(w, STR_EMPTY);
    if (w->here == 0 && !w->within)
        return;
    struct jspan_value value = {
        .type = w->type,
        .begin = w->begin,
        .end = offset,
        .count = w->count,
        .text = {w->text, w->text_n},
        .text_cut = w->text_cut,
    };
    if (w->within)
        report_inside(w, &value);
    if (w->here != 0)
        report(w, w->here, w->depth, &value);
    jspan_wants_ignore(w);
}

void jspan_wants_close(struct jspan_wants *w, size_t depth, enum jspan_type type, uint64_t offset)
{
    if (depth >= JSPAN_NAMES)
        name_at(w, depth)->n = 0; /* shared with what was inside */
    if (depth >= w->reach)
        return;
    const struct jspan_level *level = &w->levels[depth];
    w->reach = depth;
    w->open &= ~level->here;
    if (level->here == 0)
        return;
    struct jspan_value value = {
        .type = type,
        .begin = level->begin,
        .end = offset,
        .count = level->count,
        .text = STR_EMPTY,
    };
    report(w, level->here, depth, &value);
}
