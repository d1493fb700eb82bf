/* A usage object from its JSON text, merged as a tap does. */
#ifndef TESTS_USAGE_READ_H
#define TESTS_USAGE_READ_H

#include <string.h>

#include "base/jspan.h"
#include "base/jspan_plan.h"
#include "relay/usage.h"

struct usage_reader {
    struct usage *usage;
    struct usage_object object;
};

static void usage_reader_inside(void *context, const struct str *path, size_t n,
                                const struct jspan_value *value)
{
    struct usage_reader *reader = context;
    usage_object_take(&reader->object, path, n, value);
}

static void usage_reader_value(void *context, const struct jspan_value *value)
{
    struct usage_reader *reader = context;
    if (value->type == JSPAN_NULL)
        return;
    reader->object.bad |= value->type != JSPAN_OBJECT;
    usage_merge(reader->usage, &reader->object);
}

static void usage_read(struct usage *usage, struct str json)
{
    static const struct jspan_want itself = {{NULL}, JSPAN_INSIDE};
    struct usage_reader reader = {.usage = usage};
    struct jspan_sink sink = {
        .value = usage_reader_value, .inside = usage_reader_inside, .context = &reader};
    struct jspan_plan plan;
    jspan_plan_init(&plan, &itself, 1);
    struct jspan *scanner = jspan_new(&plan, &sink, 0);
    assert_non_null(scanner);
    jspan_feed(scanner, json.p, json.n);
    assert_true(jspan_end(scanner));
    jspan_free(&scanner);
}

#endif
