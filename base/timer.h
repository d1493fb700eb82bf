/* Deadlines of one loop: an intrusive pairing heap, so that arming never allocates and cannot
 * fail. */
#ifndef BASE_TIMER_H
#define BASE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timers;

struct timer {
    int64_t at_ms; /* clock_ms() at which it is due */
    void (*fire)(struct timer *timer);
    struct timer *child, *sibling, *back; /* heap links; back is NULL only when idle or root */
    struct timers *due;                   /* set while it waits its turn inside timers_run */
    bool armed;
};

struct timers {
    struct timer *root;
};

void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
/* Arms or re-arms.  Borrows the timer until it fires or is disarmed. */
void timer_arm(struct timers *timers, struct timer *timer, int64_t at_ms);
/* A no-op when idle. */
void timer_disarm(struct timers *timers, struct timer *timer);
/* Fires (disarmed first) every timer due at now_ms; a timer that fires may arm others, which wait
 * for the next call if due. */
void timers_run(struct timers *timers, int64_t now_ms);
/* Milliseconds until the next is due (0 = now), or -1 for none. */
int timers_wait_ms(const struct timers *timers, int64_t now_ms);

#endif
