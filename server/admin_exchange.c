/* The admin API over HTTP: POST /admin/NOUN/VERB on the admin socket, a JSON object in, JSON out.
 */
#include "server/exchange.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/log.h"
#include "server/http.h"
#include "server/worker.h"

/* "/admin/user/add" -> "user add", in place; false when it is no such path. */
static bool operation_of(struct str path, struct buf *operation)
{
    struct str noun, verb, rest;
    if (!str_starts(path, STR("/admin/")))
        return false;
    rest = str_from(path, 7);
    if (!str_cut(&rest, '/', &noun) || noun.n == 0)
        return false;
    if (!buf_add_str(operation, noun))
        return false;
    if (!str_cut(&rest, '/', &verb))
        return true; /* one word, as "status" */
    return verb.n > 0 && rest.n == 0 && buf_add_char(operation, ' ') &&
           buf_add_str(operation, verb);
}

enum fault admin_exchange_head(struct exchange *x, const struct head *head)
{
    struct str path = head_path(head);
    enum fault fault = guard_check(head, &x->refused);
    if (fault != FAULT_NONE)
        return fault;
    if (str_eq(head->method, STR("POST")) && str_starts(path, STR("/admin/")))
        return FAULT_NONE;
    failure_set(&x->refused, FAULT_UNKNOWN_PATH, "%.*s %.*s", STR_ARG(head->method),
                STR_ARG(str_slice(path, 0, 200)));
    return FAULT_UNKNOWN_PATH;
}

static void call_is_done(struct admin_call *call)
{
    struct exchange *x = call->context;
    x->admin_done = true;
    exchange_wake(x);
}

void admin_exchange_begin(struct exchange *x)
{
    struct buf operation;
    size_t n = 0;
    struct admin_call *call = calloc(1, sizeof *call);
    json_t *arguments = x->admin_body.n == 0 ? json_object()
                                             : json_loadb(x->admin_body.p, x->admin_body.n,
                                                          JSON_REJECT_DUPLICATES, NULL);
    buf_init(&operation, 256);
    struct head head = {.target = str_of(x->target)};
    bool ok = operation_of(head_path(&head), &operation);
    if (call == NULL || !json_is_object(arguments) || !ok) {
        failure_set(&x->refused, FAULT_INVALID_JSON, "a JSON object of arguments is expected");
        json_decref(arguments);
        buf_release(&operation);
        free(call);
        return;
    }
    /* The operation's name lives in the exchange's target from here on: one allocation, one end. */
    free(x->target);
    x->target = buf_take(&operation, &n);
    call->operation = str_of(x->target);
    call->arguments = arguments;
    call->reply = loop_mailbox(x->loop);
    call->done = call_is_done;
    call->context = x;
    x->admin_call = call;
    admin_begin(x->client->worker->admin, call);
}
