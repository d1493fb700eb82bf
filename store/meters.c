#include "store/meters.h"

#include <string.h>

#include "store/rule.h"

#define GAUGE_WAIT_US 1000000 /* when the next request ends nobody knows */

/* --- what a call meets ------------------------------------------------------------------------ */

/* Whose own limits of this scope apply to a call; false: nobody's. */
static bool label_of_owner(const struct metered_call *call, enum limit_scope scope,
                           struct label *label)
{
    int64_t owner = 0;
    const char *text = NULL;
    switch (scope) {
    case LIMIT_key:
        owner = call->key_id;
        break;
    case LIMIT_user:
        owner = call->user_id;
        break;
    case LIMIT_group:
    case LIMIT_group_user:
        owner = call->group_id;
        break;
    case LIMIT_model:
        /* At a provider only what the provider is asked counts. */
        text = call->provider == NULL ? call->model : NULL;
        break;
    case LIMIT_provider:
        text = call->provider;
        break;
    case LIMIT_SCOPE_COUNT:
        CHECK(false);
    }
    label_set(label, (int64_t)scope, owner, text);
    return owner != 0 || text != NULL;
}

static bool rule_covers(const struct rule *rule, const struct metered_call *call)
{
    const struct limit *limit = &rule->limit;
    if (limit->metric == LIMIT_TOKENS && call->tokens == 0)
        return false;
    return limit->scope == LIMIT_model || limit->model[0] == '\0' ||
           (call->model != NULL && strcmp(limit->model, call->model) == 0);
}

/* A limit for each does not apply to who has such a limit of his own. */
static bool is_replaced(const struct rule *rule, const struct holder *own)
{
    const struct rule *other = own != NULL ? own->rules : NULL;
    const struct limit *limit = &rule->limit;
    for (; other != NULL; other = other->next) {
        if (other->limit.metric == limit->metric &&
            other->limit.size.period_us == limit->size.period_us &&
            (limit->scope == LIMIT_model || strcmp(other->limit.model, limit->model) == 0))
            return true;
    }
    return false;
}

static bool add_meter(struct rule *rule, const struct metered_call *call, const struct label *owner,
                      struct metered *metered)
{
    struct label label = *owner;
    if (rule->limit.scope == LIMIT_group_user)
        label.a = call->user_id;
    struct meter *meter = rule_meter(rule, &label);
    if (meter == NULL)
        return false;
    CHECK(metered->n < METERS_AT_ONCE);
    metered->meters[metered->n++] = meter;
    return true;
}

static bool find_of_scope(struct meters *meters, const struct metered_call *call,
                          enum limit_scope scope, struct metered *metered)
{
    struct label owner, each;
    if (meters->limits[scope] == 0 || !label_of_owner(call, scope, &owner))
        return true;
    label_set(&each, (int64_t)scope, 0, NULL);
    const struct holder *own = holder_find(meters, &owner);
    const struct holder *all = holder_find(meters, &each);
    bool ok = true;
    for (struct rule *rule = own != NULL ? own->rules : NULL; ok && rule; rule = rule->next) {
        if (rule_covers(rule, call))
            ok = add_meter(rule, call, &owner, metered);
    }
    for (struct rule *rule = all != NULL ? all->rules : NULL; ok && rule; rule = rule->next) {
        if (rule_covers(rule, call) && !is_replaced(rule, own))
            ok = add_meter(rule, call, &owner, metered);
    }
    return ok;
}

/* --- tests ------------------------------------------------------------------------------------ */

static int64_t meter_wait_us(const struct meter *meter, int64_t tokens)
{
    switch (meter->metric) {
    case LIMIT_REQUESTS:
        return bucket_wait_us(&meter->bucket, 1);
    case LIMIT_TOKENS:
        return bucket_wait_us(&meter->bucket, tokens);
    case LIMIT_CONCURRENT:
        return meter->running < (uint64_t)meter->rule->limit.size.amount ? 0 : GAUGE_WAIT_US;
    case LIMIT_METRIC_COUNT:
        break;
    }
    return 0;
}

static void meter_test(struct meter *meter, const struct metered_call *call,
                       struct limit_refusal *worst)
{
    const struct limit *limit = &meter->rule->limit;
    if (meter->metric != LIMIT_CONCURRENT)
        bucket_refill(&meter->bucket, meter->rule->meters->now_us);
    int64_t wait_us = meter_wait_us(meter, call->tokens);
    bool never = meter->metric == LIMIT_TOKENS && call->prompt_tokens > limit->size.burst;
    if (worst->never || (!never && wait_us <= worst->wait_us))
        return;
    *worst =
        (struct limit_refusal){.scope = limit->scope,
                               .metric = limit->metric,
                               .amount = limit->size.amount,
                               .period_us = limit->size.period_us,
                               .for_model = limit->scope != LIMIT_model && limit->model[0] != '\0',
                               .wait_us = wait_us,
                               .never = never};
}

enum meters_answer meters_test(struct meters *meters, const struct metered_call *call,
                               struct metered *metered, struct limit_refusal *refusal)
{
    CHECK(meters != NULL);
    CHECK(metered->n == 0);
    CHECK(call->tokens >= 0);
    struct limit_refusal worst = {.wait_us = 0};
    (void)meters_now_us(meters);
    metered->tokens = call->tokens;
    for (unsigned scope = 0; scope < LIMIT_SCOPE_COUNT; scope++) {
        if (!find_of_scope(meters, call, (enum limit_scope)scope, metered))
            return METERS_MEMORY;
    }
    for (unsigned i = 0; i < metered->n; i++)
        meter_test(metered->meters[i], call, &worst);
    if (worst.wait_us == 0 && !worst.never)
        return METERS_PASS;
    *refusal = worst;
    return METERS_REFUSE;
}

void meters_take(struct metered *metered)
{
    for (unsigned i = 0; i < metered->n; i++) {
        struct meter *meter = metered->meters[i];
        meter->running++;
        if (meter->metric != LIMIT_CONCURRENT)
            bucket_take(&meter->bucket, meter->metric == LIMIT_REQUESTS ? 1 : metered->tokens);
    }
}

void meters_end(struct meters *meters, struct metered *metered, int64_t tokens)
{
    CHECK(meters != NULL);
    CHECK(tokens >= 0);
    int64_t now_us = meters_now_us(meters);
    for (unsigned i = 0; i < metered->n; i++) {
        struct meter *meter = metered->meters[i];
        CHECK(meter->running > 0);
        meter->running--;
        if (meter->metric == LIMIT_TOKENS) {
            bucket_refill(&meter->bucket, now_us);
            bucket_correct(&meter->bucket, metered->tokens, tokens);
        }
        meter_free_if_over(meter);
    }
    metered->n = 0;
}

/* --- what is told ----------------------------------------------------------------------------- */

__extension__ typedef __int128 i128; /* ISO C has no 128-bit type */

static bool is_tighter(const struct bucket *bucket, const struct allowance *told)
{
    i128 here = (i128)bucket_remaining(bucket) * told->limit;
    i128 there = (i128)told->remaining * bucket->size.amount;
    return told->limit == 0 || here < there;
}

static struct allowance allowance_of(const struct meter *meter)
{
    const struct bucket *bucket = &meter->bucket;
    int64_t amount = meter->rule->limit.size.amount;
    if (meter->metric == LIMIT_CONCURRENT)
        return (struct allowance){
            .limit = amount,
            .remaining = meter->running < (uint64_t)amount ? amount - (int64_t)meter->running : 0};
    return (struct allowance){.limit = amount,
                              .remaining = bucket_remaining(bucket),
                              .reset_us = bucket_reset_us(bucket)};
}

void meters_tell(const struct metered *metered, struct allowances *allowances)
{
    *allowances = (struct allowances){{0, 0, 0}, {0, 0, 0}};
    for (unsigned i = 0; i < metered->n; i++) {
        const struct meter *meter = metered->meters[i];
        const struct bucket *bucket = &meter->bucket;
        struct allowance *told =
            meter->metric == LIMIT_REQUESTS ? &allowances->requests : &allowances->tokens;
        if (meter->metric == LIMIT_CONCURRENT || !is_tighter(bucket, told))
            continue;
        *told = allowance_of(meter);
    }
}

unsigned meters_list(const struct metered *metered, struct limit_left list[METERS_AT_ONCE])
{
    for (unsigned i = 0; i < metered->n; i++) {
        const struct meter *meter = metered->meters[i];
        list[i] = (struct limit_left){.limit = meter->rule->limit, .left = allowance_of(meter)};
    }
    return metered->n;
}
