/* GET /dashboard/billing/subscription and /usage: the balance, as chat clients ask for it.  They
 * show hard_limit_usd - total_usage / 100, so that is what the key may still spend.  Their dates
 * (start_date, end_date) are not looked at: a month's usage against a limit for ever would be no
 * balance.  Source: one-api and new-api, controller/billing.go. */
#include "relay/request.h"

#include <inttypes.h>

#define NUSD_PER_CENT INT64_C(10000000)

static enum fault refuse_memory(struct failure *failure)
{
    failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

static bool find_standing(struct request *request, struct standing *standing)
{
    return book_standing(store_book(request->relay->store), request->key, standing) == FAULT_NONE;
}

static enum fault subscription_local(struct request *request, struct buf *body,
                                     struct failure *failure)
{
    struct standing standing;
    int64_t limit_nusd;
    char limit[USD_TEXT_SIZE];
    if (!find_standing(request, &standing))
        return refuse_memory(failure);
    if (__builtin_add_overflow(standing.spent_nusd, standing.available_nusd, &limit_nusd))
        limit_nusd = INT64_MAX;
    usd_format(limit_nusd, limit);
    bool ok = buf_addf(body,
                       "{\"object\":\"billing_subscription\",\"has_payment_method\":true,"
                       "\"soft_limit_usd\":%s,\"hard_limit_usd\":%s,\"system_hard_limit_usd\":%s,"
                       "\"access_until\":%" PRId64 "}",
                       limit, limit, limit, request->key->expires_ms / 1000);
    return ok ? FAULT_NONE : refuse_memory(failure);
}

static enum fault usage_local(struct request *request, struct buf *body, struct failure *failure)
{
    struct standing standing;
    if (!find_standing(request, &standing))
        return refuse_memory(failure);
    int64_t spent = standing.spent_nusd > 0 ? standing.spent_nusd : 0; /* it adds up charges */
    bool ok = buf_addf(body, "{\"object\":\"list\",\"total_usage\":%" PRId64 ".%07" PRId64 "}",
                       spent / NUSD_PER_CENT, spent % NUSD_PER_CENT);
    return ok ? FAULT_NONE : refuse_memory(failure);
}

const struct module billing_subscription_module = {
    .name = "billing",
    .method = "GET",
    .path = "/dashboard/billing/subscription",
    .body = BODY_KIND_NONE,
    .local = subscription_local,
};

const struct module billing_usage_module = {
    .name = "billing",
    .method = "GET",
    .path = "/dashboard/billing/usage",
    .body = BODY_KIND_NONE,
    .local = usage_local,
};
