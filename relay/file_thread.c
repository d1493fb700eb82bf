#include "relay/file_thread.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"

#define SECOND_MS 1000

static void *run(void *argument)
{
    struct file_thread *thread = argument;
    (void)pthread_setname_np(pthread_self(), thread->name);
    log_join();
    clock_tick();
    int64_t next_ms = clock_ms();
    bool is_last = false;
    while (!is_last) {
        struct pollfd fd = {.fd = thread->box.fd, .events = POLLIN};
        int64_t wait = next_ms - clock_ms();
        is_last = atomic_load(&thread->stopping);
        if (!is_last)
            poll(&fd, 1, wait < 0 ? 0 : wait < SECOND_MS ? (int)wait : SECOND_MS);
        clock_tick();
        mailbox_deliver(&thread->box);
        if (clock_ms() < next_ms)
            continue;
        next_ms = clock_ms() + SECOND_MS;
        if (thread->second != NULL)
            thread->second(thread->context);
    }
    log_leave();
    return NULL;
}

bool file_thread_start(struct file_thread *thread)
{
    if (!mailbox_init(&thread->box)) {
        thread->box.fd = -1;
        return false;
    }
    thread->started = pthread_create(&thread->thread, NULL, run, thread) == 0;
    return thread->started;
}

static void wake(struct mail *mail)
{
    (void)mail;
}

void file_thread_stop(struct file_thread *thread)
{
    struct mail last = {.deliver = wake};
    atomic_store(&thread->stopping, true);
    if (thread->started) {
        mailbox_post(&thread->box, &last);
        pthread_join(thread->thread, NULL);
    }
    mailbox_release(&thread->box);
    thread->started = false;
}
