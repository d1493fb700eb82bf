/* The limits in force and whom each has counted: a private part of store/meters, under the mutex of
 * the quota book. */
#ifndef STORE_RULE_H
#define STORE_RULE_H

#include <stddef.h>
#include <stdint.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/check.h"
#include "store/limit.h"
#include "store/meters.h"

/* A name that is compared byte for byte: two numbers and a text, as long as it is. */
struct label {
    int64_t a, b;
    char text[MODEL_NAME_MAX + 1];
};

/* Whom a limit counts, and what he has used of it. */
struct meter {
    struct rule *rule; /* NULL: its limit has ended while requests ran */
    enum limit_metric metric;
    struct bucket bucket; /* not of CONCURRENT */
    unsigned running;     /* requests that have it in their `metered` */
    UT_hash_handle hh;
    char label[];
};

/* A limit. */
struct rule {
    struct limit limit;
    struct meters *meters;
    struct rule *next;
    struct meter *each; /* meters of those whom it counts by themselves */
    struct meter *hand; /* which one to look at next; NULL = the first */
    bool is_set;        /* since meters_begin_again */
};

/* Whose limits these are: a key, a user... or each of a scope. */
struct holder {
    struct rule *rules; /* at least one */
    UT_hash_handle hh;
    char label[];
};

struct meters {
    struct holder *holders;
    unsigned limits[LIMIT_SCOPE_COUNT]; /* how many of each scope */
    int64_t now_us;                     /* threads' clocks differ; this one never goes back */
};

void label_set(struct label *label, int64_t a, int64_t b, const char *text);
/* Whose limits they are; NULL = nobody's. */
struct holder *holder_find(const struct meters *meters, const struct label *label);
/* The meter of the one whom `label` names, full when it is new; NULL when out of memory. */
MUST_USE struct meter *rule_meter(struct rule *rule, const struct label *label);
/* Its limit has ended, and so has the last request on it. */
void meter_free_if_over(struct meter *meter);
/* Asked once for each call from outside. */
int64_t meters_now_us(struct meters *meters);

#endif
