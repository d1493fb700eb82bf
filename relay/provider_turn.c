#include "relay/provider_turn.h"

#include "relay/allowance.h"
#include "relay/count.h"
#include "relay/request.h"
#include "relay/verdict.h"

static struct book *book_of(const struct request *request)
{
    return store_book(request->relay->store);
}

bool provider_turn_is_free(struct book *book, const struct provider *provider,
                           const struct demand *demand, int64_t *wait_us)
{
    const struct metered_call call = {.provider = provider->name,
                                      .model = demand->model,
                                      .tokens = demand->tokens,
                                      .prompt_tokens = demand->prompt_tokens};
    struct limit_refusal refusal = {.wait_us = 0};
    if (book_try_turn(book, &call, &refusal) != FAULT_PROVIDERS_COOLING)
        return true; /* without memory, too: the attempt will tell */
    /* What never passes does not pass tomorrow, either. */
    int64_t wait = refusal.never ? DAY_US : refusal.wait_us;
    if (wait < *wait_us)
        *wait_us = wait;
    return false;
}

enum fault provider_turn_skim(struct request *request)
{
    struct plan *plan = &request->plan;
    struct demand demand = {.model = request->model->name};
    int64_t wait_us = INT64_MAX;
    unsigned kept = 0;
    count_demand(request, &demand.tokens, &demand.prompt_tokens);
    for (unsigned i = 0; i < plan->count; i++) {
        if (provider_turn_is_free(book_of(request), plan->offers[i]->provider, &demand, &wait_us))
            plan->offers[kept++] = plan->offers[i];
    }
    plan->count = kept;
    if (kept > 0)
        return FAULT_NONE;
    const struct limit_refusal refusal = {.scope = LIMIT_provider, .wait_us = wait_us};
    failure_set_limit(&request->failure, FAULT_PROVIDERS_COOLING, &refusal);
    return FAULT_PROVIDERS_COOLING;
}

bool provider_turn_take(struct request *request, const struct provider *provider)
{
    const struct metered_call call = {.provider = provider->name,
                                      .model = request->model->name,
                                      .tokens = request->settle.entry.hold.metered.tokens};
    struct admission found = {.needed_nusd = 0};
    struct failure failure = {0};
    provider_turn_end(request, 0);
    enum fault fault = book_take_turn(book_of(request), &call, &request->provider_turn, &found);
    if (fault == FAULT_NONE)
        return true;
    if (fault == FAULT_GATEWAY_MEMORY)
        failure_set(&failure, fault, "%s", "");
    else
        failure_set_limit(&failure, fault, &found.limit);
    verdict_merge(&request->failure, &failure);
    return false;
}

void provider_turn_end(struct request *request, int64_t tokens)
{
    book_end_turn(book_of(request), &request->provider_turn, tokens);
}
