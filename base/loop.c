#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define BATCH 64
#define READY_RUNS_MAX 1000000 /* in one call: more is a livelock */

/* [batch_at, batch_n) are the events of this turn that are still to be told. */
struct loop {
    int epoll;
    pthread_t owner;
    struct timers timers;
    struct mailbox mailbox;
    struct watch mail_watch;
    struct ready *ready_head, **ready_tail;
    struct grave *graves;
    struct epoll_event batch[BATCH];
    int batch_n, batch_at;
    bool is_turning; /* false until the first wait has ended */
    int64_t turn_began_us, lag_us;
};

static void mail_on_events(struct watch *watch, uint32_t events)
{
    struct loop *loop = CONTAINER_OF(watch, struct loop, mail_watch);
    (void)events;
    mailbox_deliver(&loop->mailbox);
}

enum fault loop_new(struct loop **out)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return FAULT_GATEWAY_MEMORY;
    loop->ready_tail = &loop->ready_head;
    loop->mail_watch = (struct watch){.fd = -1, .on_events = mail_on_events};
    loop->mailbox.fd = -1;
    loop->owner = pthread_self();
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0 || !mailbox_init(&loop->mailbox) ||
        !loop_watch(loop, &loop->mail_watch, loop->mailbox.fd, EPOLLIN)) {
        loop_free(&loop);
        return FAULT_GATEWAY_INTERNAL;
    }
    *out = loop;
    return FAULT_NONE;
}

void loop_free(struct loop **loop)
{
    struct loop *l = *loop;
    if (l == NULL)
        return;
    CHECK(l->ready_head == NULL);
    CHECK(l->graves == NULL);
    mailbox_release(&l->mailbox);
    if (l->epoll >= 0)
        close(l->epoll);
    free(l);
    *loop = NULL;
}

void loop_own(struct loop *loop)
{
    loop->owner = pthread_self();
}

bool loop_is_mine(const struct loop *loop)
{
    return pthread_equal(loop->owner, pthread_self());
}

bool loop_watch(struct loop *loop, struct watch *watch, int fd, uint32_t events)
{
    DCHECK(loop_is_mine(loop));
    struct epoll_event event = {.events = events, .data.ptr = watch};
    int operation = watch->fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    CHECK(watch->fd == fd || watch->fd < 0);
    if (epoll_ctl(loop->epoll, operation, fd, &event) != 0)
        return false;
    watch->fd = fd;
    watch->events = events;
    return true;
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    if (watch->fd < 0)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
    for (int i = loop->batch_at; i < loop->batch_n; i++) {
        if (loop->batch[i].data.ptr == watch)
            loop->batch[i].data.ptr = NULL;
    }
}

struct timers *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

struct mailbox *loop_mailbox(struct loop *loop)
{
    return &loop->mailbox;
}

void loop_mark(struct loop *loop, struct ready *ready)
{
    DCHECK(loop_is_mine(loop));
    if (ready->marked)
        return;
    ready->marked = true;
    ready->next = NULL;
    *loop->ready_tail = ready;
    loop->ready_tail = &ready->next;
}

void loop_unmark(struct loop *loop, struct ready *ready)
{
    if (!ready->marked)
        return;
    struct ready **at = &loop->ready_head;
    while (*at != ready)
        at = &(*at)->next;
    *at = ready->next;
    if (loop->ready_tail == &ready->next)
        loop->ready_tail = at;
    ready->marked = false;
}

void loop_run_ready(struct loop *loop)
{
    unsigned runs = 0;
    while (loop->ready_head != NULL) {
        struct ready *ready = loop->ready_head;
        loop_unmark(loop, ready);
        ready->run(ready);
        CHECK(++runs < READY_RUNS_MAX);
    }
}

bool loop_has_ready(const struct loop *loop)
{
    return loop->ready_head != NULL;
}

void loop_bury(struct loop *loop, struct grave *grave)
{
    grave->next = loop->graves;
    loop->graves = grave;
}

void loop_reap(struct loop *loop)
{
    while (loop->graves != NULL) {
        struct grave *grave = loop->graves;
        loop->graves = grave->next;
        grave->release(grave);
    }
}

/* The time to sleep.  The clock's own ms are cut off, so the difference is rounded up: epoll never
 * wakes us before the timer is due, which would be a spin. */
static int wait_ms(const struct loop *loop, int64_t now_us, int max_ms)
{
    if (loop->ready_head != NULL)
        return 0;
    int wait = timers_wait_ms(&loop->timers, now_us / 1000);
    return max_ms >= 0 && (wait < 0 || max_ms < wait) ? max_ms : wait;
}

void loop_wait(struct loop *loop, int max_ms)
{
    DCHECK(loop_is_mine(loop));
    CHECK(loop->batch_at == loop->batch_n); /* an edge-triggered event would be lost */
    /* Not the cached time: a long turn must not make the timers late by as much again. */
    int64_t now_us = clock_precise_us();
    if (loop->is_turning && now_us - loop->turn_began_us > loop->lag_us)
        loop->lag_us = now_us - loop->turn_began_us;
    int n = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop, now_us, max_ms));
    CHECK(n >= 0 || errno == EINTR);
    loop->batch_n = n > 0 ? n : 0;
    loop->batch_at = 0;
    clock_tick();
    loop->turn_began_us = clock_us();
    loop->is_turning = true;
}

void loop_run_events(struct loop *loop)
{
    while (loop->batch_at < loop->batch_n) {
        struct epoll_event *event = &loop->batch[loop->batch_at++];
        struct watch *watch = event->data.ptr;
        if (watch == NULL)
            continue;
        /* An earlier callback of this turn may have narrowed what the owner wants. */
        uint32_t events = event->events & (watch->events | EPOLLERR | EPOLLHUP);
        if (events != 0)
            watch->on_events(watch, events);
    }
    loop->batch_n = loop->batch_at = 0;
}

void loop_run_timers(struct loop *loop)
{
    timers_run(&loop->timers, clock_ms());
}

int64_t loop_lag_us(struct loop *loop)
{
    int64_t lag = loop->lag_us;
    loop->lag_us = 0;
    return lag;
}
