/* Any cuts of a body give the same parts and the same first fault; and in a body that is taken,
 * each
 * `--boundary` at the beginning of a line, whatever ends the line before it, is one of the
 * delimiters that were found: no reader can find another part.  The first four bytes choose the
 * boundary and the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/multipart.h"

static const char *const boundaries[] = {"x", "--", "a:b", "-x-", "--xx--xy"};

/* A running hash of all that was reported, and what the part that is being read has given. */
struct record {
    struct str body;
    struct str dashes; /* `--boundary` */
    uint64_t hash, offset, insert_at;
    uint64_t begin, data_bytes, behind; /* the last: where the next delimiter was due */
    size_t parts, ends;
    enum multipart_state state;
    bool is_complete;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void mix(uint64_t *hash, const void *p, size_t n)
{
    const unsigned char *byte = p;
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ byte[i]) * UINT64_C(0x100000001b3);
    *hash = (*hash ^ n) * UINT64_C(0x100000001b3);
}

static void on_part(void *context, const struct multipart_part *part)
{
    struct record *r = context;
    uint64_t numbers[] = {part->head_begin, part->begin, part->name_cut, part->has_filename};
    check(r->parts == r->ends && part->head_begin < part->begin && part->begin <= r->body.n);
    check(part->name.n <= MULTIPART_NAME_MAX);
    mix(&r->hash, numbers, sizeof numbers);
    mix(&r->hash, part->name.p, part->name.n);
    mix(&r->hash, part->content_type.p, part->content_type.n);
    struct str head = str_slice(r->body, (size_t)part->head_begin, (size_t)part->begin);
    check(str_ends(head, STR("\r\n\r\n")));
    struct str line = str_slice(r->body, (size_t)r->behind, (size_t)part->head_begin);
    check(r->parts == 0 || str_starts(line, r->dashes));
    r->parts++;
    r->begin = part->begin;
    r->data_bytes = 0;
}

static void on_data(void *context, struct str piece)
{
    struct record *r = context;
    size_t at = (size_t)(r->begin + r->data_bytes);
    check(r->parts == r->ends + 1 && piece.n > 0);
    check(str_eq(piece, str_slice(r->body, at, at + piece.n)));
    r->data_bytes += piece.n;
}

static void on_end(void *context, uint64_t begin, uint64_t end)
{
    struct record *r = context;
    check(r->parts == r->ends + 1 && begin == r->begin && end == begin + r->data_bytes);
    check(str_starts(str_from(r->body, (size_t)end), STR("\r\n")));
    r->ends++;
    r->behind = end + 2;
    mix(&r->hash, &end, sizeof end);
}

/* Feeds the body in pieces of 1 to `piece_max` bytes (0: whole), each a block of its own. */
static void scan(struct record *r, const char *boundary, struct str body, size_t piece_max)
{
    struct multipart_sink sink = {on_part, on_data, on_end, r};
    struct str dashes = r->dashes;
    uint32_t seed = (uint32_t)body.n;
    memset(r, 0, sizeof *r);
    r->body = body;
    r->dashes = dashes;
    struct multipart *mp = multipart_new(boundary, &sink);
    check(mp != NULL);
    for (size_t at = 0; at < body.n;) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? body.n : 1 + (seed >> 8) % piece_max;
        if (n > body.n - at)
            n = body.n - at;
        char *piece = malloc(n);
        check(piece != NULL);
        memcpy(piece, body.p + at, n);
        r->state = multipart_feed(mp, piece, n);
        free(piece);
        at += n;
        check(r->state != MULTIPART_BAD || multipart_offset(mp) < at);
        check(r->state == MULTIPART_BAD || multipart_offset(mp) == at);
    }
    r->is_complete = multipart_end(mp);
    r->offset = multipart_offset(mp);
    if (r->is_complete)
        r->insert_at = multipart_insert_at(mp);
    mix(&r->hash, &r->data_bytes, sizeof r->data_bytes);
    multipart_free(&mp);
}

/* How often `--boundary` begins a line, or what some reader may take for one. */
static size_t delimiters(const struct record *r)
{
    size_t n = 0;
    for (size_t at = 0; at < r->body.n; at++) {
        char before = at > 0 ? r->body.p[at - 1] : '\n';
        if ((before == '\n' || before == '\r') && str_starts(str_from(r->body, at), r->dashes))
            n++;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record whole = {0}, cut = {0};
    uint32_t seed = 0;
    char dashes[8 + sizeof "--"];
    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str body = {(const char *)data + sizeof seed, size - sizeof seed};
    const char *boundary = boundaries[seed % COUNT(boundaries)];
    size_t n = strlen(boundary);
    memcpy(dashes, "--", 2);
    memcpy(dashes + 2, boundary, n);
    whole.dashes = cut.dashes = (struct str){dashes, 2 + n};

    scan(&whole, boundary, body, 0);
    size_t piece_max[] = {1, 3, 17, 1 + (seed >> 8) % 200};
    for (size_t i = 0; i < COUNT(piece_max); i++) {
        scan(&cut, boundary, body, piece_max[i]);
        check(cut.state == whole.state && cut.is_complete == whole.is_complete);
        check(cut.hash == whole.hash && cut.offset == whole.offset);
        check(cut.parts == whole.parts && cut.ends == whole.ends);
        check(cut.insert_at == whole.insert_at);
    }
    if (whole.is_complete) {
        check(whole.parts == whole.ends && delimiters(&whole) == whole.parts + 1);
        check(str_starts(str_from(body, (size_t)whole.insert_at), whole.dashes));
    }
    return 0;
}
