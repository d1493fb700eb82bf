/* GET /videos, GET and DELETE /videos/{id}, GET /video/generations/{id}: what is known of the
 * caller's videos, from the books. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "relay/keeper.h"
#include "relay/query.h"
#include "relay/request.h"
#include "relay/task_desk.h"
#include "relay/task_get.h"
#include "relay/task_object.h"
#include "relay/task_reply.h"
#include "store/store_tasks.h"

#define LIST_DEFAULT 20
#define PAGE_BYTES ((size_t)1 << 20)
#define POLL_AFTER_MS 5000 /* what SDKs are told to wait; else they ask once a second */

static void refuse_memory(struct request *request)
{
    failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
    request_refuse(request);
}

/* --- one -----------------------------------------------------------------------------------------
 */

/* Its user wants to know: what is older than a moment is asked for, and told the next time. */
static void ask_if_stale(const struct request *request)
{
    const struct task *task = request->task;
    int64_t known_ms = task->polled_ms > task->created_ms ? task->polled_ms : task->created_ms;
    int64_t stale_ms = known_ms + request->snapshot->settings.video_refresh_after_ms;
    if (!task_has_verdict(task->state) && task->upstream_id != NULL && clock_wall_ms() >= stale_ms)
        task_desk_ask(request->relay->desks, task);
}

static void reply_one(struct request *request, task_object_writer *write)
{
    const struct task *task = request->task;
    ask_if_stale(request);
    bool ok = task_reply_add(request, task, write, &request->local);
    if (ok && !task_has_verdict(task->state))
        ok = buf_addf(&request->answer_headers, "openai-poll-after-ms: %d\n", POLL_AFTER_MS);
    if (ok)
        request_reply_local(request);
    else
        refuse_memory(request);
}

static void show(struct request *request)
{
    reply_one(request, task_object_write);
}

static void show_older(struct request *request)
{
    reply_one(request, task_object_write_older);
}

static void get_begin(struct request *request)
{
    task_get(request, show);
}

static void get_older_begin(struct request *request)
{
    task_get(request, show_older);
}

/* --- a page of them ------------------------------------------------------------------------------
 */

struct listing {
    struct store_task_list list;
    struct request *request;
    char after[TASK_PUBLIC_SIZE];
};

/* Prompts are long: a page that has passed its size ends, and there is more. */
static bool write_page(const struct request *request, const struct store_task_list *list,
                       struct buf *body)
{
    const struct task_list *page = &list->page;
    unsigned n = 0;
    bool ok = buf_add_str(body, STR("{\"object\":\"list\",\"data\":["));
    for (; ok && n < page->n && body->n < PAGE_BYTES; n++)
        ok = (n == 0 || buf_add_char(body, ',')) &&
             task_reply_add(request, page->tasks[n], task_object_write, body);
    const char *has_more = list->has_more || n < page->n ? "true" : "false";
    if (!ok || n == 0)
        return ok &&
               buf_addf(body, "],\"first_id\":null,\"last_id\":null,\"has_more\":%s}", has_more);
    return buf_addf(body, "],\"first_id\":\"%s\",\"last_id\":\"%s\",\"has_more\":%s}",
                    page->tasks[0]->public_id, page->tasks[n - 1]->public_id, has_more);
}

static void list_is_back(struct store_call *call)
{
    struct store_task_list *list = CONTAINER_OF(call, struct store_task_list, call);
    struct listing *listing = CONTAINER_OF(list, struct listing, list);
    struct request *request = listing->request;
    enum store_code code = call->code;
    bool waits = task_store_is_back(request);
    bool ok = waits && code == STORE_OK && write_page(request, list, &request->local);
    task_list_release(&list->page);
    free(listing);
    if (ok)
        request_reply_local(request);
    else if (waits && code == STORE_OK)
        refuse_memory(request);
    else if (waits)
        task_refuse(request, code);
}

static bool refuse_value(struct request *request, const char *param, const char *expected)
{
    failure_set(&request->failure, FAULT_INVALID_VALUE, "'%s': expected %s", param, expected);
    failure_set_param(&request->failure, param);
    return false;
}

/* False when it is refused; what no parameter of ours is passes unread. */
static bool read_query(struct request *request, struct listing *listing)
{
    struct store_task_list *list = &listing->list;
    struct str query = str_of(request->query);
    char limit[16], order[8];
    uint64_t n = LIST_DEFAULT;
    enum query_result has_limit = query_find(query, STR("limit"), limit, sizeof limit);
    enum query_result has_order = query_find(query, STR("order"), order, sizeof order);
    enum query_result has_after =
        query_find(query, STR("after"), listing->after, sizeof listing->after);
    if (has_limit == QUERY_BAD ||
        (has_limit == QUERY_FOUND && (!str_u64(str_of(limit), TASK_PAGE_MAX, &n) || n == 0)))
        return refuse_value(request, "limit", "an integer in 1..100");
    list->ascending = has_order == QUERY_FOUND && strcmp(order, "asc") == 0;
    if (has_order == QUERY_BAD ||
        (has_order == QUERY_FOUND && !list->ascending && strcmp(order, "desc") != 0))
        return refuse_value(request, "order", "asc or desc");
    if (has_after == QUERY_BAD) {
        failure_set(&request->failure, FAULT_TASK_NOT_FOUND, "%s", "");
        return false;
    }
    list->limit = (unsigned)n;
    list->after = has_after == QUERY_FOUND ? listing->after : NULL;
    return true;
}

static void list_begin(struct request *request)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL) {
        refuse_memory(request);
        return;
    }
    if (!read_query(request, listing)) {
        free(listing);
        request_refuse(request);
        return;
    }
    listing->request = request;
    listing->list.user_id = request->key->user_id;
    task_await_store(request, &listing->list.call, list_is_back);
    store_task_list(request->relay->store, &listing->list);
}

/* --- away with it --------------------------------------------------------------------------------
 */

struct deletion {
    struct store_task_delete one;
    struct request *request;
};

static void refuse_open(struct request *request)
{
    struct task_view view;
    task_view(request->task, &view);
    failure_set(&request->failure, FAULT_TASK_NOT_COMPLETED, "%s", view.status);
    request_refuse(request);
}

static void tell_deleted(struct request *request)
{
    if (buf_addf(&request->local, "{\"id\":\"%s\",\"object\":\"video.deleted\",\"deleted\":true}",
                 request->subject_text))
        request_reply_local(request);
    else
        refuse_memory(request);
}

static void delete_is_back(struct store_call *call)
{
    struct store_task_delete *one = CONTAINER_OF(call, struct store_task_delete, call);
    struct deletion *deletion = CONTAINER_OF(one, struct deletion, one);
    struct request *request = deletion->request;
    enum store_code code = call->code;
    free(deletion);
    /* Whether its caller still waits for the answer or not. */
    if (code == STORE_OK && request->relay->keeper != NULL)
        keeper_forget(request->relay->keeper, request->subject_text);
    if (!task_store_is_back(request))
        return;
    if (code == STORE_CONFLICT)
        task_get(request, refuse_open); /* for its status */
    else if (code != STORE_OK)
        task_refuse(request, code);
    else
        tell_deleted(request);
}

static void delete_begin(struct request *request)
{
    struct deletion *deletion = calloc(1, sizeof *deletion);
    if (deletion == NULL) {
        refuse_memory(request);
        return;
    }
    deletion->request = request;
    deletion->one.user_id = request->key->user_id;
    deletion->one.public_id = request->subject_text;
    task_await_store(request, &deletion->one.call, delete_is_back);
    store_task_delete(request->relay->store, &deletion->one);
}

#define VIDEO(method_, path_, begin_, query_)                                                      \
    {                                                                                              \
        .name = "video", .method = method_, .path = path_, .body = BODY_KIND_NONE,                 \
        .takes_query = query_, .begin = begin_,                                                    \
    }

const struct module videos_delete_module = VIDEO("DELETE", "/videos/*", delete_begin, false);
const struct module videos_get_module = VIDEO("GET", "/videos/*", get_begin, false);
const struct module videos_get_older_module =
    VIDEO("GET", "/video/generations/*", get_older_begin, false);
const struct module videos_list_module = VIDEO("GET", "/videos", list_begin, true);
