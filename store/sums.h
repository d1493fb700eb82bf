/* Sums by id, for as many ids as memory has room for: what a pass over a large table adds up. */
#ifndef STORE_SUMS_H
#define STORE_SUMS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

#define SUMS_OF_EACH 3

struct sum;

/* Zeroed is empty. */
struct sums {
    struct sum *table;
    bool failed; /* memory was out: some are missing */
    int64_t lost[SUMS_OF_EACH];
};

/* The sums of an id, which begin at 0; valid until sums_release. */
int64_t *sums_of(struct sums *sums, int64_t id);
/* Wraps where it does not fit: a damaged table must not end the process. */
void sums_add(struct sums *sums, int64_t id, const int64_t more[SUMS_OF_EACH]);
/* Walks the ids as they came; *at begins as NULL.  False behind the last. */
MUST_USE bool sums_next(const struct sums *sums, const struct sum **at);
int64_t sum_id(const struct sum *sum);
const int64_t *sum_values(const struct sum *sum);
void sums_release(struct sums *sums);

#endif
