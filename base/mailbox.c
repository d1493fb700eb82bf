#include "base/mailbox.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool mailbox_init(struct mailbox *box)
{
    atomic_init(&box->head, NULL);
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return box->fd >= 0;
}

void mailbox_release(struct mailbox *box)
{
    if (box->fd >= 0)
        close(box->fd);
    box->fd = -1;
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    struct mail *head = atomic_load_explicit(&box->head, memory_order_relaxed);
    do {
        mail->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&box->head, &head, mail, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (head != NULL)
        return; /* whoever found it empty has woken the reader, which takes all at once */
    uint64_t one = 1;
    ssize_t written = write(box->fd, &one, sizeof one);
    (void)written; /* a full counter is readable all the same */
}

struct mail *mailbox_take(struct mailbox *box)
{
    uint64_t count;
    ssize_t got = read(box->fd, &count, sizeof count);
    (void)got; /* EAGAIN: nothing was posted */
    struct mail *newest = atomic_exchange_explicit(&box->head, NULL, memory_order_acq_rel);
    struct mail *oldest = NULL;
    while (newest != NULL) {
        struct mail *mail = newest;
        newest = mail->next;
        mail->next = oldest;
        oldest = mail;
    }
    return oldest;
}

void mailbox_deliver(struct mailbox *box)
{
    struct mail *mail = mailbox_take(box);
    while (mail != NULL) {
        struct mail *next = mail->next; /* it may be posted again, or freed, when delivered */
        mail->deliver(mail);
        mail = next;
    }
}
