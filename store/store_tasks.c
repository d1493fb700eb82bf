#include "store/store_tasks.h"

#include <stdlib.h>
#include <string.h>

#include "store/store_thread.h"

/* --- from any thread -------------------------------------------------------------------------- */

static void post(struct store *store, struct store_call *call, enum store_call_kind kind)
{
    CHECK(call->reply != NULL && call->done != NULL);
    call->kind = kind;
    mailbox_post(&store->box, &call->mail);
}

void store_task_create(struct store *store, struct store_task_create *create)
{
    const struct task *task = &create->task;
    CHECK(task->id > 0 && task->user_id > 0 && task->created_ms > 0 && task->hold_nusd >= 0);
    CHECK(strlen(task->public_id) == TASK_PUBLIC_SIZE - 1);
    CHECK(task->provider != NULL && task->model != NULL && task_fits(task));
    if (create->idem_key != NULL)
        CHECK(create->idem_key[0] != '\0' && strlen(create->idem_key) <= IDEM_KEY_MAX);
    create->existing = NULL;
    post(store, &create->call, CALL_TASK_CREATE);
}

void store_task_made(struct store *store, struct store_task_create *create)
{
    CHECK(create->task.user_id > 0 && create->task.created_ms > 0 && create->idem_key != NULL);
    create->existing = NULL;
    post(store, &create->call, CALL_TASK_MADE);
}

void store_task_progress(struct store *store, struct store_task_progress *progress)
{
    CHECK(progress->heard == TASK_queued || progress->heard == TASK_in_progress);
    CHECK(progress->progress >= 0 && progress->progress <= 99);
    CHECK(progress->next_poll_ms > 0);
    CHECK(task_fits(&(struct task){.urls = progress->urls}));
    post(store, &progress->call, CALL_TASK_PROGRESS);
}

void store_task_finish(struct store *store, struct store_task_finish *finish)
{
    CHECK(finish->verdict == TASK_completed || finish->verdict == TASK_failed ||
          finish->verdict == TASK_expired);
    CHECK(finish->now_ms > 0 && finish->give_back_nusd >= 0);
    CHECK(task_fits(&(struct task){.urls = finish->urls,
                                   .error_code = finish->error_code,
                                   .error_message = finish->error_message}));
    post(store, &finish->call, CALL_TASK_FINISH);
}

void store_task_get(struct store *store, struct store_task_get *get)
{
    CHECK(get->public_id != NULL);
    get->task = NULL;
    post(store, &get->call, CALL_TASK_GET);
}

void store_task_list(struct store *store, struct store_task_list *list)
{
    CHECK(list->limit > 0 && list->limit <= TASK_PAGE_MAX);
    list->page = (struct task_list){NULL, 0};
    list->has_more = false;
    post(store, &list->call, CALL_TASK_LIST);
}

void store_task_delete(struct store *store, struct store_task_delete *one)
{
    CHECK(one->public_id != NULL);
    post(store, &one->call, CALL_TASK_DELETE);
}

void store_task_due(struct store *store, struct store_task_due *due)
{
    CHECK(due->workers > 0 && due->worker < due->workers);
    CHECK(due->limit > 0 && due->limit <= TASKS_DUE_MAX);
    due->due = (struct task_list){NULL, 0};
    post(store, &due->call, CALL_TASK_DUE);
}

void store_task_completed(struct store *store, struct store_task_completed *completed)
{
    CHECK(completed->workers > 0 && completed->worker < completed->workers);
    CHECK(completed->limit > 0 && completed->limit <= TASKS_DUE_MAX);
    completed->page = (struct task_list){NULL, 0};
    post(store, &completed->call, CALL_TASK_COMPLETED);
}

void store_task_forget(struct store *store, struct store_task_forget *forget)
{
    CHECK(forget->before_ms > 0);
    forget->n = 0;
    post(store, &forget->call, CALL_TASK_FORGET);
}

void store_task_counts(const struct store *store, int64_t counts[TASK_STATE_COUNT])
{
    for (unsigned i = 0; i < TASK_STATE_COUNT; i++)
        counts[i] = atomic_load_explicit(&store->task_counts[i], memory_order_relaxed);
}

void task_list_release(struct task_list *list)
{
    for (unsigned i = 0; i < list->n; i++)
        task_free(&list->tasks[i]);
    free(list->tasks);
    *list = (struct task_list){NULL, 0};
}

void task_check_end(struct ledger_entry *entry)
{
    const struct task_end *end = &entry->task;
    CHECK(end->step == TASK_STEP_SUBMITTED || entry->charge_nusd == 0);
    if (end->step == TASK_STEP_SUBMITTED) {
        CHECK(end->upstream_id != NULL && end->upstream_id[0] != '\0');
        CHECK(end->now_ms > 0 && end->next_poll_ms > 0 && entry->provider != NULL);
        CHECK(task_fits(&(struct task){.upstream_id = end->upstream_id,
                                       .provider = entry->provider,
                                       .upstream_model = entry->upstream_model}));
    }
    if (end->step == TASK_STEP_AMBIGUOUS)
        entry->flags |= ENTRY_FLAG(maybe_billed);
}

/* --- in the store thread: reads --------------------------------------------------------------- */

/* Another user's task is as little there as one that never was. */
static enum store_code read_own(struct db *db, const char *public_id, int64_t user_id,
                                struct task **task)
{
    struct task *found = NULL;
    enum store_code code = task_by_public_id(db, public_id, &found);
    if (code == STORE_OK &&
        ((user_id != TASK_OF_ANYBODY && found->user_id != user_id) || found->deleted)) {
        task_free(&found);
        code = STORE_NOTFOUND;
    }
    *task = found;
    return code;
}

/* A page may begin behind a task that has been deleted since it was seen. */
static enum store_code find_after(struct db *db, const struct store_task_list *list, int64_t *id)
{
    struct task *task = NULL;
    *id = list->ascending ? 0 : INT64_MAX;
    if (list->after == NULL)
        return STORE_OK;
    enum store_code code = task_by_public_id(db, list->after, &task);
    if (code == STORE_OK && task->user_id != list->user_id)
        code = STORE_NOTFOUND;
    if (code == STORE_OK)
        *id = task->id;
    task_free(&task);
    return code;
}

static enum store_code read_page(struct db *db, struct store_task_list *list)
{
    int64_t from;
    enum store_code code = find_after(db, list, &from);
    if (code == STORE_OK)
        code = tasks_of_user(db, list, from, &list->page);
    if (code == STORE_OK && list->page.n > list->limit) {
        list->has_more = true;
        task_free(&list->page.tasks[--list->page.n]);
    }
    return code;
}

enum store_code task_serve_read(struct db *db, struct store_call *call)
{
    if (call->kind == CALL_TASK_GET) {
        struct store_task_get *get = CONTAINER_OF(call, struct store_task_get, call);
        return read_own(db, get->public_id, get->user_id, &get->task);
    }
    if (call->kind == CALL_TASK_LIST)
        return read_page(db, CONTAINER_OF(call, struct store_task_list, call));
    if (call->kind == CALL_TASK_COMPLETED) {
        struct store_task_completed *completed =
            CONTAINER_OF(call, struct store_task_completed, call);
        return tasks_completed(db, completed, &completed->page);
    }
    if (call->kind == CALL_TASK_MADE)
        return task_made(db, CONTAINER_OF(call, struct store_task_create, call));
    CHECK(call->kind == CALL_TASK_DUE);
    struct store_task_due *due = CONTAINER_OF(call, struct store_task_due, call);
    return tasks_due(db, due, &due->due);
}

/* --- in the store thread: moves --------------------------------------------------------------- */

enum store_code task_serve_move(struct task_room *room, struct store_call *call)
{
    if (call->kind == CALL_TASK_CREATE)
        return task_create(room, CONTAINER_OF(call, struct store_task_create, call));
    if (call->kind == CALL_TASK_PROGRESS)
        return task_progress(room, CONTAINER_OF(call, struct store_task_progress, call));
    if (call->kind == CALL_TASK_FINISH)
        return task_finish(room, CONTAINER_OF(call, struct store_task_finish, call));
    if (call->kind == CALL_TASK_FORGET)
        return task_forget(room, CONTAINER_OF(call, struct store_task_forget, call));
    CHECK(call->kind == CALL_TASK_DELETE);
    return task_delete(room, CONTAINER_OF(call, struct store_task_delete, call));
}

void task_move_committed(struct book *book, struct store_call *call)
{
    if (call->kind == CALL_TASK_FINISH)
        book_give_back(book, &CONTAINER_OF(call, struct store_task_finish, call)->given_back);
}

void task_move_abandoned(struct store_call *call)
{
    if (call->kind == CALL_TASK_CREATE)
        task_free(&CONTAINER_OF(call, struct store_task_create, call)->existing);
}

void task_counts_read(struct store *store)
{
    int64_t counts[TASK_STATE_COUNT];
    tasks_count(store->db, counts);
    for (unsigned i = 0; db_trouble(store->db) == DB_FINE && i < TASK_STATE_COUNT; i++)
        atomic_store_explicit(&store->task_counts[i], counts[i], memory_order_relaxed);
}

void task_tally_add(struct store *store, const struct task_tally *tally)
{
    for (unsigned i = 0; i < TASK_STATE_COUNT; i++) {
        if (tally->n[i] != 0)
            atomic_fetch_add_explicit(&store->task_counts[i], tally->n[i], memory_order_relaxed);
    }
}
