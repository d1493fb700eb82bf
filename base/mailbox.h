/* A many-to-one queue of mail between threads, with an eventfd that wakes the reader.
 *
 * Mail is embedded in what it carries, so posting allocates nothing and cannot fail.  Whoever posts
 * must not touch the mail again until it comes back. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/check.h"

struct mail {
    struct mail *next;
    /* Called in the reader's thread, in the order of posting. */
    void (*deliver)(struct mail *mail);
};

struct mailbox {
    _Atomic(struct mail *) head; /* newest first */
    int fd;                      /* eventfd, readable when mail may be waiting */
};

/* False when no eventfd can be had. */
MUST_USE bool mailbox_init(struct mailbox *box);
void mailbox_release(struct mailbox *box);
/* Any thread.  Keeps `mail` until it has been delivered. */
void mailbox_post(struct mailbox *box, struct mail *mail);
/* Reader only: clears the eventfd and takes everything, oldest first; NULL when empty. */
struct mail *mailbox_take(struct mailbox *box);
/* Reader only: takes everything and calls each one's deliver. */
void mailbox_deliver(struct mailbox *box);

#endif
