/* What the process has learned about offers, a provider's model each, at run time: whether its
 * breaker is open, how long it wants to be left alone, and whether it refuses our account.  Memory
 * only, shared by all workers; found by name, so that it outlives a reload.
 *
 * A provider with `breaker = off` is always free, whatever it has done. */
#ifndef RELAY_OFFER_HEALTH_H
#define RELAY_OFFER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/model.h"
#include "relay/failure.h"
#include "relay/plan.h"

struct offer_healths;
struct offer_health;

/* An attempt at an offer, while it is not known what comes of it.  Zeroed = none. */
struct offer_turn {
    struct offer_health *health; /* NULL: nothing is learned of it */
    bool is_probe;
};

/* NULL when out of memory. */
MUST_USE struct offer_healths *offer_healths_new(void);
void offer_healths_free(struct offer_healths **healths);

/* *wait_ms: how long until that is over, when it is passed over. */
enum plan_standing offer_standing(struct offer_healths *healths, const struct offer *offer,
                                  int64_t now_ms, int64_t *wait_ms);
/* An attempt begins: false when it may not, since another has begun to probe. */
MUST_USE bool offer_turn_begin(struct offer_healths *healths, const struct offer *offer,
                               int64_t now_ms, struct offer_turn *turn);
/* What has come of it: a good answer, or a failure as the verdict gave it.  More than once: a
 * stream that began well may break. */
void offer_turn_good(struct offer_healths *healths, struct offer_turn *turn, int64_t now_ms);
void offer_turn_failed(struct offer_healths *healths, struct offer_turn *turn,
                       const struct failure *failure, int64_t now_ms, uint64_t random);
/* It is over, whatever came of it; nothing to do when none has begun. */
void offer_turn_end(struct offer_healths *healths, struct offer_turn *turn);

#endif
