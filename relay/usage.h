/* What a provider says a call has used, in any of its dialects, as disjoint counters. */
#ifndef RELAY_USAGE_H
#define RELAY_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "config/price.h"
#include "relay/usage_object.h"
#include "store/store.h"

enum usage_dialect { USAGE_OPENAI, USAGE_XAI, USAGE_GEMINI, USAGE_ANTHROPIC };

/* A merged report.  Invariant: n[f] is meaningful only where bit f of `present` is set. */
struct usage {
    int64_t n[USAGE_FIELD_COUNT];
    uint32_t present;
    bool seen; /* a usage object that is not null was given */
    bool bad;  /* one held a number that is none (negative, fraction, >= 2^40): as if missing */
    int64_t beside_ms; /* of sound, as the answer tells it beside its usage; 0 = does not */
};

/* Zero is a valid start.  Merges one usage object that has been read whole into `usage`, field by
 * field: the last non-zero value wins, nothing is added up. */
void usage_merge(struct usage *usage, const struct usage_object *object);

/* The merged report as disjoint counters (Σ of the input parts = the prompt, Σ of the output parts
 * = the completion).  Adds ENTRY_FLAG bits to *flags.  False, *counters untouched, when there is
 * no usable report.  All output without details is of the kind `output`: out_text, out_image... */
MUST_USE bool usage_counters(const struct usage *usage, enum usage_dialect dialect,
                             enum counter output, struct counters *counters, unsigned *flags);
/* Seconds that stand beside the usage, as usage_object_seconds takes them; else it is let be. */
void usage_note_seconds(struct usage *usage, const struct jspan_value *value);
/* Total input and output tokens of counters. */
int64_t counters_input(const struct counters *counters);
int64_t counters_output(const struct counters *counters);

#endif
