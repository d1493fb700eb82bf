#include "base/timer.h"

#include <stddef.h>

#include "base/check.h"

/* A pairing heap.  `child` is the first child, `sibling` the next child of the same parent, `back`
 * the previous sibling or, for a first child, the parent. */

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    *timer = (struct timer){.fire = fire};
}

/* Both are roots; the earlier one takes the other as its first child. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    if (b->at_ms < a->at_ms) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->sibling = a->child;
    if (b->sibling != NULL)
        b->sibling->back = b;
    b->back = a;
    a->child = b;
    return a;
}

/* Melds a list of siblings into one root: pairs from left to right, then all from right to left. */
static struct timer *meld_siblings(struct timer *list)
{
    struct timer *pairs = NULL; /* the pairs so far, latest first, linked by sibling */
    while (list != NULL) {
        struct timer *a = list, *b = a->sibling;
        list = b == NULL ? NULL : b->sibling;
        a->sibling = a->back = NULL;
        if (b != NULL)
            b->sibling = b->back = NULL;
        struct timer *pair = meld(a, b);
        pair->sibling = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs != NULL) {
        struct timer *pair = pairs;
        pairs = pair->sibling;
        pair->sibling = NULL;
        root = meld(root, pair);
    }
    return root;
}

void timer_arm(struct timers *timers, struct timer *timer, int64_t at_ms)
{
    CHECK(timer->fire != NULL);
    timer_disarm(timers, timer);
    timer->at_ms = at_ms;
    timer->armed = true;
    timers->root = meld(timers->root, timer);
}

void timer_disarm(struct timers *timers, struct timer *timer)
{
    if (!timer->armed)
        return;
    if (timer->due != NULL) /* another one that fires in the same run disarms it */
        timers = timer->due;
    timer->due = NULL;
    struct timer *below = meld_siblings(timer->child);
    if (timers->root == timer) {
        timers->root = below;
    } else {
        CHECK(timer->back != NULL);
        if (timer->back->child == timer)
            timer->back->child = timer->sibling;
        else
            timer->back->sibling = timer->sibling;
        if (timer->sibling != NULL)
            timer->sibling->back = timer->back;
        timers->root = meld(timers->root, below);
    }
    timer->child = timer->sibling = timer->back = NULL;
    timer->armed = false;
}

/* What is due is taken out first, so that a timer which arms one for now does not keep us here. */
void timers_run(struct timers *timers, int64_t now_ms)
{
    struct timers due = {NULL};
    while (timers->root != NULL && timers->root->at_ms <= now_ms) {
        struct timer *timer = timers->root;
        timer_disarm(timers, timer);
        timer_arm(&due, timer, timer->at_ms);
        timer->due = &due;
    }
    while (due.root != NULL) {
        struct timer *timer = due.root;
        timer_disarm(&due, timer);
        timer->fire(timer);
    }
}

int timers_wait_ms(const struct timers *timers, int64_t now_ms)
{
    if (timers->root == NULL)
        return -1;
    int64_t wait = timers->root->at_ms - now_ms;
    return wait <= 0 ? 0 : wait > 3600000 ? 3600000 : (int)wait;
}
