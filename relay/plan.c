#include "relay/plan.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"

const char *plan_standing_name(enum plan_standing standing)
{
    static const char *const names[] = {[PLAN_FREE] = "free",
                                        [PLAN_LAST] = "refuses us",
                                        [PLAN_COOLING] = "limits",
                                        [PLAN_OPEN] = "fails",
                                        [PLAN_PAUSED] = "paused"};
    return names[standing];
}

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

/* How each offer of a model stands while a plan is made. */
struct standings {
    const struct model *model;
    enum plan_standing of[MODEL_OFFERS_MAX];
};

static enum plan_standing look(struct plan *plan, const struct offer *offer,
                               const struct plan_view *view)
{
    int64_t wait_ms = 0;
    enum plan_standing standing = view->look(view->context, offer, &wait_ms);
    if (standing != PLAN_COOLING && standing != PLAN_OPEN)
        return standing;
    bool is_first = plan->open + plan->cooling == 0;
    plan->open += standing == PLAN_OPEN;
    plan->cooling += standing == PLAN_COOLING;
    if (is_first || wait_ms < plan->soonest_ms)
        plan->soonest_ms = wait_ms;
    return standing;
}

static bool is_candidate(const struct plan *plan, const struct standings *standings, unsigned at,
                         enum plan_standing wanted)
{
    return standings->of[at] == wanted && !is_planned(plan, standings->model->offers[at].provider);
}

/* The lowest priority that still has a candidate, and the weight of its candidates together. */
static uint64_t tier_weight(const struct plan *plan, const struct standings *standings,
                            enum plan_standing wanted, int *priority)
{
    uint64_t weight = 0;
    for (unsigned i = 0; i < standings->model->offer_count; i++) {
        const struct offer *offer = &standings->model->offers[i];
        if (!is_candidate(plan, standings, i, wanted) ||
            (weight > 0 && offer->priority > *priority))
            continue;
        if (weight > 0 && offer->priority < *priority)
            weight = 0;
        *priority = offer->priority;
        weight += (uint64_t)offer->weight;
    }
    return weight;
}

static const struct offer *pick(const struct plan *plan, const struct standings *standings,
                                enum plan_standing wanted, uint64_t *random)
{
    int priority = 0;
    uint64_t weight = tier_weight(plan, standings, wanted, &priority);
    if (weight == 0)
        return NULL;
    uint64_t at = shuffle(random) % weight;
    for (unsigned i = 0; i < standings->model->offer_count; i++) {
        const struct offer *offer = &standings->model->offers[i];
        if (!is_candidate(plan, standings, i, wanted) || offer->priority != priority)
            continue;
        if (at < (uint64_t)offer->weight)
            return offer;
        at -= (uint64_t)offer->weight;
    }
    return NULL;
}

void plan_make(struct plan *plan, const struct model *model, uint64_t random,
               const struct plan_view *view)
{
    static const enum plan_standing wanted[] = {PLAN_FREE, PLAN_LAST};
    struct standings standings = {.model = model};
    const struct offer *offer;
    uint64_t state = random | 1;
    *plan = (struct plan){.count = 0};
    CHECK(model->offer_count <= MODEL_OFFERS_MAX);
    for (unsigned i = 0; i < model->offer_count; i++)
        standings.of[i] =
            model->offers[i].provider->enabled ? look(plan, &model->offers[i], view) : PLAN_OPEN;
    for (size_t i = 0; i < COUNT(wanted); i++) {
        while (plan->count < PLAN_TRIES_MAX &&
               (offer = pick(plan, &standings, wanted[i], &state)) != NULL)
            plan->offers[plan->count++] = offer;
    }
}

enum plan_pin plan_pin(struct plan *plan, const struct model *model, const char *provider,
                       const struct plan_view *view)
{
    *plan = (struct plan){.count = 0};
    for (unsigned i = 0; i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        if (strcmp(offer->provider->name, provider) != 0)
            continue;
        if (!offer->provider->enabled)
            return PLAN_DISABLED;
        enum plan_standing standing = look(plan, offer, view);
        if (standing == PLAN_FREE || standing == PLAN_LAST)
            plan->offers[plan->count++] = offer;
        return PLAN_MADE;
    }
    return PLAN_ELSEWHERE;
}

bool plan_again(struct plan *plan)
{
    CHECK(plan->next > 0);
    if (plan->count == PLAN_TRIES_MAX)
        return false;
    for (unsigned i = plan->count++; i > plan->next; i--)
        plan->offers[i] = plan->offers[i - 1];
    plan->offers[plan->next] = plan->offers[plan->next - 1];
    return true;
}

const struct offer *plan_next(struct plan *plan)
{
    return plan->next < plan->count ? plan->offers[plan->next++] : NULL;
}
