/* Whether what has failed is asked again.
 *
 * It opens when, within ten seconds, at least five attempts and at least half of all have failed;
 * and when five in a row have in a longer time: what hangs for a minute fails seldom. Then nobody
 * asks for a while, two seconds at first; after it one request alone probes.  A probe that is good
 * closes the breaker, one that is bad doubles the while, up to eight seconds, so that who is well
 * again is in use within ten.  The whiles are spread, so that those of many processes do not end
 * together.
 *
 * A value without a lock; times are of the monotonic clock, in ms. */
#ifndef RELAY_BREAKER_H
#define RELAY_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_SECONDS 10

/* Zeroed = closed, and nothing has happened yet. */
struct breaker {
    int64_t second; /* that good[second % BREAKER_SECONDS] and bad[...] count */
    uint32_t good[BREAKER_SECONDS], bad[BREAKER_SECONDS];
    unsigned bad_in_a_row;
    int64_t row_second; /* of the first of them */
    bool is_open, is_probed;
    unsigned bad_probes;
    int64_t until_ms; /* open: when a probe is due */
};

enum breaker_word { BREAKER_NOTHING /* it cannot be told */, BREAKER_GOOD, BREAKER_BAD };

/* 0: it may be asked now; else how long until it is worth looking again. */
int64_t breaker_wait_ms(const struct breaker *breaker, int64_t now_ms);
/* Somebody asks who was told 0 just now.  True: as the probe, whose word must follow. */
bool breaker_ask(struct breaker *breaker);
/* What came of it.  Only its probe moves an open one.  `random` spreads. */
void breaker_tell(struct breaker *breaker, enum breaker_word word, bool is_probe, int64_t now_ms,
                  uint64_t random);

#endif
