#include "relay/allowance.h"

#include <inttypes.h>
#include <stdio.h>

#define MS_PER_HOUR 3600000
#define MS_PER_MINUTE 60000

static int64_t ms_of(int64_t us)
{
    return us / 1000 + (us % 1000 > 0);
}

/* 41724 -> "41.724s", 41000 -> "41s". */
static bool add_seconds(int64_t ms, struct buf *text)
{
    int64_t rest = ms % 1000;
    int digits = 3;
    if (!buf_addf(text, "%" PRId64, ms / 1000))
        return false;
    for (; digits > 0 && rest % 10 == 0; digits--)
        rest /= 10;
    return (digits == 0 || buf_addf(text, ".%0*" PRId64, digits, rest)) && buf_add_char(text, 's');
}

bool duration_format(int64_t us, struct buf *text)
{
    CHECK(us >= 0);
    int64_t ms = ms_of(us);
    if (ms > 0 && ms < 1000)
        return buf_addf(text, "%" PRId64 "ms", ms);
    if (ms >= MS_PER_HOUR && !buf_addf(text, "%" PRId64 "h", ms / MS_PER_HOUR))
        return false;
    if (ms >= MS_PER_MINUTE && !buf_addf(text, "%" PRId64 "m", ms % MS_PER_HOUR / MS_PER_MINUTE))
        return false;
    return add_seconds(ms % MS_PER_MINUTE, text);
}

static bool write_one(const struct allowance *allowance, const char *metric, struct buf *lines)
{
    if (allowance->limit == 0)
        return true;
    return buf_addf(lines, "x-ratelimit-limit-%s: %" PRId64 "\n", metric, allowance->limit) &&
           buf_addf(lines, "x-ratelimit-remaining-%s: %" PRId64 "\n", metric,
                    allowance->remaining) &&
           buf_addf(lines, "x-ratelimit-reset-%s: ", metric) &&
           duration_format(allowance->reset_us, lines) && buf_add_char(lines, '\n');
}

bool allowances_write(const struct allowances *allowances, struct buf *lines)
{
    return write_one(&allowances->requests, "requests", lines) &&
           write_one(&allowances->tokens, "tokens", lines);
}

/* --- refusals ------------------------------------------------------------------------------------
 */

static const char *whose(enum limit_scope scope)
{
    static const char *const words[LIMIT_SCOPE_COUNT] = {
        [LIMIT_key] = "this token",   [LIMIT_user] = "this user",
        [LIMIT_group] = "this group", [LIMIT_group_user] = "this user",
        [LIMIT_model] = "this model", [LIMIT_provider] = "this provider",
    };
    return words[scope];
}

static const char *period_word(int64_t period_us)
{
    return period_us == DAY_US ? "day" : "minute";
}

void failure_set_limit(struct failure *failure, enum fault fault,
                       const struct limit_refusal *refusal)
{
    const char *model = refusal->for_model ? " of this model" : "";
    if (refusal->metric == LIMIT_CONCURRENT)
        failure_set(failure, fault, "%" PRId64 "%s for %s", refusal->amount, model,
                    whose(refusal->scope));
    else
        failure_set(failure, fault, "%" PRId64 " %s per %s%s%s", refusal->amount,
                    limit_metric_name(refusal->metric), period_word(refusal->period_us), model,
                    refusal->never ? "; this request is larger than what may be used at once" : "");
    failure->no_retry = refusal->never;
    failure->retry_after_ms = refusal->never ? 0 : ms_of(refusal->wait_us);
}
