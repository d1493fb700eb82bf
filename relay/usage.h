/* What a provider says a call has used, in any of its dialects, as disjoint counters. */
#ifndef RELAY_USAGE_H
#define RELAY_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "config/price.h"
#include "store/store.h"

enum usage_dialect { USAGE_OPENAI, USAGE_XAI, USAGE_GEMINI, USAGE_ANTHROPIC };

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

/* A merged report.  Invariant: n[f] is meaningful only where bit f of `present` is set. */
struct usage {
    int64_t n[USAGE_FIELD_COUNT];
    uint32_t present;
    bool seen; /* a usage object that is not null was given */
    bool bad;  /* one held a number that is none (negative, fraction, >= 2^40): as if missing */
};

/* Zero is a valid start.  Merges one usage object (its JSON text) into `usage`, field by field: the
 * last non-zero value wins, nothing is added up.  Text that is no JSON object marks it bad; null
 * changes nothing. */
void usage_merge(struct usage *usage, struct str json);

/* The merged report as disjoint counters (Σ of the input parts = the prompt, Σ of the output parts
 * = the completion).  Adds ENTRY_FLAG bits to *flags.  False, *counters untouched, when there is
 * no usable report.  image_output: all output without details is out_image. */
MUST_USE bool usage_counters(const struct usage *usage, enum usage_dialect dialect,
                             bool image_output, struct counters *counters, unsigned *flags);
/* Total input and output tokens of counters. */
int64_t counters_input(const struct counters *counters);
int64_t counters_output(const struct counters *counters);

#endif
