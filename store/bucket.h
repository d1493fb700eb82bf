/* A token bucket in whole numbers: so much in a period, so much at once.
 *
 * What is in it is counted in tokens x ticks, so that refilling has no remainder and never drifts:
 * a tick is a microsecond, of a period longer than an hour a millisecond.  It may go into debt when
 * the cost is known only afterwards, but by no more than it holds: the longest wait for one token
 * is then a period and a tick.  Invariant: -burst <= what is in it <= burst. */
#ifndef STORE_BUCKET_H
#define STORE_BUCKET_H

#include <stdint.h>

#define BUCKET_AMOUNT_MAX INT64_C(10000000000) /* x the ticks of a period stays below 2^61 */
#define MINUTE_US INT64_C(60000000)
#define DAY_US INT64_C(86400000000)

/* What it is to be. */
struct bucket_size {
    int64_t amount; /* tokens in a period, 1..BUCKET_AMOUNT_MAX */
    int64_t period_us;
    int64_t burst; /* tokens at once, 1..BUCKET_AMOUNT_MAX */
};

struct bucket {
    struct bucket_size size;
    int64_t level;   /* tokens x ticks */
    int64_t at_tick; /* what the level is of */
};

/* Full.  CHECK: the size is in its ranges, the period a whole number of ticks up to a day. */
void bucket_init(struct bucket *bucket, const struct bucket_size *size, int64_t now_us);
/* Another size of the same period: what has been used of it stays used. */
void bucket_resize(struct bucket *bucket, const struct bucket_size *size, int64_t now_us);
/* Adds what has come since; a time before the last one changes nothing.  The others below are about
 * the bucket as of then. */
void bucket_refill(struct bucket *bucket, int64_t now_us);
/* How long until `n` can be taken; 0 = now.  More than it ever holds is let in when it is full. */
int64_t bucket_wait_us(const struct bucket *bucket, int64_t n);
/* Takes n, or gives back -n: beyond the debt that it may have, and above the burst, it is lost. */
void bucket_take(struct bucket *bucket, int64_t n);
/* n were taken, and `used` it was.  No more comes back than had been there to be taken. */
void bucket_correct(struct bucket *bucket, int64_t n, int64_t used);
/* Whole tokens that are there, >= 0, and how long until it is full. */
int64_t bucket_remaining(const struct bucket *bucket);
int64_t bucket_reset_us(const struct bucket *bucket);

#endif
