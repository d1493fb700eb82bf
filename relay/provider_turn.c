#include "relay/provider_turn.h"

#include "base/clock.h"
#include "relay/allowance.h"
#include "relay/pin.h"
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

static struct offer_healths *healths_of(const struct request *request)
{
    return health_offers(request->relay->health);
}

static enum fault take_limits(struct request *request, const struct provider *provider,
                              struct failure *failure)
{
    const struct metered_call call = {.provider = provider->name,
                                      .model = request->model->name,
                                      .tokens = request->settle.entry.hold.metered.tokens};
    struct admission found = {.needed_nusd = 0};
    enum fault fault = book_take_turn(book_of(request), &call, &request->provider_turn, &found);
    if (fault == FAULT_GATEWAY_MEMORY)
        failure_set(failure, fault, "%s", "");
    else if (fault != FAULT_NONE)
        failure_set_limit(failure, fault, &found.limit);
    return fault;
}

enum offer_keys provider_turn_keys(const struct request *request)
{
    const struct module *module = request->module;
    bool is_kept = module->task_write != NULL || module->of_task ||
                   (module->stateful && (!request->unstored || pin_is_taken(request)));
    return is_kept ? OFFER_FIRST_KEY : OFFER_ANY_KEY;
}

bool provider_turn_has_other_key(const struct request *request, const struct failure *failure)
{
    return provider_turn_keys(request) == OFFER_ANY_KEY &&
           offer_turn_has_other_key(healths_of(request), &request->offer_turn, request->offer,
                                    failure, clock_ms());
}

bool provider_turn_take(struct request *request, const struct offer *offer)
{
    const struct offer_ask ask = {offer, provider_turn_keys(request)};
    struct failure failure = {0};
    /* Once more at its offer is with another key, though nothing may be known of any. */
    uint64_t random =
        request->offer == offer ? request->offer_turn.key + 1 : relay_random(request->relay);
    provider_turn_end(request, 0);
    if (!offer_turn_begin(healths_of(request), ask, clock_ms(), random, &request->offer_turn))
        failure_set(&failure, FAULT_NO_PROVIDER, "%s", request->model->name);
    else if (take_limits(request, offer->provider, &failure) == FAULT_NONE)
        return true;
    provider_turn_end(request, 0);
    verdict_merge(&request->failure, &failure);
    return false;
}

void provider_turn_good(struct request *request)
{
    offer_turn_good(healths_of(request), &request->offer_turn, clock_ms());
}

void provider_turn_failed(struct request *request, const struct failure *failure)
{
    offer_turn_failed(healths_of(request), &request->offer_turn, failure, clock_ms(),
                      relay_random(request->relay));
}

void provider_turn_end(struct request *request, int64_t tokens)
{
    book_end_turn(book_of(request), &request->provider_turn, tokens);
    offer_turn_end(healths_of(request), &request->offer_turn);
}
