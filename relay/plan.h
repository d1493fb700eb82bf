/* Which offers of a model to try, in what order. */
#ifndef RELAY_PLAN_H
#define RELAY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/model.h"

#define PLAN_TRIES_MAX 3

/* Ordered by priority, by weighted chance among equals; each provider at most once; disabled ones
 * are left out. */
struct plan {
    const struct offer *offers[PLAN_TRIES_MAX];
    unsigned count;
    unsigned next; /* the one to try next */
};

/* `random` seeds the weighted choice. */
void plan_make(struct plan *plan, const struct model *model, uint64_t random);
enum plan_pin { PLAN_MADE, PLAN_ELSEWHERE /* the model has no offer there */, PLAN_DISABLED };
/* Only the offer at this provider. */
enum plan_pin plan_pin(struct plan *plan, const struct model *model, const char *provider);
/* NULL when all have been tried. */
const struct offer *plan_next(struct plan *plan);

#endif
