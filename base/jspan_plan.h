/* A table of base/jspan's wants, digested once for every scanner that uses it. */
#ifndef BASE_JSPAN_PLAN_H
#define BASE_JSPAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/jspan.h"

#define JSPAN_KEY_MAX 64 /* bytes of the longest step of a path */

/* Sets of wants are bit masks, bit i for the i-th want. */
struct jspan_plan {
    const struct jspan_want *table;
    uint64_t all;
    uint64_t exact[JSPAN_PATH_MAX + 2];                  /* by the number of steps */
    uint64_t elements[JSPAN_PATH_MAX];                   /* by the place of a "[]" step */
    uint64_t long_as[JSPAN_PATH_MAX][JSPAN_KEY_MAX + 1]; /* by place and length of a step */
    uint64_t policy, copies, strings, inside;            /* by flag */
};

/* Keeps the table.  CHECK: n <= JSPAN_WANTS_MAX; no step is longer than JSPAN_KEY_MAX. */
void jspan_plan_init(struct jspan_plan *plan, const struct jspan_want *table, size_t n);

#endif
