/* A thread that may wait for the disk: loops send it mail and go on. */
#ifndef RELAY_FILE_THREAD_H
#define RELAY_FILE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/mailbox.h"

struct file_thread {
    struct mailbox box; /* whose mail is delivered in it */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    const char *name;              /* for top -H; at most 15 bytes */
    void (*second)(void *context); /* called in it, about once a second; or NULL */
    void *context;
};

/* `name`, `second` and `context` are set, the rest is zero.  False when there is no thread to be
 * had; file_thread_stop is due either way. */
MUST_USE bool file_thread_start(struct file_thread *thread);
/* All mail that was posted is delivered, then it ends. */
void file_thread_stop(struct file_thread *thread);

#endif
