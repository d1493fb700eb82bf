/* Feeds multipart bodies to the scanner at every cut and records what they give. */
#ifndef TESTS_UNIT_MULTIPART_SCAN_H
#define TESTS_UNIT_MULTIPART_SCAN_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "relay/multipart.h"

#define PARTS_KEPT 8
#define BODY_MAX ((size_t)1 << 18)
#define EVERY_CUT_MAX 10000 /* bytes of a body that is cut at every byte; longer ones at some */

struct part {
    char name[MULTIPART_NAME_MAX + 1], type[64];
    bool name_cut, has_filename, is_ended;
    uint64_t head_begin, begin, end;
};

/* What a body gave: the first parts, and counts of all. */
struct record {
    struct str body;
    struct part parts[PARTS_KEPT];
    size_t part_count, end_count;
    uint64_t begin, data_bytes; /* of the value that is being read */
    uint64_t all_data_bytes, offset, insert_at;
    enum multipart_state state;
    bool is_complete;
};

static void record_part(void *context, const struct multipart_part *part)
{
    struct record *r = context;
    assert_int_equal(r->part_count, r->end_count);
    assert_true(part->name.n <= MULTIPART_NAME_MAX);
    assert_true(part->head_begin < part->begin && part->begin <= r->body.n);
    if (r->part_count < PARTS_KEPT) {
        struct part *kept = &r->parts[r->part_count];
        memcpy(kept->name, part->name.p, part->name.n);
        assert_true(part->content_type.n < sizeof kept->type);
        memcpy(kept->type, part->content_type.p, part->content_type.n);
        kept->name_cut = part->name_cut;
        kept->has_filename = part->has_filename;
        kept->head_begin = part->head_begin;
        kept->begin = part->begin;
    }
    r->part_count++;
    r->begin = part->begin;
    r->data_bytes = 0;
}

static void record_data(void *context, struct str piece)
{
    struct record *r = context;
    assert_int_equal(r->part_count, r->end_count + 1);
    assert_true(piece.n > 0 && r->begin + r->data_bytes + piece.n <= r->body.n);
    assert_memory_equal(piece.p, r->body.p + r->begin + r->data_bytes, piece.n);
    r->data_bytes += piece.n;
    r->all_data_bytes += piece.n;
}

static void record_end(void *context, uint64_t begin, uint64_t end)
{
    struct record *r = context;
    assert_int_equal(r->part_count, r->end_count + 1);
    assert_int_equal(begin, r->begin);
    assert_int_equal(end, begin + r->data_bytes);
    if (r->end_count < PARTS_KEPT) {
        r->parts[r->end_count].end = end;
        r->parts[r->end_count].is_ended = true;
    }
    r->end_count++;
}

/* Each piece comes from a block of its own size, so that a sanitizer sees any look beyond it. */
static enum multipart_state feed(struct multipart *mp, const char *p, size_t n)
{
    char *block = malloc(n > 0 ? n : 1);
    assert_non_null(block);
    if (n > 0)
        memcpy(block, p, n);
    enum multipart_state state = multipart_feed(mp, block, n);
    free(block);
    return state;
}

/* Feeds the body in two pieces; step > 0: in pieces of that size instead. */
static void split(const char *boundary, struct str body, size_t cut, size_t step, struct record *r)
{
    struct multipart_sink sink = {record_part, record_data, record_end, r};
    memset(r, 0, sizeof *r);
    r->body = body;
    struct multipart *mp = multipart_new(boundary, &sink);
    assert_non_null(mp);
    for (size_t at = 0; step > 0 && at < body.n; at += step)
        r->state = feed(mp, body.p + at, body.n - at < step ? body.n - at : step);
    if (step == 0) {
        r->state = feed(mp, body.p, cut);
        enum multipart_state before = r->state;
        r->state = feed(mp, body.p + cut, body.n - cut);
        assert_true(before != MULTIPART_BAD || r->state == MULTIPART_BAD);
    }
    r->is_complete = multipart_end(mp);
    r->offset = multipart_offset(mp);
    if (r->is_complete)
        r->insert_at = multipart_insert_at(mp);
    assert_true(r->state == MULTIPART_BAD ? r->offset < body.n : r->offset == body.n);
    multipart_free(&mp);
    assert_null(mp);
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->part_count, b->part_count);
    assert_int_equal(a->end_count, b->end_count);
    assert_memory_equal(a->parts, b->parts, sizeof a->parts);
    assert_int_equal(a->all_data_bytes, b->all_data_bytes);
    assert_int_equal(a->offset, b->offset);
    assert_int_equal(a->insert_at, b->insert_at);
    assert_int_equal(a->is_complete, b->is_complete);
    if (a->body.n > 0)
        assert_int_equal(a->state, b->state);
}

static struct record result;

/* Scans `body` whole, byte by byte, in threes and at every cut, and insists on the same result. */
static void scan_by(const char *boundary, struct str body)
{
    static struct record other;
    split(boundary, body, body.n, 0, &result);
    for (size_t step = 1; step <= 3; step += 2) {
        split(boundary, body, 0, step, &other);
        assert_same(&result, &other);
    }
    size_t stride = body.n > EVERY_CUT_MAX ? body.n / 509 : 1;
    for (size_t cut = 0; cut <= body.n; cut += stride) {
        split(boundary, body, cut, 0, &other);
        assert_same(&result, &other);
    }
}

static void scan(struct str body)
{
    scan_by("x", body);
}

static struct str value(size_t at)
{
    assert_true(at < result.part_count && at < PARTS_KEPT && result.parts[at].is_ended);
    return str_slice(result.body, (size_t)result.parts[at].begin, (size_t)result.parts[at].end);
}

static void assert_part(size_t at, const char *name, struct str expected)
{
    struct str found = value(at);
    assert_string_equal(result.parts[at].name, name);
    assert_int_equal(found.n, expected.n);
    assert_memory_equal(found.p, expected.p, found.n);
}

static void assert_complete(size_t parts)
{
    assert_true(result.is_complete);
    assert_int_equal(result.state, MULTIPART_DONE);
    assert_int_equal(result.part_count, parts);
    assert_int_equal(result.end_count, parts);
}

static void assert_fault(uint64_t offset)
{
    assert_int_equal(result.state, MULTIPART_BAD);
    assert_false(result.is_complete);
    assert_int_equal(result.offset, offset);
}

#define DELIMITER "--x\r\n"
#define FIELD(name) "Content-Disposition: form-data; name=" name "\r\n"
#define PART(name, text) DELIMITER FIELD(name) "\r\n" text "\r\n"
#define CLOSING "--x--\r\n"
/* The length of a literal's text. */
#define LENGTH(literal) (sizeof(literal) - 1)

#endif
