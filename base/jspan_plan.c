#include "base/jspan_plan.h"

#include <string.h>

static void add(struct jspan_plan *plan, size_t at)
{
    const struct jspan_want *want = &plan->table[at];
    uint64_t bit = UINT64_C(1) << at;
    size_t steps = 0;

    for (; steps < JSPAN_PATH_MAX && want->path[steps] != NULL; steps++) {
        size_t n = strlen(want->path[steps]);
        CHECK(n <= JSPAN_KEY_MAX);
        plan->long_as[steps][n] |= bit;
        if (strcmp(want->path[steps], "[]") == 0)
            plan->elements[steps] |= bit;
    }
    plan->exact[steps] |= bit;
    plan->all |= bit;
    if (want->flags & JSPAN_POLICY)
        plan->policy |= bit;
    if (want->flags & JSPAN_COPY)
        plan->copies |= bit;
    if (want->flags & JSPAN_STRINGS)
        plan->strings |= bit;
    if (want->flags & JSPAN_INSIDE)
        plan->inside |= bit;
}

void jspan_plan_init(struct jspan_plan *plan, const struct jspan_want *table, size_t n)
{
    CHECK(plan != NULL && n <= JSPAN_WANTS_MAX && (n == 0 || table != NULL));
    memset(plan, 0, sizeof *plan);
    plan->table = table;
    for (size_t i = 0; i < n; i++)
        add(plan, i);
}
