/* Which offers of a model to try, in what order. */
#ifndef RELAY_PLAN_H
#define RELAY_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/model.h"

#define PLAN_TRIES_MAX 3

/* How an offer stands now, best first.  The last three are passed over. */
enum plan_standing {
    PLAN_FREE,
    PLAN_LAST,    /* only if nobody else is there */
    PLAN_COOLING, /* it limits us, or we limit it */
    PLAN_OPEN,    /* it fails */
    PLAN_PAUSED   /* the operator wants it so: as if it were disabled */
};

/* "free", "fails"..., for operators. */
const char *plan_standing_name(enum plan_standing standing);

/* Tells it, and for those that are passed over in *wait_ms how long that lasts. */
struct plan_view {
    enum plan_standing (*look)(void *context, const struct offer *offer, int64_t *wait_ms);
    void *context;
};

/* Free ones before those that are the last resort; of each, ordered by priority, by weighted chance
 * among equals; each provider at most once; disabled ones are left out. */
struct plan {
    const struct offer *offers[PLAN_TRIES_MAX]; /* tries, in their order */
    unsigned count;
    unsigned next;      /* the one to try next */
    unsigned open;      /* that fail were passed over, */
    unsigned cooling;   /* that limit, */
    int64_t soonest_ms; /* and this long until the first of them may be asked */
};

/* `random` seeds the weighted choice. */
void plan_make(struct plan *plan, const struct model *model, uint64_t random,
               const struct plan_view *view);
enum plan_pin { PLAN_MADE, PLAN_ELSEWHERE /* the model has no offer there */, PLAN_DISABLED };
/* Only the offer at this provider; PLAN_MADE with none, when it is passed over now. */
enum plan_pin plan_pin(struct plan *plan, const struct model *model, const char *provider,
                       const struct plan_view *view);
/* The one that was tried last comes once more, next; false when that would leave too few tries for
 * the others. */
MUST_USE bool plan_again(struct plan *plan);
/* NULL when all have been tried. */
const struct offer *plan_next(struct plan *plan);

#endif
