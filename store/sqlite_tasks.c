#include "store/sqlite_tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/counters_text.h"
#include "store/ident.h"

#define SPREAD_MS 30000 /* within which every open task is asked for after a start */

/* --- a row ------------------------------------------------------------------------------------ */

#define NUMBERS                                                                                    \
    "id, public_id, user_id, key_id, group_id, state, progress, hold, charge, given_back, "        \
    "group_ppm, user_ppm, counters, created, ended, expires, deadline, polled, next_poll, polls, " \
    "flags, deleted, version"
#define NUMBERS_COUNT 23

#define COLUMN(name, max) ", " #name
#define SELECT "SELECT " NUMBERS TASK_TEXTS(COLUMN)

static const char *text_or_null(struct query *query, int column)
{
    const char *text = query_get_text(query, column);
    return text[0] != '\0' ? text : NULL;
}

bool tasks_next(struct query *query, struct task *row)
{
    if (!query_row(query))
        return false;
    *row = (struct task){.id = query_get_i64(query, 0)};
    snprintf(row->public_id, sizeof row->public_id, "%s", query_get_text(query, 1));
    row->user_id = query_get_i64(query, 2);
    row->key_id = query_get_i64(query, 3);
    row->group_id = query_get_i64(query, 4);
    /* A later program's word: nobody here knows how to go on, so nobody does. */
    if (!task_state_find(str_of(query_get_text(query, 5)), &row->state))
        row->state = TASK_unknown;
    row->progress = (int)query_get_i64(query, 6);
    row->hold_nusd = query_get_i64(query, 7);
    row->charge_nusd = query_get_i64(query, 8);
    row->given_back_nusd = query_get_i64(query, 9);
    row->group_ppm = (uint32_t)query_get_i64(query, 10);
    row->user_ppm = (uint32_t)query_get_i64(query, 11);
    counters_parse(str_of(query_get_text(query, 12)), &row->counters);
    row->created_ms = query_get_i64(query, 13);
    row->ended_ms = query_get_i64(query, 14);
    row->expires_ms = query_get_i64(query, 15);
    row->deadline_ms = query_get_i64(query, 16);
    row->polled_ms = query_get_i64(query, 17);
    row->next_poll_ms = query_get_i64(query, 18);
    row->polls = query_get_i64(query, 19);
    row->flags = task_flags_parse(str_of(query_get_text(query, 20)));
    row->deleted = query_get_i64(query, 21) != 0;
    row->version = query_get_i64(query, 22);
    int column = NUMBERS_COUNT;
#define X(name, max) row->name = text_or_null(query, column++);
    TASK_TEXTS(X)
#undef X
    return true;
}

static enum store_code take_one(struct db *db, struct query *query, struct task **task)
{
    struct task row;
    enum store_code code = STORE_NOTFOUND;
    if (tasks_next(query, &row)) {
        *task = task_copy(&row);
        code = *task != NULL ? STORE_OK : STORE_DOWN;
    }
    query_end(query);
    return db_trouble(db) == DB_FINE ? code : STORE_DOWN;
}

enum store_code task_by_id(struct db *db, int64_t id, struct task **task)
{
    struct query *query = db_query(db, SELECT " FROM tasks WHERE id = ?1");
    query_i64(query, 1, id);
    return take_one(db, query, task);
}

enum store_code task_by_public_id(struct db *db, const char *public_id, struct task **task)
{
    struct query *query = db_query(db, SELECT " FROM tasks WHERE public_id = ?1");
    query_text(query, 1, public_id);
    return take_one(db, query, task);
}

/* --- writing ---------------------------------------------------------------------------------- */

void task_insert(struct db *db, const struct task *task)
{
    char counters[COUNTERS_TEXT_SIZE];
    struct query *query = db_query(
        db, "INSERT INTO tasks (id, public_id, user_id, key_id, group_id, state, progress, hold, "
            "charge, given_back, group_ppm, user_ppm, counters, provider, model, upstream_model, "
            "rates, prompt, seconds, size, aspect_ratio, remixed_from, created, ended, expires, "
            "deadline, polled, next_poll, polls, share, flags, deleted, version) VALUES (?1, ?2, "
            "?3, ?4, ?5, ?6, 0, ?7, 0, 0, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
            "?19, ?20, 0, 0, 0, 0, 0, 0, ?21, '', 0, 1)");
    counters_format(&task->counters, counters);
    query_i64(query, 1, task->id);
    query_text(query, 2, task->public_id);
    query_i64(query, 3, task->user_id);
    query_i64(query, 4, task->key_id);
    query_i64(query, 5, task->group_id);
    query_text(query, 6, task_state_name(task->state));
    query_i64(query, 7, task->hold_nusd);
    query_i64(query, 8, task->group_ppm);
    query_i64(query, 9, task->user_ppm);
    query_text(query, 10, counters);
    query_text(query, 11, task->provider);
    query_text(query, 12, task->model);
    query_text(query, 13, task->upstream_model);
    query_text(query, 14, task->rates);
    query_text(query, 15, task->prompt);
    query_text(query, 16, task->seconds);
    query_text(query, 17, task->size);
    query_text(query, 18, task->aspect_ratio);
    query_text(query, 19, task->remixed_from);
    query_i64(query, 20, task->created_ms);
    query_i64(query, 21, task_share(task->id));
    (void)query_run(query);
}

void task_update(struct db *db, const struct task *task)
{
    char counters[COUNTERS_TEXT_SIZE];
    char flags[TASK_FLAGS_TEXT_SIZE];
    struct query *query = db_query(
        db, "UPDATE tasks SET state = ?3, progress = ?4, provider = ?5, upstream_id = ?6, "
            "upstream_model = ?7, charge = ?8, given_back = ?9, counters = ?10, urls = ?11, "
            "error_code = ?12, error_message = ?13, ended = ?14, expires = ?15, deadline = ?16, "
            "polled = ?17, next_poll = ?18, polls = ?19, flags = ?20, deleted = ?21, "
            "version = version + 1 WHERE id = ?1 AND version = ?2");
    counters_format(&task->counters, counters);
    task_flags_format(task->flags, flags);
    query_i64(query, 1, task->id);
    query_i64(query, 2, task->version);
    query_text(query, 3, task_state_name(task->state));
    query_i64(query, 4, task->progress);
    query_text(query, 5, task->provider);
    query_text(query, 6, task->upstream_id);
    query_text(query, 7, task->upstream_model);
    query_i64(query, 8, task->charge_nusd);
    query_i64(query, 9, task->given_back_nusd);
    query_text(query, 10, counters);
    query_text(query, 11, task->urls);
    query_text(query, 12, task->error_code);
    query_text(query, 13, task->error_message);
    query_i64(query, 14, task->ended_ms);
    query_i64(query, 15, task->expires_ms);
    query_i64(query, 16, task->deadline_ms);
    query_i64(query, 17, task->polled_ms);
    query_i64(query, 18, task->next_poll_ms);
    query_i64(query, 19, task->polls);
    query_text(query, 20, flags);
    query_i64(query, 21, task->deleted);
    if (query_run(query))
        CHECK(db_changes(db) == 1); /* one writer: nobody came between */
}

void task_remove(struct db *db, int64_t id)
{
    struct query *query = db_query(db, "DELETE FROM idem WHERE task_id = ?1");
    query_i64(query, 1, id);
    (void)query_run(query);
    query = db_query(db, "DELETE FROM tasks WHERE id = ?1");
    query_i64(query, 1, id);
    (void)query_run(query);
}

/* --- many ------------------------------------------------------------------------------------- */

static enum store_code take_all(struct db *db, struct query *query, unsigned most,
                                struct task_list *list)
{
    struct task row;
    bool ok = true;
    list->tasks = calloc(most, sizeof *list->tasks);
    ok = list->tasks != NULL;
    while (ok && list->n < most && tasks_next(query, &row)) {
        list->tasks[list->n] = task_copy(&row);
        ok = list->tasks[list->n] != NULL;
        list->n += ok;
    }
    query_end(query);
    if (ok && db_trouble(db) == DB_FINE)
        return STORE_OK;
    task_list_release(list);
    return STORE_DOWN;
}

enum store_code tasks_due(struct db *db, const struct store_task_due *due, struct task_list *list)
{
    struct query *query = db_query(db, SELECT TASKS_DUE);
    query_i64(query, 1, due->now_ms);
    query_i64(query, 2, due->workers);
    query_i64(query, 3, due->worker);
    query_i64(query, 4, due->limit);
    return take_all(db, query, due->limit, list);
}

enum store_code tasks_completed(struct db *db, const struct store_task_completed *completed,
                                struct task_list *list)
{
    struct query *query = db_query(db, SELECT TASKS_COMPLETED);
    query_i64(query, 1, completed->after_id);
    query_i64(query, 2, completed->since_ms);
    query_i64(query, 3, completed->workers);
    query_i64(query, 4, completed->worker);
    query_i64(query, 5, completed->limit);
    return take_all(db, query, completed->limit, list);
}

enum store_code tasks_of_user(struct db *db, const struct store_task_list *asked, int64_t from_id,
                              struct task_list *list)
{
    static const char newest_first[] = SELECT TASKS_OF_USER_BEFORE;
    static const char oldest_first[] =
        SELECT " FROM tasks WHERE user_id = ?1 AND id > ?2 AND deleted = 0 AND "
               "state <> 'creating' ORDER BY id LIMIT ?3";
    unsigned most = asked->limit + 1; /* one more, to know whether there is more */
    struct query *query = db_query(db, asked->ascending ? oldest_first : newest_first);
    query_i64(query, 1, asked->user_id);
    query_i64(query, 2, from_id);
    query_i64(query, 3, most);
    return take_all(db, query, most, list);
}

struct query *tasks_each(struct db *db, int64_t user_id, const char *state, int64_t before_id,
                         int64_t limit)
{
    static const char all[] = SELECT " FROM tasks WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    static const char of_user[] =
        SELECT " FROM tasks WHERE user_id = ?3 AND id < ?1 AND (?4 IS NULL OR state = ?4) "
               "ORDER BY id DESC LIMIT ?2";
    static const char of_state[] =
        SELECT " FROM tasks WHERE state = ?4 AND id < ?1 ORDER BY id DESC LIMIT ?2";
    struct query *query = db_query(db, user_id != 0 ? of_user : state != NULL ? of_state : all);
    query_i64(query, 1, before_id);
    query_i64(query, 2, limit);
    if (user_id != 0)
        query_i64(query, 3, user_id);
    if (user_id != 0 || state != NULL)
        query_text(query, 4, state);
    return query;
}

unsigned tasks_over(struct db *db, enum task_state state, struct store_task_forget *forget,
                    int64_t ids[TASKS_FORGET_MAX])
{
    unsigned n = 0;
    /* Made before they ended: so the index of the state, from its oldest on, finds them. */
    struct query *query = db_query(db, "SELECT id, public_id FROM tasks WHERE state = ?1 AND id < "
                                       "?2 AND ended < ?3 ORDER BY id LIMIT ?4");
    query_text(query, 1, task_state_name(state));
    query_i64(query, 2, ident_first(forget->before_ms));
    query_i64(query, 3, forget->before_ms);
    query_i64(query, 4, TASKS_FORGET_MAX - forget->n);
    while (forget->n < TASKS_FORGET_MAX && query_row(query)) {
        ids[n++] = query_get_i64(query, 0);
        snprintf(forget->public_ids[forget->n++], TASK_PUBLIC_SIZE, "%s", query_get_text(query, 1));
    }
    query_end(query);
    return n;
}

void tasks_count(struct db *db, int64_t counts[TASK_STATE_COUNT])
{
    struct query *query = db_query(db, "SELECT state, COUNT(*) FROM tasks GROUP BY state");
    memset(counts, 0, TASK_STATE_COUNT * sizeof counts[0]);
    while (query_row(query)) {
        enum task_state state;
        if (task_state_find(str_of(query_get_text(query, 0)), &state))
            counts[state] = query_get_i64(query, 1);
    }
}

int64_t tasks_recover(struct db *db, int64_t now_ms)
{
    struct query *query =
        db_query(db, "UPDATE tasks SET state = 'unknown', flags = 'maybe_billed crash', "
                     "ended = ?1, version = version + 1 WHERE state = 'creating'");
    query_i64(query, 1, now_ms);
    int64_t n = query_run(query) ? db_changes(db) : 0;
    query = db_query(db, "UPDATE tasks SET next_poll = ?1 + share * ?2 / ?3, "
                         "version = version + 1 WHERE next_poll > 0");
    query_i64(query, 1, now_ms);
    query_i64(query, 2, SPREAD_MS);
    query_i64(query, 3, TASK_SHARES);
    (void)query_run(query);
    return n;
}

/* --- Idempotency-Keys ------------------------------------------------------------------------- */

enum idem_answer idem_find(struct db *db, const struct store_task_create *create, int64_t *task_id)
{
    uint8_t hash[SECRET_HASH_SIZE];
    enum idem_answer answer = IDEM_FREE;
    struct query *query = db_query(db, "SELECT task_id, body_hash FROM idem "
                                       "WHERE user_id = ?1 AND key = ?2 AND created > ?3");
    query_i64(query, 1, create->task.user_id);
    query_text(query, 2, create->idem_key);
    query_i64(query, 3, create->task.created_ms - IDEM_LIFE_MS);
    if (query_row(query)) {
        *task_id = query_get_i64(query, 0);
        bool same = query_get_blob(query, 1, hash, sizeof hash) &&
                    memcmp(hash, create->body_hash, sizeof hash) == 0;
        answer = same ? IDEM_SAME : IDEM_OTHER;
    }
    query_end(query);
    return answer;
}

void idem_put(struct db *db, const struct store_task_create *create)
{
    struct query *query =
        db_query(db, "INSERT INTO idem (user_id, key, body_hash, task_id, created) "
                     "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (user_id, key) DO UPDATE SET "
                     "body_hash = excluded.body_hash, task_id = excluded.task_id, "
                     "created = excluded.created");
    query_i64(query, 1, create->task.user_id);
    query_text(query, 2, create->idem_key);
    query_blob(query, 3, create->body_hash, sizeof create->body_hash);
    query_i64(query, 4, create->task.id);
    query_i64(query, 5, create->task.created_ms);
    (void)query_run(query);
}

int64_t idem_sweep(struct db *db, int64_t now_ms, int64_t most)
{
    struct query *query =
        db_query(db, "DELETE FROM idem WHERE created <= (SELECT MAX(created) FROM "
                     "(SELECT created FROM idem WHERE created <= ?1 ORDER BY created LIMIT ?2) "
                     "AS oldest)");
    query_i64(query, 1, now_ms - IDEM_LIFE_MS);
    query_i64(query, 2, most);
    return query_run(query) ? db_changes(db) : 0;
}
