#include "store/store_queue.h"

#include "base/clock.h"

struct store_call *call_of(struct mail *mail)
{
    return CONTAINER_OF(mail, struct store_call, mail);
}

void queue_add(struct store_queue *queue, struct mail *mail)
{
    mail->next = NULL;
    if (queue->first == NULL)
        queue->first = mail;
    else
        queue->last->next = mail;
    queue->last = mail;
}

struct store_call *queue_take(struct store_queue *queue)
{
    struct mail *mail = queue->first;
    if (mail == NULL)
        return NULL;
    queue->first = mail->next;
    return call_of(mail);
}

static void deliver_reply(struct mail *mail)
{
    struct store_call *call = call_of(mail);
    call->done(call);
}

void call_reply(struct store_call *call, enum store_code code)
{
    call->code = code;
    call->mail.deliver = deliver_reply;
    mailbox_post(call->reply, &call->mail);
}

bool call_is_overdue(const struct store_call *call)
{
    return call->deadline_ms != 0 && clock_ms() > call->deadline_ms;
}
