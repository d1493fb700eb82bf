#include "relay/plan.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

/* xorshift64*: enough for spreading load, and a test can seed it. */
static uint64_t shuffle(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dULL;
}

static bool is_planned(const struct plan *plan, const struct provider *provider)
{
    for (unsigned i = 0; i < plan->count; i++) {
        if (plan->offers[i]->provider == provider)
            return true;
    }
    return false;
}

static bool is_candidate(const struct plan *plan, const struct offer *offer)
{
    return offer->provider->enabled && !is_planned(plan, offer->provider);
}

/* The lowest priority that still has a candidate, and the weight of its candidates together. */
static uint64_t tier_weight(const struct plan *plan, const struct model *model, int *priority)
{
    uint64_t weight = 0;
    for (unsigned i = 0; i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        if (!is_candidate(plan, offer) || (weight > 0 && offer->priority > *priority))
            continue;
        if (weight > 0 && offer->priority < *priority)
            weight = 0;
        *priority = offer->priority;
        weight += (uint64_t)offer->weight;
    }
    return weight;
}

static const struct offer *pick(const struct plan *plan, const struct model *model,
                                uint64_t *random)
{
    int priority = 0;
    uint64_t weight = tier_weight(plan, model, &priority);
    if (weight == 0)
        return NULL;
    uint64_t at = shuffle(random) % weight;
    for (unsigned i = 0; i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        if (!is_candidate(plan, offer) || offer->priority != priority)
            continue;
        if (at < (uint64_t)offer->weight)
            return offer;
        at -= (uint64_t)offer->weight;
    }
    return NULL;
}

void plan_make(struct plan *plan, const struct model *model, uint64_t random)
{
    *plan = (struct plan){.count = 0};
    uint64_t state = random | 1;
    while (plan->count < PLAN_TRIES_MAX) {
        const struct offer *offer = pick(plan, model, &state);
        if (offer == NULL)
            break;
        plan->offers[plan->count++] = offer;
    }
}

enum plan_pin plan_pin(struct plan *plan, const struct model *model, const char *provider)
{
    *plan = (struct plan){.count = 0};
    for (unsigned i = 0; i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        if (strcmp(offer->provider->name, provider) != 0)
            continue;
        if (!offer->provider->enabled)
            return PLAN_DISABLED;
        plan->offers[plan->count++] = offer;
        return PLAN_MADE;
    }
    return PLAN_ELSEWHERE;
}

const struct offer *plan_next(struct plan *plan)
{
    return plan->next < plan->count ? plan->offers[plan->next++] : NULL;
}
