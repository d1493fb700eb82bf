#include "store/admin_run.h"

#include "store/sqlite_tasks.h"

/* What was asked for in words, and the links to the result, are the user's affair. */
static json_t *task_json(struct admin_run *run, const struct task *task)
{
    struct user_row user = {.name = ""};
    char request[IDENT_TEXT_SIZE], flags[TASK_FLAGS_TEXT_SIZE];
    (void)!user_by_id(run->db, task->user_id, &user);
    ident_format(task->id, request);
    task_flags_format(task->flags, flags);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, "
        "s:o, s:o, s:o, s:o, s:o, s:I, s:b}",
        "id", task->public_id, "request_id", request, "user", admin_string(user.name), "key_id",
        admin_id(task->key_id), "model", admin_string(task->model), "provider",
        admin_string(task->provider), "upstream_model", admin_string(task->upstream_model),
        "upstream_id", admin_string(task->upstream_id), "state", task_state_name(task->state),
        "progress", task->progress, "seconds", admin_string(task->seconds), "size",
        admin_string(task->size), "error_code", admin_string(task->error_code), "error_message",
        admin_string(task->error_message), "hold", admin_usd(task->hold_nusd), "charge",
        admin_usd(task->charge_nusd), "given_back", admin_usd(task->given_back_nusd), "flags",
        admin_words(str_of(flags)), "created", admin_time(task->created_ms), "ended",
        admin_time(task->ended_ms), "deadline", admin_time(task->deadline_ms), "polled",
        admin_time(task->polled_ms), "next_poll", admin_time(task->next_poll_ms), "polls",
        (json_int_t)task->polls, "deleted", task->deleted);
}

/* Finds the task that the argument names. */
static enum store_code find(struct admin_run *run, const char *argument, struct task **task)
{
    const char *public_id = admin_ztext(run, argument);
    enum store_code code = task_by_public_id(run->db, public_id, task);
    if (code == STORE_NOTFOUND)
        return admin_refuse(run, code, "no task \"%.60s\"", public_id);
    return code;
}

static enum store_code read_filter(struct admin_run *run, int64_t *limit, int64_t *user_id,
                                   int64_t *before)
{
    struct user_row user;
    enum task_state state;
    struct task *task = NULL;
    if (!admin_read_rows(run, ADMIN_ROWS_DEFAULT, limit))
        return STORE_INVALID;
    if (admin_has(run, "state") && !task_state_find(admin_text(run, "state"), &state))
        return admin_refuse(run, STORE_INVALID,
                            "\"state\": want creating, queued, in_progress, completed, failed, "
                            "expired or unknown");
    if (admin_has(run, "user")) {
        if (!user_by_name(run->db, admin_text(run, "user"), &user))
            return admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", admin_ztext(run, "user"));
        *user_id = user.id;
    }
    if (!admin_has(run, "after"))
        return STORE_OK;
    enum store_code code = find(run, "after", &task);
    if (code == STORE_OK)
        *before = task->id;
    task_free(&task);
    return code;
}

enum store_code admin_task_list(struct admin_run *run)
{
    int64_t limit, user_id = 0, before = INT64_MAX;
    struct task row;
    enum store_code code = read_filter(run, &limit, &user_id, &before);
    if (code != STORE_OK)
        return code;
    struct query *query = tasks_each(run->db, user_id, admin_ztext(run, "state"), before, limit);
    run->result = json_array();
    while (tasks_next(query, &row))
        (void)json_array_append_new(run->result, task_json(run, &row));
    return admin_done(run);
}

enum store_code admin_task_show(struct admin_run *run)
{
    struct task *task = NULL;
    enum store_code code = find(run, "id", &task);
    if (code != STORE_OK)
        return code;
    run->result = task_json(run, task);
    task_free(&task);
    return admin_done(run);
}

/* What is being submitted has an end of its own on the way. */
static enum store_code refuse_cancel(struct admin_run *run, const struct task *task)
{
    if (task->state == TASK_creating)
        return admin_refuse(run, STORE_CONFLICT, "task %s is being submitted", task->public_id);
    return admin_refuse(run, STORE_CONFLICT, "task %s is %s already", task->public_id,
                        task_state_name(task->state));
}

static enum store_code give_up(struct admin_run *run, const struct task *task)
{
    struct store_task_finish finish = {.id = task->id,
                                       .verdict = TASK_failed,
                                       .error_code = "cancelled",
                                       .error_message = "The operator has given this task up.",
                                       .now_ms = run->room->now_ms};
    enum store_code code = task_finish(run->room->tasks, &finish);
    if (code == STORE_CONFLICT)
        return admin_refuse(run, code, "the ledger has another give-back for %s: gateway db check",
                            task->public_id);
    if (code == STORE_OK && !finish.moved)
        return refuse_cancel(run, task);
    run->give_back = finish.given_back;
    return code;
}

enum store_code admin_task_cancel(struct admin_run *run)
{
    struct task *before = NULL, *after = NULL;
    enum store_code code = find(run, "id", &before);
    if (code != STORE_OK)
        return code;
    run->before = task_json(run, before);
    code = give_up(run, before);
    if (code == STORE_OK)
        code = task_by_id(run->db, before->id, &after);
    if (code == STORE_OK) {
        run->result = task_json(run, after);
        code = admin_done(run);
    }
    task_free(&before);
    task_free(&after);
    return code;
}
