#include "store/bucket.h"

#include "base/check.h"

#define HOUR_US INT64_C(3600000000)

static int64_t tick_us(const struct bucket_size *size)
{
    return size->period_us > HOUR_US ? 1000 : 1;
}

/* Ticks of a period: what one token costs. */
static int64_t price(const struct bucket_size *size)
{
    return size->period_us / tick_us(size);
}

static int64_t capacity(const struct bucket_size *size)
{
    return size->burst * price(size);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static void check_size(const struct bucket_size *size)
{
    CHECK(size->amount >= 1 && size->amount <= BUCKET_AMOUNT_MAX);
    CHECK(size->burst >= 1 && size->burst <= BUCKET_AMOUNT_MAX);
    CHECK(size->period_us >= 1 && size->period_us <= DAY_US);
    CHECK(size->period_us % tick_us(size) == 0);
}

void bucket_init(struct bucket *bucket, const struct bucket_size *size, int64_t now_us)
{
    check_size(size);
    *bucket =
        (struct bucket){.size = *size, .level = capacity(size), .at_tick = now_us / tick_us(size)};
}

void bucket_resize(struct bucket *bucket, const struct bucket_size *size, int64_t now_us)
{
    check_size(size);
    CHECK(size->period_us == bucket->size.period_us);
    bucket_refill(bucket, now_us);
    int64_t used = capacity(&bucket->size) - bucket->level;
    int64_t most = capacity(size);
    bucket->size = *size;
    bucket->level = clamp(most - used, -most, most);
}

void bucket_refill(struct bucket *bucket, int64_t now_us)
{
    int64_t now = now_us / tick_us(&bucket->size);
    int64_t most = capacity(&bucket->size);
    int64_t amount = bucket->size.amount;
    if (now <= bucket->at_tick)
        return;
    int64_t passed = now - bucket->at_tick;
    bucket->at_tick = now;
    /* Asked before it is multiplied: a long time would not fit. */
    bucket->level =
        passed >= ceil_div(most - bucket->level, amount) ? most : bucket->level + passed * amount;
}

int64_t bucket_wait_us(const struct bucket *bucket, int64_t n)
{
    CHECK(n >= 0);
    const struct bucket_size *size = &bucket->size;
    int64_t need = (n < size->burst ? n : size->burst) * price(size);
    if (bucket->level >= need)
        return 0;
    return ceil_div(need - bucket->level, size->amount) * tick_us(size);
}

void bucket_take(struct bucket *bucket, int64_t n)
{
    const struct bucket_size *size = &bucket->size;
    int64_t most = capacity(size);
    /* Twice the burst leads from one bound to the other. */
    int64_t counted = clamp(n, -2 * size->burst, 2 * size->burst);
    bucket->level = clamp(bucket->level - counted * price(size), -most, most);
}

void bucket_correct(struct bucket *bucket, int64_t n, int64_t used)
{
    /* More than the burst is taken of a full bucket alone: it went from one bound to the other. */
    int64_t most = 2 * bucket->size.burst;
    bucket_take(bucket, used - (n < most ? n : most));
}

int64_t bucket_remaining(const struct bucket *bucket)
{
    return bucket->level > 0 ? bucket->level / price(&bucket->size) : 0;
}

int64_t bucket_reset_us(const struct bucket *bucket)
{
    const struct bucket_size *size = &bucket->size;
    return ceil_div(capacity(size) - bucket->level, size->amount) * tick_us(size);
}
