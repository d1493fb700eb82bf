/* Calls of the store's thread in line, and their way back. */
#ifndef STORE_STORE_QUEUE_H
#define STORE_STORE_QUEUE_H

#include <stdbool.h>

#include "base/mailbox.h"
#include "store/store.h"

/* First in, first out; linked by the calls' own mail. */
struct store_queue {
    struct mail *first, *last;
};

struct store_call *call_of(struct mail *mail);
void queue_add(struct store_queue *queue, struct mail *mail);
/* NULL when it is empty. */
struct store_call *queue_take(struct store_queue *queue);
/* Its deadline has passed. */
bool call_is_overdue(const struct store_call *call);
/* The call is the caller's again: it must not be touched afterwards. */
void call_reply(struct store_call *call, enum store_code code);

#endif
