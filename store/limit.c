#include "store/limit.h"

#include <inttypes.h>
#include <string.h>

static const char *const scope_names[LIMIT_SCOPE_COUNT] = {
#define X(name) [LIMIT_##name] = #name,
    LIMIT_SCOPES(X)
#undef X
};

static const char *const metric_names[LIMIT_METRIC_COUNT] = {
    [LIMIT_REQUESTS] = "requests", [LIMIT_TOKENS] = "tokens", [LIMIT_CONCURRENT] = "concurrent"};

static const struct {
    const char *name;
    int64_t us;
} periods[LIMIT_PERIODS] = {{"min", MINUTE_US}, {"day", DAY_US}};

const char *limit_scope_name(enum limit_scope scope)
{
    CHECK(scope < LIMIT_SCOPE_COUNT);
    return scope_names[scope];
}

const char *limit_metric_name(enum limit_metric metric)
{
    CHECK(metric < LIMIT_METRIC_COUNT);
    return metric_names[metric];
}

bool limit_scope_find(struct str name, enum limit_scope *scope)
{
    for (unsigned i = 0; i < LIMIT_SCOPE_COUNT; i++) {
        if (str_eq(name, str_of(scope_names[i]))) {
            *scope = (enum limit_scope)i;
            return true;
        }
    }
    return false;
}

bool limit_metric_find(struct str name, enum limit_metric *metric)
{
    for (unsigned i = 0; i < LIMIT_METRIC_COUNT; i++) {
        if (str_eq(name, str_of(metric_names[i]))) {
            *metric = (enum limit_metric)i;
            return true;
        }
    }
    return false;
}

bool limit_period_find(struct str name, int64_t *period_us)
{
    for (unsigned i = 0; i < LIMIT_PERIODS; i++) {
        if (str_eq(name, str_of(periods[i].name))) {
            *period_us = periods[i].us;
            return true;
        }
    }
    return false;
}

const char *limit_period_name(int64_t period_us)
{
    for (unsigned i = 0; i < LIMIT_PERIODS; i++) {
        if (periods[i].us == period_us)
            return periods[i].name;
    }
    return "";
}

bool limit_amount_parse(struct str text, enum limit_metric metric, struct bucket_size *size)
{
    struct bucket_size read = {0, 0, 0};
    size_t slash = str_index(text, '/');
    bool has_period = slash < text.n;
    if (!str_i64(str_slice(text, 0, slash), 1, BUCKET_AMOUNT_MAX, &read.amount) ||
        has_period == (metric == LIMIT_CONCURRENT))
        return false;
    if (has_period && !limit_period_find(str_from(text, slash + 1), &read.period_us))
        return false;
    read.burst = has_period ? read.amount : 0;
    *size = read;
    return true;
}

bool limit_amount_format(const struct limit *limit, struct buf *text)
{
    CHECK(limit != NULL);
    if (limit->metric == LIMIT_CONCURRENT)
        return buf_addf(text, "%" PRId64, limit->size.amount);
    return buf_addf(text, "%" PRId64 "/%s", limit->size.amount,
                    limit_period_name(limit->size.period_us));
}

bool limit_is(const struct limit *a, const struct limit *b)
{
    return a->scope == b->scope && a->owner == b->owner && a->metric == b->metric &&
           a->size.period_us == b->size.period_us && strcmp(a->model, b->model) == 0 &&
           strcmp(a->provider, b->provider) == 0;
}
