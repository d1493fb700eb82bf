/* Counts of times, in classes that are at most 1/64 of the value wide. */
#ifndef TESTS_BENCH_HISTOGRAM_H
#define TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_CLASSES 2368 /* up to 2^41 */

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_CLASSES];
};

/* A negative value counts as 0. */
void histogram_add(struct histogram *h, int64_t value);
/* The value that `part` (0..1) of all are not above, or 0 where there are none. */
int64_t histogram_at(const struct histogram *h, double part);

#endif
