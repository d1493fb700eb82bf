#include "store/task_moves.h"

#include <string.h>

#include "store/sqlite_give_back.h"
#include "store/sqlite_tasks.h"

static void turn(struct task_room *room, struct task *task, enum task_state to, int64_t now_ms)
{
    CHECK(task_may_turn(task->state, to));
    room->tally.n[task->state]--;
    room->tally.n[to]++;
    task->state = to;
    if (!task_has_verdict(to))
        return;
    task->ended_ms = now_ms;
    task->next_poll_ms = 0;
}

static enum store_code written(struct task_room *room)
{
    return db_trouble(room->db) == DB_FINE ? STORE_OK : STORE_DOWN;
}

/* --- making one ------------------------------------------------------------------------------- */

/* The row of this id: created by the same call, sent again. */
static enum store_code compare_row(const struct store_task_create *create, const struct task *row)
{
    return strcmp(create->task.public_id, row->public_id) == 0 &&
                   create->task.user_id == row->user_id
               ? STORE_OK
               : STORE_CONFLICT;
}

enum store_code task_made(struct db *db, struct store_task_create *create)
{
    int64_t id = 0;
    switch (idem_find(db, create, &id)) {
    case IDEM_FREE:
        break;
    case IDEM_OTHER:
        return STORE_CONFLICT;
    case IDEM_SAME:
        /* Not when it is our own. */
        return id == create->task.id ? STORE_NOTFOUND : task_by_id(db, id, &create->existing);
    }
    return db_trouble(db) == DB_FINE ? STORE_NOTFOUND : STORE_DOWN;
}

enum store_code task_create(struct task_room *room, struct store_task_create *create)
{
    struct task *row = NULL;
    enum store_code code = STORE_NOTFOUND;
    if (create->idem_key != NULL)
        code = task_made(room->db, create);
    if (code != STORE_NOTFOUND)
        return code;
    code = task_by_id(room->db, create->task.id, &row);
    if (code == STORE_OK) {
        code = compare_row(create, row);
        task_free(&row);
        return code;
    }
    if (code != STORE_NOTFOUND)
        return code;
    create->task.state = TASK_creating;
    task_insert(room->db, &create->task);
    if (create->idem_key != NULL)
        idem_put(room->db, create);
    room->tally.n[TASK_creating]++;
    return written(room);
}

/* --- the end of the request that makes one ---------------------------------------------------- */

static bool has_upstream_id(const struct task *task, const char *upstream_id)
{
    return task->upstream_id != NULL && strcmp(task->upstream_id, upstream_id) == 0;
}

static bool is_repeated(const struct task *task, const struct task_end *end)
{
    switch (end->step) {
    case TASK_STEP_SUBMITTED:
        return has_upstream_id(task, end->upstream_id);
    case TASK_STEP_AMBIGUOUS:
        return task->state == TASK_unknown;
    case TASK_STEP_REFUSED:
    case TASK_STEP_NONE:
        break;
    }
    return false;
}

enum task_end_answer task_find_end(struct task_room *room, const struct ledger_entry *entry,
                                   struct task **task)
{
    struct task *row = NULL;
    switch (task_by_id(room->db, entry->id, &row)) {
    case STORE_OK:
        break;
    case STORE_NOTFOUND:
        return entry->task.step == TASK_STEP_REFUSED ? TASK_END_REPEATED : TASK_END_CONFLICT;
    case STORE_CONFLICT:
    case STORE_SHORT:
    case STORE_BUSY:
    case STORE_DOWN:
    case STORE_INVALID:
    case STORE_UNKNOWN:
        return TASK_END_FAILED;
    }
    if (row->state == TASK_creating) {
        *task = row;
        return TASK_END_NEW;
    }
    bool repeated = is_repeated(row, &entry->task);
    task_free(&row);
    return repeated ? TASK_END_REPEATED : TASK_END_CONFLICT;
}

static void note_submitted(struct task_room *room, const struct ledger_entry *entry,
                           struct task *task)
{
    turn(room, task, TASK_queued, entry->task.now_ms);
    task->upstream_id = entry->task.upstream_id;
    task->provider = entry->provider;
    task->upstream_model = entry->upstream_model;
    task->charge_nusd = entry->charge_nusd;
    task->counters = entry->counters;
    task->deadline_ms = entry->task.now_ms + TASK_LIFE_MS;
    task->next_poll_ms = entry->task.next_poll_ms;
    task_update(room->db, task);
}

void task_make_end(struct task_room *room, const struct ledger_entry *entry, struct task *task)
{
    switch (entry->task.step) {
    case TASK_STEP_SUBMITTED:
        note_submitted(room, entry, task);
        break;
    case TASK_STEP_AMBIGUOUS:
        turn(room, task, TASK_unknown, entry->task.now_ms);
        task->flags |= TASK_FLAG(maybe_billed);
        if (entry->provider != NULL)
            task->provider = entry->provider; /* the one that may have it */
        task_update(room->db, task);
        break;
    case TASK_STEP_REFUSED:
        room->tally.n[task->state]--;
        task_remove(room->db, task->id);
        break;
    case TASK_STEP_NONE:
        CHECK(!"a step");
        break;
    }
}

/* --- what the provider says ------------------------------------------------------------------- */

static void note_polled(struct task *task, const struct store_task_progress *progress)
{
    task->polls++;
    task->polled_ms = progress->now_ms;
    task->next_poll_ms = progress->next_poll_ms;
}

static void go_on(struct task_room *room, struct task *task,
                  const struct store_task_progress *progress)
{
    if (task_may_turn(task->state, progress->heard))
        turn(room, task, progress->heard, progress->now_ms);
    if (progress->progress > task->progress)
        task->progress = progress->progress;
    if (task->state == TASK_in_progress && task->progress == 0)
        task->progress = 1; /* as it is shown, and a failure after it must not go back */
    if (progress->urls != NULL)
        task->urls = progress->urls;
    note_polled(task, progress);
    task_update(room->db, task);
}

enum store_code task_progress(struct task_room *room, struct store_task_progress *progress)
{
    struct task *task = NULL;
    enum store_code code = task_by_id(room->db, progress->id, &task);
    if (code != STORE_OK)
        return code;
    switch (task->state) {
    case TASK_queued:
    case TASK_in_progress:
        go_on(room, task, progress);
        break;
    case TASK_completed:
        if (progress->urls == NULL)
            break;
        task->urls = progress->urls;
        task_update(room->db, task);
        break;
    case TASK_expired:
        note_polled(task, progress);
        task_update(room->db, task);
        break;
    case TASK_creating:
    case TASK_failed:
    case TASK_unknown:
    case TASK_STATE_COUNT:
        break;
    }
    progress->state = task->state;
    task_free(&task);
    return written(room);
}

/* --- the verdict ------------------------------------------------------------------------------ */

static enum store_code give_back(struct task_room *room, struct task *task,
                                 struct store_task_finish *finish)
{
    bool is_done = finish->verdict == TASK_completed;
    int64_t nusd = is_done ? finish->give_back_nusd : task->charge_nusd;
    if (nusd == 0)
        return STORE_OK;
    switch (ledger_give_back(room->db, task->id, finish->now_ms, nusd,
                             task_state_name(finish->verdict), &finish->given_back)) {
    case LEDGER_PUT:
        task->given_back_nusd = nusd;
        return STORE_OK;
    case LEDGER_CONFLICT:
        return STORE_CONFLICT;
    case LEDGER_FAILED:
        break;
    }
    return STORE_DOWN;
}

static void decide(struct task_room *room, struct task *task, struct store_task_finish *finish)
{
    if (task->state == TASK_expired)
        task->flags |= TASK_FLAG(late_success);
    turn(room, task, finish->verdict, finish->now_ms);
    task->error_code = finish->verdict == TASK_failed ? finish->error_code : NULL;
    task->error_message = finish->verdict == TASK_failed ? finish->error_message : NULL;
    if (finish->verdict == TASK_completed) {
        task->progress = 100;
        task->expires_ms = finish->expires_ms;
        if (finish->urls != NULL)
            task->urls = finish->urls;
    }
    if (finish->verdict == TASK_expired)
        task->next_poll_ms = finish->next_poll_ms;
    task_update(room->db, task);
    finish->moved = true;
}

enum store_code task_finish(struct task_room *room, struct store_task_finish *finish)
{
    struct task *task = NULL;
    finish->moved = false;
    finish->given_back = (struct give_back){0};
    enum store_code code = task_by_id(room->db, finish->id, &task);
    if (code != STORE_OK)
        return code;
    if (task_may_turn(task->state, finish->verdict)) {
        /* What has expired has been given back whole. */
        if (task->state != TASK_expired)
            code = give_back(room, task, finish);
        if (code == STORE_OK)
            decide(room, task, finish);
    }
    finish->state = task->state;
    task_free(&task);
    return code == STORE_OK ? written(room) : code;
}

enum store_code task_delete(struct task_room *room, const struct store_task_delete *one)
{
    struct task *task = NULL;
    enum store_code code = task_by_public_id(room->db, one->public_id, &task);
    if (code != STORE_OK)
        return code;
    if (task->user_id != one->user_id || task->deleted) {
        code = STORE_NOTFOUND;
    } else if (!task_has_verdict(task->state)) {
        code = STORE_CONFLICT;
    } else {
        task->deleted = true;
        task->next_poll_ms = 0;
        task_update(room->db, task);
    }
    task_free(&task);
    return code == STORE_OK ? written(room) : code;
}

/* The oldest of one state. */
static void forget_some(struct task_room *room, struct store_task_forget *forget,
                        enum task_state state)
{
    int64_t ids[TASKS_FORGET_MAX];
    unsigned n = tasks_over(room->db, state, forget, ids);
    for (unsigned i = 0; i < n; i++)
        task_remove(room->db, ids[i]);
    room->tally.n[state] -= n;
}

enum store_code task_forget(struct task_room *room, struct store_task_forget *forget)
{
    forget->n = 0;
    for (unsigned state = 0; state < TASK_STATE_COUNT && forget->n < TASKS_FORGET_MAX; state++) {
        if (task_has_verdict(state))
            forget_some(room, forget, state);
    }
    return written(room);
}
