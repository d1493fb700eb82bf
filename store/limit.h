/* A limit that an operator has set: how much of what, for whom. */
#ifndef STORE_LIMIT_H
#define STORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/model.h"
#include "store/bucket.h"

/* Whose requests it counts together. */
/* clang-format off */
#define LIMIT_SCOPES(X)                                                                            \
    X(key) X(user) X(group)                                                                        \
    X(group_user) /* each user of a group by itself */                                             \
    X(model)      /* everybody's for a model */                                                    \
    X(provider)   /* everybody's at a provider: while it is used up, others are asked */
/* clang-format on */

enum limit_scope {
#define X(name) LIMIT_##name,
    LIMIT_SCOPES(X)
#undef X
        LIMIT_SCOPE_COUNT
};

enum limit_metric { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_CONCURRENT, LIMIT_METRIC_COUNT };

#define LIMIT_PERIODS 2 /* a minute, a day */

/* The first five members tell limits apart. */
struct limit {
    enum limit_scope scope;
    int64_t owner; /* of scopes key to group_user; 0 = each that has no such limit of its own */
    char model[MODEL_NAME_MAX + 1]; /* only requests for it are counted; of scope model it is whose
                                       limit this is.  "" = all; of scope model each by itself, when
                                       it has no such limit of its own */
    char provider[PROVIDER_NAME_MAX + 1]; /* of scope provider: as model of scope model */
    enum limit_metric metric;
    struct bucket_size size; /* of CONCURRENT the amount alone counts; its period and burst are 0 */
};

const char *limit_scope_name(enum limit_scope scope);
const char *limit_metric_name(enum limit_metric metric);
MUST_USE bool limit_scope_find(struct str name, enum limit_scope *scope);
MUST_USE bool limit_metric_find(struct str name, enum limit_metric *metric);
/* "min", "day": the period as it is written behind a slash. */
MUST_USE bool limit_period_find(struct str name, int64_t *period_us);
const char *limit_period_name(int64_t period_us);
/* "60/min", "100000/day"; of CONCURRENT "8". */
MUST_USE bool limit_amount_parse(struct str text, enum limit_metric metric,
                                 struct bucket_size *size);
MUST_USE bool limit_amount_format(const struct limit *limit, struct buf *text);
/* They are the same but for their amounts. */
bool limit_is(const struct limit *a, const struct limit *b);

#endif
