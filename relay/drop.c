#include "relay/drop.h"

#include <string.h>

#include "base/jspan_string.h"

#define PIECE_BYTES 16384

/* Other edits of the same body find room too. */
#define RUNS_MAX (BODY_EDITS_MAX - 8)

/* What is dropped goes in runs of neighbours: up to the next name, or, at the object's end, from
 * the end of the last value that stays. */
struct walk {
    struct body *body;
    const struct word_list *names;
    uint64_t offset; /* of the byte at hand */
    size_t depth;
    bool in_string, in_name, name_next;
    struct jspan_string string;
    char name[64];
    size_t name_n; /* counts bytes that there was no room for, too */

    uint64_t name_begin, value_end; /* of the member at hand; value_end behind its last byte */
    bool drop;                      /* the member at hand */
    uint64_t kept, kept_end;        /* members that stay, and where the last of them ends */
    bool in_run;
    uint64_t run_begin;
    unsigned runs;
    uint64_t dropped;
    enum drop_result result;
};

static void remove_bytes(struct walk *walk, uint64_t begin, uint64_t end)
{
    walk->in_run = false;
    if (++walk->runs > RUNS_MAX)
        walk->result = DROP_TOO_MANY;
    else if (!body_edit(walk->body, begin, end, STR_EMPTY))
        walk->result = DROP_FAILED;
}

static bool is_named(const struct walk *walk)
{
    struct str name = {walk->name, walk->name_n};
    for (unsigned i = 0; walk->name_n <= sizeof walk->name && i < walk->names->n; i++)
        if (str_eq(name, str_of(walk->names->list[i])))
            return true;
    return false;
}

static void name_is_over(struct walk *walk)
{
    walk->drop = is_named(walk);
    if (walk->drop && !walk->in_run) {
        walk->in_run = true;
        walk->run_begin = walk->name_begin;
    } else if (!walk->drop && walk->in_run) {
        remove_bytes(walk, walk->run_begin, walk->name_begin);
    }
}

static void member_is_over(struct walk *walk)
{
    if (walk->drop) {
        walk->dropped++;
    } else {
        walk->kept++;
        walk->kept_end = walk->value_end;
    }
}

static void object_is_over(struct walk *walk)
{
    if (walk->in_run)
        remove_bytes(walk, walk->kept > 0 ? walk->kept_end : walk->run_begin, walk->value_end);
}

static void begin_string(struct walk *walk)
{
    walk->in_string = true;
    walk->string = (struct jspan_string){0};
    walk->in_name = walk->depth == 1 && walk->name_next;
    if (!walk->in_name)
        return;
    walk->name_next = false;
    walk->name_begin = walk->offset;
    walk->name_n = 0;
}

static void take_byte(struct walk *walk, char c)
{
    switch (c) {
    case '"':
        begin_string(walk);
        break;
    case '{':
    case '[':
        walk->name_next = walk->depth++ == 0;
        break;
    case '}':
    case ']':
        if (walk->depth == 1 && !walk->name_next)
            member_is_over(walk);
        if (walk->depth-- == 1)
            object_is_over(walk);
        break;
    case ',':
        if (walk->depth != 1)
            break;
        member_is_over(walk);
        walk->name_next = true;
        return;
    default:
        break;
    }
    if (walk->depth >= 1 && c != ' ' && c != '\t' && c != '\n' && c != '\r')
        walk->value_end = walk->offset + 1;
}

static void walk_string(struct walk *walk, const char **p, const char *end)
{
    struct str piece;
    const char *from = *p;
    enum jspan_string_result result = jspan_string_next(&walk->string, p, end, &piece);
    walk->offset += (uint64_t)(*p - from);
    if (walk->in_name) {
        if (walk->name_n + piece.n <= sizeof walk->name)
            memcpy(walk->name + walk->name_n, piece.p, piece.n);
        walk->name_n += piece.n;
    }
    if (result == JSPAN_STRING_PIECE)
        return;
    walk->in_string = false;
    walk->value_end = walk->offset;
    if (walk->in_name)
        name_is_over(walk);
}

static void walk_piece(struct walk *walk, const char *p, const char *end)
{
    while (p < end && walk->result == DROP_DONE) {
        if (walk->in_string) {
            walk_string(walk, &p, end);
        } else {
            take_byte(walk, *p++);
            walk->offset++;
        }
    }
}

enum drop_result drop_members(struct body *body, const struct word_list *names, uint64_t *dropped)
{
    char piece[PIECE_BYTES];
    struct walk walk = {.body = body, .names = names, .result = DROP_DONE};
    CHECK(body->edit_count == 0);
    while (walk.offset < body->bytes && walk.result == DROP_DONE) {
        uint64_t left = body->bytes - walk.offset;
        size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        if (!body_read_original(body, walk.offset, piece, n))
            return DROP_FAILED;
        walk_piece(&walk, piece, piece + n);
    }
    *dropped = walk.dropped;
    return walk.result;
}
