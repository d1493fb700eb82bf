/* What the process has learned about offers, a provider's model each, at run time: whether its
 * breaker is open, and of each of the provider's keys how long it is to be left alone, and whether
 * it is refused.  Memory only, shared by all workers; found by name, so that it outlives a reload.
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
    unsigned key;                /* which of the provider's keys it goes with */
    uint64_t mark;               /* of that key: a reload may put another one in its place */
    bool is_probe;
};

/* An offer, and which of its provider's keys it may be asked with. */
enum offer_keys { OFFER_ANY_KEY, OFFER_FIRST_KEY };
struct offer_ask {
    const struct offer *offer;
    enum offer_keys keys;
};

/* NULL when out of memory. */
MUST_USE struct offer_healths *offer_healths_new(void);
void offer_healths_free(struct offer_healths **healths);

/* With the key that stands best; *wait_ms: how long until that is over, when it is passed over. */
enum plan_standing offer_standing(struct offer_healths *healths, struct offer_ask ask,
                                  int64_t now_ms, int64_t *wait_ms);
/* With this key. */
enum plan_standing offer_key_standing(struct offer_healths *healths, const struct offer *offer,
                                      unsigned key, int64_t now_ms, int64_t *wait_ms);
/* An attempt begins, with one of the keys that stand best: false when it may not, since another has
 * begun to probe. */
MUST_USE bool offer_turn_begin(struct offer_healths *healths, struct offer_ask ask, int64_t now_ms,
                               uint64_t random, struct offer_turn *turn);
/* Its failure is about its key, and with another one it may be asked at once. */
bool offer_turn_has_other_key(struct offer_healths *healths, const struct offer_turn *turn,
                              const struct offer *offer, const struct failure *failure,
                              int64_t now_ms);
/* What has come of it: a good answer, or a failure as the verdict gave it.  More than once: a
 * stream that began well may break. */
void offer_turn_good(struct offer_healths *healths, struct offer_turn *turn, int64_t now_ms);
void offer_turn_failed(struct offer_healths *healths, struct offer_turn *turn,
                       const struct failure *failure, int64_t now_ms, uint64_t random);
/* It is over, whatever came of it; nothing to do when none has begun. */
void offer_turn_end(struct offer_healths *healths, struct offer_turn *turn);

#endif
