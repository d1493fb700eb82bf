/* The limits in force, and for each a meter of everybody whom it counts by himself.
 *
 * Part of the quota book, under its mutex: what a request meets is tested first, all of it, and
 * taken only when every meter and every account agrees (store/book).  A meter in which nothing is
 * missing and that no request is running on says nothing, so it may go; there are at most as many
 * as there are limits times those whom each counts. */
#ifndef STORE_METERS_H
#define STORE_METERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/limit.h"

struct meters;
struct meter;

/* What a request meets at most: of key, user, group and group_user each metric and period, for all
 * models and for its own; of the model the same once. */
#define METERS_PER_SCOPE (2 * LIMIT_PERIODS + 1)
#define METERS_AT_ONCE (4 * 2 * METERS_PER_SCOPE + METERS_PER_SCOPE)

/* Who asks for what; an id of 0 and a NULL are none, and their limits do not apply. */
struct metered_call {
    int64_t key_id, user_id, group_id;
    const char *model, *provider;
    int64_t tokens;        /* that it may use; 0 = tokens are not counted */
    int64_t prompt_tokens; /* of them, what is sent: more than a burst of it will never pass */
};

/* What a request is running on; a value, owned by it.  Ended exactly once when it has been taken.
 */
struct metered {
    struct meter *meters[METERS_AT_ONCE];
    unsigned n;
    int64_t tokens; /* admitted; the rest is corrected at the end */
};

/* The limit that refuses, of several the one that does so longest. */
struct limit_refusal {
    enum limit_scope scope;
    enum limit_metric metric;
    int64_t amount, period_us;
    bool for_model;  /* it counts the requests for this model alone */
    int64_t wait_us; /* until it would pass */
    bool never;      /* it is larger than what may be used at once */
};

/* What is left of a limit; `limit` 0 = there is none. */
struct allowance {
    int64_t limit, remaining;
    int64_t reset_us; /* until all of it is there again */
};
/* Of each metric that of the limit with the least left, in proportion. */
struct allowances {
    struct allowance requests, tokens;
};

/* What is left of one limit; of CONCURRENT without a time. */
struct limit_left {
    struct limit limit;
    struct allowance left;
};

/* NULL when out of memory. */
MUST_USE struct meters *meters_new(void);
/* NULL-safe; nulls the pointer.  Requests that still run keep their meters until they end. */
void meters_free(struct meters **meters);

/* Adds a limit, or gives one other amounts: what has been used of it stays used. */
MUST_USE bool meters_set(struct meters *meters, const struct limit *limit);
/* Ends a limit; period_us < 0: of every period. */
void meters_remove(struct meters *meters, const struct limit *limit);
/* Between the two each limit is set again; those that are not end. */
void meters_begin_again(struct meters *meters);
void meters_end_again(struct meters *meters);

enum meters_answer { METERS_PASS, METERS_REFUSE, METERS_MEMORY };
/* Finds what the call meets and tests it; nothing is taken yet.  `metered` must be zeroed. */
MUST_USE enum meters_answer meters_test(struct meters *meters, const struct metered_call *call,
                                        struct metered *metered, struct limit_refusal *refusal);
/* Right behind the test. */
void meters_take(struct metered *metered);
void meters_tell(const struct metered *metered, struct allowances *allowances);
/* Each of them; how many there are. */
unsigned meters_list(const struct metered *metered, struct limit_left list[METERS_AT_ONCE]);
/* It has used so many tokens, and runs no more. */
void meters_end(struct meters *meters, struct metered *metered, int64_t tokens);

/* Limits and meters that are here, for tests. */
unsigned meters_count_limits(const struct meters *meters);
unsigned meters_count(const struct meters *meters);

#endif
