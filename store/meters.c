#include "store/meters.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"

#define GAUGE_WAIT_US 1000000 /* when the next request ends nobody knows */
#define LOOKED_AT_EACH 2      /* old meters, for each new one */

/* A name that is compared byte for byte: two numbers and a text, as long as it is. */
struct label {
    int64_t a, b;
    char text[MODEL_NAME_MAX + 1];
};

/* Whom a limit counts, and what he has used of it. */
struct meter {
    struct rule *rule; /* NULL: its limit has ended while requests ran */
    enum limit_metric metric;
    struct bucket bucket; /* not of CONCURRENT */
    unsigned running;     /* requests that have it in their `metered` */
    UT_hash_handle hh;
    char label[];
};

/* A limit. */
struct rule {
    struct limit limit;
    struct meters *meters;
    struct rule *next;
    struct meter *each; /* meters of those whom it counts by themselves */
    struct meter *hand; /* which one to look at next; NULL = the first */
    bool is_set;        /* since meters_begin_again */
};

/* Whose limits these are: a key, a user... or each of a scope. */
struct holder {
    struct rule *rules; /* at least one */
    UT_hash_handle hh;
    char label[];
};

struct meters {
    struct holder *holders;
    unsigned limits[LIMIT_SCOPE_COUNT]; /* how many of each scope */
    int64_t now_us;                     /* threads' clocks differ; this one never goes back */
};

/* Asked once for each call from outside. */
static int64_t meters_now_us(struct meters *meters)
{
    int64_t now_us = clock_us();
    if (now_us > meters->now_us)
        meters->now_us = now_us;
    return meters->now_us;
}

/* --- labels ----------------------------------------------------------------------------------- */

static void label_set(struct label *label, int64_t a, int64_t b, const char *text)
{
    size_t n = text != NULL ? strlen(text) : 0;
    CHECK(n < sizeof label->text);
    label->a = a;
    label->b = b;
    if (n > 0)
        memcpy(label->text, text, n);
    label->text[n] = '\0';
}

static size_t label_size(const struct label *label)
{
    return offsetof(struct label, text) + strlen(label->text);
}

static void label_of_limit(const struct limit *limit, struct label *label)
{
    const char *text = limit->scope == LIMIT_model      ? limit->model
                       : limit->scope == LIMIT_provider ? limit->provider
                                                        : "";
    label_set(label, (int64_t)limit->scope, limit->owner, text);
}

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

/* --- meters ----------------------------------------------------------------------------------- */

static void meter_free_if_over(struct meter *meter)
{
    if (meter->rule == NULL && meter->running == 0)
        free(meter);
}

static void meter_unlink(struct meter *meter)
{
    struct rule *rule = meter->rule;
    if (rule->hand == meter)
        rule->hand = meter->hh.next;
    HASH_DEL(rule->each, meter);
    meter->rule = NULL;
}

static bool meter_says_nothing(struct meter *meter)
{
    if (meter->running > 0)
        return false;
    if (meter->metric == LIMIT_CONCURRENT)
        return true;
    bucket_refill(&meter->bucket, meter->rule->meters->now_us);
    return bucket_reset_us(&meter->bucket) == 0;
}

/* Looks at a few of the rule's meters in turn: each new one may let old ones go, so that those who
 * came once do not stay for ever. */
static void rule_tidy(struct rule *rule)
{
    for (unsigned i = 0; i < LOOKED_AT_EACH && rule->each != NULL; i++) {
        struct meter *meter = rule->hand != NULL ? rule->hand : rule->each;
        rule->hand = meter->hh.next;
        if (meter_says_nothing(meter)) {
            meter_unlink(meter);
            meter_free_if_over(meter);
        }
    }
}

/* The meter of the one whom `label` names, full when it is new; NULL when out of memory. */
static struct meter *rule_meter(struct rule *rule, const struct label *label)
{
    size_t n = label_size(label);
    struct meter *meter = NULL;
    HASH_FIND(hh, rule->each, label, n, meter);
    if (meter != NULL)
        return meter;
    rule_tidy(rule);
    meter = calloc(1, sizeof *meter + n);
    if (meter == NULL)
        return NULL;
    memcpy(meter->label, label, n);
    meter->metric = rule->limit.metric;
    meter->rule = rule;
    if (meter->metric != LIMIT_CONCURRENT)
        bucket_init(&meter->bucket, &rule->limit.size, rule->meters->now_us);
    HASH_ADD_KEYPTR(hh, rule->each, meter->label, n, meter);
    if (meter->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(meter);
        return NULL;
    }
    return meter;
}

/* --- limits ----------------------------------------------------------------------------------- */

static struct holder *holder_find(const struct meters *meters, const struct label *label)
{
    struct holder *holder = NULL;
    HASH_FIND(hh, meters->holders, label, label_size(label), holder);
    return holder;
}

static struct holder *holder_find_or_add(struct meters *meters, const struct label *label)
{
    size_t n = label_size(label);
    struct holder *holder = holder_find(meters, label);
    if (holder != NULL)
        return holder;
    holder = calloc(1, sizeof *holder + n);
    if (holder == NULL)
        return NULL;
    memcpy(holder->label, label, n);
    HASH_ADD_KEYPTR(hh, meters->holders, holder->label, n, holder);
    if (holder->hh.tbl == NULL) {
        free(holder);
        return NULL;
    }
    return holder;
}

static void holder_free_if_empty(struct meters *meters, struct holder *holder)
{
    if (holder->rules != NULL)
        return;
    HASH_DEL(meters->holders, holder);
    free(holder);
}

/* The link that leads to the limit, or the last one. */
static struct rule **rule_link(struct holder *holder, const struct limit *limit)
{
    struct rule **link = &holder->rules;
    while (*link != NULL && !limit_is(&(*link)->limit, limit))
        link = &(*link)->next;
    return link;
}

static void rule_free(struct meters *meters, struct rule **link)
{
    struct rule *rule = *link;
    struct meter *meter, *after;
    *link = rule->next;
    HASH_ITER(hh, rule->each, meter, after)
    {
        meter_unlink(meter);
        meter_free_if_over(meter);
    }
    meters->limits[rule->limit.scope]--;
    free(rule);
}

static void rule_change(struct rule *rule, const struct limit *limit)
{
    rule->limit = *limit;
    rule->is_set = true;
    if (limit->metric == LIMIT_CONCURRENT)
        return;
    for (struct meter *meter = rule->each; meter != NULL; meter = meter->hh.next)
        bucket_resize(&meter->bucket, &limit->size, rule->meters->now_us);
}

bool meters_set(struct meters *meters, const struct limit *limit)
{
    CHECK(meters != NULL);
    CHECK(limit->size.amount > 0);
    struct label label;
    (void)meters_now_us(meters);
    label_of_limit(limit, &label);
    struct holder *holder = holder_find_or_add(meters, &label);
    if (holder == NULL)
        return false;
    struct rule **link = rule_link(holder, limit);
    if (*link == NULL) {
        *link = calloc(1, sizeof **link);
        if (*link == NULL) {
            holder_free_if_empty(meters, holder);
            return false;
        }
        (*link)->meters = meters;
        meters->limits[limit->scope]++;
    }
    rule_change(*link, limit);
    return true;
}

void meters_remove(struct meters *meters, const struct limit *limit)
{
    CHECK(meters != NULL);
    struct label label;
    label_of_limit(limit, &label);
    struct holder *holder = holder_find(meters, &label);
    if (holder == NULL)
        return;
    struct rule **link = &holder->rules;
    while (*link != NULL) {
        struct limit wanted = *limit;
        if (limit->size.period_us < 0)
            wanted.size.period_us = (*link)->limit.size.period_us;
        if (limit_is(&(*link)->limit, &wanted))
            rule_free(meters, link);
        else
            link = &(*link)->next;
    }
    holder_free_if_empty(meters, holder);
}

void meters_begin_again(struct meters *meters)
{
    CHECK(meters != NULL);
    for (struct holder *holder = meters->holders; holder != NULL; holder = holder->hh.next) {
        for (struct rule *rule = holder->rules; rule != NULL; rule = rule->next)
            rule->is_set = false;
    }
}

void meters_end_again(struct meters *meters)
{
    CHECK(meters != NULL);
    struct holder *holder, *after;
    HASH_ITER(hh, meters->holders, holder, after)
    {
        struct rule **link = &holder->rules;
        while (*link != NULL) {
            if ((*link)->is_set)
                link = &(*link)->next;
            else
                rule_free(meters, link);
        }
        holder_free_if_empty(meters, holder);
    }
}

/* --- what a call meets ------------------------------------------------------------------------ */

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
            bucket_take(&meter->bucket, tokens - metered->tokens);
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
        *told = (struct allowance){.limit = bucket->size.amount,
                                   .remaining = bucket_remaining(bucket),
                                   .reset_us = bucket_reset_us(bucket)};
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

struct meters *meters_new(void)
{
    return calloc(1, sizeof(struct meters));
}

void meters_free(struct meters **meters)
{
    CHECK(meters != NULL);
    if (*meters == NULL)
        return;
    meters_begin_again(*meters);
    meters_end_again(*meters);
    free(*meters);
    *meters = NULL;
}

unsigned meters_count_limits(const struct meters *meters)
{
    unsigned n = 0;
    for (unsigned i = 0; i < LIMIT_SCOPE_COUNT; i++)
        n += meters->limits[i];
    return n;
}

unsigned meters_count(const struct meters *meters)
{
    unsigned n = 0;
    for (struct holder *holder = meters->holders; holder != NULL; holder = holder->hh.next) {
        for (struct rule *rule = holder->rules; rule != NULL; rule = rule->next)
            n += HASH_COUNT(rule->each);
    }
    return n;
}
