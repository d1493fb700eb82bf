#include "relay/choose.h"

#include "base/clock.h"
#include "relay/count.h"
#include "relay/offer_health.h"
#include "relay/provider_turn.h"
#include "relay/request.h"

struct chooser {
    const struct request *request;
    struct demand demand;
};

static enum plan_standing look(void *context, const struct offer *offer, int64_t *wait_ms)
{
    const struct chooser *chooser = context;
    struct relay *relay = chooser->request->relay;
    const struct offer_ask ask = {offer, provider_turn_keys(chooser->request)};
    int64_t wait_us = INT64_MAX;
    if (atomic_load(&health_of(relay->health, offer->provider->name)->is_paused))
        return PLAN_PAUSED;
    enum plan_standing standing =
        offer_standing(health_offers(relay->health), ask, clock_ms(), wait_ms);
    if (standing == PLAN_COOLING || standing == PLAN_OPEN ||
        provider_turn_is_free(store_book(relay->store), offer->provider, &chooser->demand,
                              &wait_us))
        return standing;
    *wait_ms = (wait_us + 999) / 1000;
    return PLAN_COOLING;
}

static struct chooser chooser_of(const struct request *request)
{
    struct chooser chooser = {.request = request, .demand = {.model = request->model->name}};
    count_demand(request, &chooser.demand.tokens, &chooser.demand.prompt_tokens);
    return chooser;
}

/* Nobody is asked: what is told of it. */
static enum fault refuse(struct request *request)
{
    const struct plan *plan = &request->plan;
    bool all_limit = plan->cooling > 0 && plan->open == 0;
    enum fault fault = all_limit ? FAULT_PROVIDERS_COOLING : FAULT_NO_PROVIDER;
    failure_set(&request->failure, fault, "%s", request->model->name);
    request->failure.retry_after_ms = plan->soonest_ms;
    return fault;
}

enum plan_standing choose_standing(const struct request *request, const struct offer *offer,
                                   int64_t *wait_ms)
{
    struct chooser chooser = chooser_of(request);
    *wait_ms = 0;
    return look(&chooser, offer, wait_ms);
}

enum fault choose_offers(struct request *request)
{
    struct chooser chooser = chooser_of(request);
    const struct plan_view view = {.look = look, .context = &chooser};
    plan_make(&request->plan, request->model, relay_random(request->relay), &view);
    return request->plan.count > 0 ? FAULT_NONE : refuse(request);
}

enum fault choose_offer_at(struct request *request, const char *provider, bool *elsewhere)
{
    struct chooser chooser = chooser_of(request);
    const struct plan_view view = {.look = look, .context = &chooser};
    *elsewhere = plan_pin(&request->plan, request->model, provider, &view) == PLAN_ELSEWHERE;
    return request->plan.count > 0 ? FAULT_NONE : refuse(request);
}
