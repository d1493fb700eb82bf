/* Scans documents with base/jspan at many cuts and logs what was reported, as text to compare. */
#ifndef TESTS_UNIT_JSPAN_RECORD_H
#define TESTS_UNIT_JSPAN_RECORD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jspan.h"
#include "base/jspan_plan.h"

#define LOG_SIZE 8192
#define WANTS_LOGGED 4

/* What a scan reported: a line for each value, and for each want the texts it was given. */
struct record {
    char values[LOG_SIZE];
    char texts[WANTS_LOGGED][LOG_SIZE];
    size_t values_n, texts_n[WANTS_LOGGED];
    enum jspan_state state; /* of the last feed */
    bool complete;
    uint64_t offset;
};

PRINTF_LIKE(3, 4)
static inline void add(char *log, size_t *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(log + *n, LOG_SIZE - *n, format, args);
    va_end(args);
    assert_true(added >= 0 && *n + (size_t)added < LOG_SIZE);
    *n += (size_t)added;
}

/* "want type begin-end count 'text' <raw> marks;" */
static inline void record_value(void *context, const struct jspan_value *v)
{
    static const char *const types[] = {"null",   "false", "true",  "number",
                                        "string", "array", "object"};
    struct record *r = context;
    add(r->values, &r->values_n, "%u %s %d-%d %d", v->want, types[v->type], (int)v->begin,
        (int)v->end, (int)v->count);
    if (v->type == JSPAN_STRING || v->type == JSPAN_NUMBER)
        add(r->values, &r->values_n, " '%.*s'", STR_ARG(v->text));
    if (v->raw.n > 0)
        add(r->values, &r->values_n, " <%.*s>", STR_ARG(v->raw));
    add(r->values, &r->values_n, "%s%s%s;", v->text_cut ? " text-cut" : "",
        v->raw_cut ? " raw-cut" : "", v->other_case ? " other-case" : "");
}

/* "|name=text" for a string, "|name:text" for a member name. */
/* NOLINTNEXTLINE(readability-function-size): the scanner dictates the parameters. */
static inline void record_text(void *context, unsigned want, struct str name, bool is_name,
                               bool first, struct str piece)
{
    struct record *r = context;
    assert_true(want < WANTS_LOGGED);
    if (first)
        add(r->texts[want], &r->texts_n[want], "|%.*s%c", STR_ARG(name), is_name ? ':' : '=');
    assert_true(first || r->texts_n[want] > 0);
    add(r->texts[want], &r->texts_n[want], "%.*s", STR_ARG(piece));
}

/* As a value, with "a/b=" in front. */
static inline void record_inside(void *context, const struct str *path, size_t n,
                                 const struct jspan_value *value)
{
    struct record *r = context;
    for (size_t i = 0; i < n; i++)
        add(r->values, &r->values_n, "%.*s%s", STR_ARG(path[i]), i + 1 < n ? "/" : "=");
    record_value(context, value);
}

struct job {
    const struct jspan_want *wants;
    size_t n, copy_max;
};

/* Each piece is fed from a block of its own size, so that a sanitizer sees any look beyond it. */
static inline enum jspan_state feed(struct jspan *js, const char *p, size_t n)
{
    char *block = malloc(n > 0 ? n : 1);
    assert_non_null(block);
    memcpy(block, p, n);
    enum jspan_state state = jspan_feed(js, block, n);
    free(block);
    return state;
}

/* Scans `doc` in pieces that end at `cut`, at `cut2` and at the end. */
static inline void scan_cut(const struct job *job, struct str doc, const size_t cuts[2],
                            struct record *r)
{
    struct jspan_sink sink = {
        .value = record_value, .text = record_text, .inside = record_inside, .context = r};
    struct jspan_plan plan;
    jspan_plan_init(&plan, job->wants, job->n);
    struct jspan *js = jspan_new(&plan, &sink, job->copy_max);
    assert_non_null(js);
    memset(r, 0, sizeof *r);
    feed(js, doc.p, cuts[0]);
    feed(js, doc.p + cuts[0], cuts[1] - cuts[0]);
    r->state = feed(js, doc.p + cuts[1], doc.n - cuts[1]);
    r->complete = jspan_end(js);
    r->offset = jspan_offset(js);
    jspan_free(&js);
    assert_null(js);
}

static inline void scan_bytewise(const struct job *job, struct str doc, struct record *r)
{
    struct jspan_sink sink = {
        .value = record_value, .text = record_text, .inside = record_inside, .context = r};
    struct jspan_plan plan;
    jspan_plan_init(&plan, job->wants, job->n);
    struct jspan *js = jspan_new(&plan, &sink, job->copy_max);
    assert_non_null(js);
    memset(r, 0, sizeof *r);
    for (size_t i = 0; i < doc.n; i++)
        r->state = feed(js, doc.p + i, 1);
    r->complete = jspan_end(js);
    r->offset = jspan_offset(js);
    jspan_free(&js);
}

static inline void assert_same(const struct record *a, const struct record *b)
{
    assert_string_equal(a->values, b->values);
    for (size_t i = 0; i < WANTS_LOGGED; i++)
        assert_string_equal(a->texts[i], b->texts[i]);
    assert_int_equal(a->complete, b->complete);
    assert_int_equal(a->offset, b->offset);
}

/* Scans it whole, byte by byte and (short ones) with every pair of cuts, and insists on the same
 * result each time. */
static inline void scan(const struct job *job, struct str doc, struct record *r)
{
    static struct record other;
    scan_cut(job, doc, (size_t[2]){0, 0}, r);
    scan_bytewise(job, doc, &other);
    assert_same(r, &other);
    size_t stride = doc.n > 100 ? doc.n / 20 : 1;
    for (size_t i = 0; i <= doc.n; i += stride) {
        for (size_t k = i; k <= doc.n; k += stride) {
            scan_cut(job, doc, (size_t[2]){i, k}, &other);
            assert_same(r, &other);
        }
    }
}

static struct record result;

/* The value log of `doc`, which must be complete. */
static inline const char *values_of(const struct jspan_want *wants, size_t n, const char *doc)
{
    struct job job = {wants, n, 64};
    scan(&job, str_of(doc), &result);
    assert_true(result.complete);
    return result.values;
}

#define VALUES(wants, doc) values_of(wants, COUNT(wants), doc)

#endif
