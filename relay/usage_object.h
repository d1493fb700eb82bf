/* One usage object of a provider while it is read, in whatever dialect: told of each value inside,
 * it keeps the numbers that matter. */
#ifndef RELAY_USAGE_OBJECT_H
#define RELAY_USAGE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/jspan.h"
#include "base/str.h"

/* clang-format off */
/* The numbers of a usage object that matter, whatever they are called. */
#define USAGE_FIELDS(X)                                                                            \
    X(prompt) X(completion) X(total) X(cached) X(cache_miss) X(cache_read) X(cache_creation)       \
    X(cache_write) X(cache_write_5m) X(cache_write_1h) X(in_text) X(in_audio) X(in_image)          \
    X(in_cached_text) X(in_cached_image) X(in_cached_audio) X(reasoning) X(out_text) X(out_audio)  \
    X(out_image) X(search_units) X(duration_ms) X(images)

enum usage_field {
#define X(name) USAGE_##name,
    USAGE_FIELDS(X)
#undef X
    USAGE_FIELD_COUNT
};
/* clang-format on */

/* Zero is a valid start.  Invariant: n[f] is meaningful only where bit f of `present` is set. */
struct usage_object {
    int64_t n[USAGE_FIELD_COUNT];
    uint32_t present;
    bool bad;                         /* a number is none (negative, a fraction, 2^40 or more) */
    uint16_t rank[USAGE_FIELD_COUNT]; /* of the place where n[f] was found: the lowest wins */
    /* {"type":"duration","seconds":12.345}, in any order. */
    bool is_duration, has_seconds;
    int64_t duration_ms;
};

/* A value inside, as jspan's sink->inside gives it. */
void usage_object_take(struct usage_object *object, const struct str *path, size_t n,
                       const struct jspan_value *value);
/* A number of seconds, or the same in quotes, as milliseconds; false, *ms untouched, when it is
 * none, negative or beyond counting. */
MUST_USE bool usage_object_seconds(const struct jspan_value *value, int64_t *ms);

#endif
