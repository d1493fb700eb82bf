#include "store/rule.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOOKED_AT_EACH 2 /* old meters, for each new one */

int64_t meters_now_us(struct meters *meters)
{
    int64_t now_us = clock_us();
    if (now_us > meters->now_us)
        meters->now_us = now_us;
    return meters->now_us;
}

/* --- labels ----------------------------------------------------------------------------------- */

void label_set(struct label *label, int64_t a, int64_t b, const char *text)
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

/* --- meters ----------------------------------------------------------------------------------- */

void meter_free_if_over(struct meter *meter)
{
    if (meter->rule == NULL && meter->running == 0)
        free(meter);
}

static void meter_unlink(struct rule *rule, struct meter *meter)
{
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
            meter_unlink(rule, meter);
            meter_free_if_over(meter);
        }
    }
}

struct meter *rule_meter(struct rule *rule, const struct label *label)
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

struct holder *holder_find(const struct meters *meters, const struct label *label)
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
        meter_unlink(rule, meter);
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
