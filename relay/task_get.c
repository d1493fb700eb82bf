#include "relay/task_get.h"

#include <stdlib.h>

#include "base/clock.h"
#include "relay/request.h"
#include "store/store_tasks.h"

struct getting {
    struct store_task_get get;
    struct request *request;
    void (*then)(struct request *request);
};

void task_refuse(struct request *request, enum store_code code)
{
    enum fault fault = code == STORE_NOTFOUND ? FAULT_TASK_NOT_FOUND : FAULT_STORE_UNAVAILABLE;
    failure_set(&request->failure, fault, "%s", "");
    request_refuse(request);
}

void task_await_store(struct request *request, struct store_call *call,
                      void (*done)(struct store_call *call))
{
    int64_t limit = clock_ms() + request->snapshot->settings.server_store_timeout_ms;
    call->reply = loop_mailbox(request->relay->loop);
    call->done = done;
    call->deadline_ms = limit;
    request->mail_out++;
    if (request->state != REQUEST_LOOKING_UP)
        request_enter(request, REQUEST_LOOKING_UP, "about a task");
    timer_arm(loop_timers(request->relay->loop), &request->timer, limit);
}

bool task_store_is_back(struct request *request)
{
    bool waits = request->state == REQUEST_LOOKING_UP;
    request_mail_back(request);
    return waits;
}

static void is_back(struct store_call *call)
{
    struct store_task_get *get = CONTAINER_OF(call, struct store_task_get, call);
    struct getting *getting = CONTAINER_OF(get, struct getting, get);
    struct request *request = getting->request;
    void (*then)(struct request *) = getting->then;
    enum store_code code = call->code;
    if (code == STORE_OK) {
        task_free(&request->task);
        request->task = get->task;
    }
    free(getting);
    if (!task_store_is_back(request))
        return;
    if (code == STORE_OK)
        then(request);
    else
        task_refuse(request, code);
}

static void is_looked_up(struct request *request)
{
    request->looked_up = true;
    request_wake_exchange(request);
}

void task_look_up(struct request *request)
{
    task_get(request, is_looked_up);
}

void task_get(struct request *request, void (*then)(struct request *request))
{
    struct getting *getting = calloc(1, sizeof *getting);
    if (getting == NULL) {
        failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
        request_refuse(request);
        return;
    }
    getting->request = request;
    getting->then = then;
    CHECK(request->key != NULL || request->by_link);
    getting->get.user_id = request->by_link ? TASK_OF_ANYBODY : request->key->user_id;
    getting->get.public_id = request->subject_text;
    task_await_store(request, &getting->get.call, is_back);
    store_task_get(request->relay->store, &getting->get);
}
