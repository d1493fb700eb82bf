/* What the tests of video tasks share: calls that wait for their answer, one task at a fixed time.
 */
#ifndef TESTS_UNIT_TASK_FIXTURE_H
#define TESTS_UNIT_TASK_FIXTURE_H

#include "store/store_tasks.h"
#include "tests/unit/store_key.h"

#define T0 INT64_C(1795546800000) /* 2026-11-24T19:00:00Z */
#define CHARGE (USD * 6 / 5)

/* A create request on its way. */
struct making {
    struct store_task_create create;
    struct store_settle settle;
};

UNUSED static void making_fill(struct fixture *fixture, struct making *making,
                               const struct key_record *record, int64_t now_ms)
{
    memset(making, 0, sizeof *making);
    struct task *task = &making->create.task;
    entry_fill(fixture, &making->settle.entry, 0);
    task->id = making->settle.entry.id;
    task_make_public_id(task->public_id);
    task->user_id = record != NULL ? record->user_id : 7;
    task->key_id = record != NULL ? record->id : 70;
    task->group_id = 1;
    task->provider = "p";
    task->model = "video-1";
    task->upstream_model = "up-video-1";
    task->rates = "price = video_ms 0.10 per second\n";
    task->prompt = "a cat on a roof";
    task->seconds = "15";
    task->aspect_ratio = "9:16";
    task->hold_nusd = CHARGE;
    task->group_ppm = 800000;
    task->user_ppm = 1000000;
    task->created_ms = now_ms;
}

UNUSED static enum store_code task_send(struct fixture *fixture, struct store_task_create *create)
{
    prepare(fixture, &create->call);
    store_task_create(fixture->store, create);
    wait_for(fixture, &create->call);
    return create->call.code;
}

/* Fills in the end of the create request; the hold, taken when there is a record, is settled. */
UNUSED static void end_fill(struct fixture *fixture, struct making *making,
                            struct key_record *record, enum task_step step, const char *upstream_id)
{
    struct ledger_entry *entry = &making->settle.entry;
    const struct task *task = &making->create.task;
    struct admission admission;
    struct book *book = store_book(fixture->store);
    entry->admitted_ms = task->created_ms;
    entry->user_id = task->user_id;
    entry->key_id = task->key_id;
    entry->endpoint = "video";
    entry->charge_nusd = step == TASK_STEP_SUBMITTED ? CHARGE : 0;
    entry->hold_nusd = CHARGE;
    entry->counters = (struct counters){{0}};
    entry->counters.n[COUNTER_video_ms] = 15000;
    entry->task = (struct task_end){.step = step,
                                    .upstream_id = upstream_id,
                                    .now_ms = task->created_ms,
                                    .next_poll_ms = task->created_ms + 15000};
    if (record != NULL && !entry->hold.pinned) {
        assert_int_equal(
            book_admit(book, record, &(struct demand){.nusd = CHARGE}, &entry->hold, &admission),
            FAULT_NONE);
        book_settle(book, &entry->hold, entry->charge_nusd, 0);
    }
}

UNUSED static enum store_code end_with(struct fixture *fixture, struct making *making,
                                       struct key_record *record, enum task_step step,
                                       const char *upstream_id)
{
    end_fill(fixture, making, record, step, upstream_id);
    return settle(fixture, &making->settle);
}

/* A task that the provider has taken; gives its id. */
UNUSED static int64_t make_queued(struct fixture *fixture, struct making *making,
                                  struct key_record *record, int64_t now_ms)
{
    making_fill(fixture, making, record, now_ms);
    assert_int_equal(task_send(fixture, &making->create), STORE_OK);
    assert_int_equal(end_with(fixture, making, record, TASK_STEP_SUBMITTED, "up-1"), STORE_OK);
    return making->create.task.id;
}

UNUSED static struct store_task_progress hear(struct fixture *fixture, int64_t id,
                                              enum task_state heard, int percent)
{
    struct store_task_progress progress = {.id = id,
                                           .heard = heard,
                                           .progress = percent,
                                           .now_ms = T0 + 20000,
                                           .next_poll_ms = T0 + 40000};
    prepare(fixture, &progress.call);
    store_task_progress(fixture->store, &progress);
    wait_for(fixture, &progress.call);
    return progress;
}

UNUSED static struct store_task_finish finish(struct fixture *fixture, int64_t id,
                                              enum task_state verdict, int64_t give_back_nusd)
{
    struct store_task_finish finish = {.id = id,
                                       .verdict = verdict,
                                       .give_back_nusd = give_back_nusd,
                                       .urls = verdict == TASK_completed ? "https://u/1" : NULL,
                                       .now_ms = T0 + 60000};
    prepare(fixture, &finish.call);
    store_task_finish(fixture->store, &finish);
    wait_for(fixture, &finish.call);
    return finish;
}

UNUSED static enum store_code get_task(struct fixture *fixture, const char *public_id,
                                       int64_t user_id, struct task **task)
{
    struct store_task_get get = {.user_id = user_id, .public_id = public_id};
    prepare(fixture, &get.call);
    store_task_get(fixture->store, &get);
    wait_for(fixture, &get.call);
    assert_true((get.call.code == STORE_OK) == (get.task != NULL));
    *task = get.task;
    return get.call.code;
}

/* The task as it is now; free it. */
UNUSED static struct task *task_now(struct fixture *fixture, const struct making *making)
{
    struct task *task = NULL;
    const struct task *made = &making->create.task;
    assert_int_equal(get_task(fixture, made->public_id, made->user_id, &task), STORE_OK);
    return task;
}

UNUSED static void assert_state(struct fixture *fixture, const struct making *making,
                                enum task_state state)
{
    struct task *task = task_now(fixture, making);
    assert_string_equal(task_state_name(task->state), task_state_name(state));
    task_free(&task);
}

/* Makes n tasks of the one that there is, without charges in the ledger. */
UNUSED static void multiply(struct fixture *fixture, int n)
{
    char sql[1200];
    store_close(&fixture->store);
    snprintf(sql, sizeof sql,
             "UPDATE tasks SET deadline = 2 * deadline; CREATE TABLE one AS SELECT * FROM tasks;"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO tasks (id, public_id, user_id, key_id, group_id, state, progress, "
             "provider, hold, charge, given_back, group_ppm, user_ppm, counters, created, ended, "
             "expires, deadline, polled, next_poll, polls, share, flags, deleted, version) "
             "SELECT id + 2 * i, 'task_' || i, user_id, key_id, group_id, state, progress, "
             "provider, hold, charge, given_back, group_ppm, user_ppm, counters, created, ended, "
             "expires, deadline, polled, next_poll, polls, share, flags, deleted, version "
             "FROM one, n; DROP TABLE one",
             n - 1);
    db_change(fixture, sql);
    store_start(fixture);
}

/* What ann has spent by the database, and by the book. */
UNUSED static void assert_spent(struct fixture *fixture, const struct key_record *record,
                                int64_t nusd)
{
    char text[USD_TEXT_SIZE], expected[USD_TEXT_SIZE + 2];
    int64_t held, spent;
    usd_format(nusd, text);
    snprintf(expected, sizeof expected, "\"%s\"", text);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", expected);
    book_lock(store_book(fixture->store));
    bool here =
        book_peek(store_book(fixture->store), ACCOUNT_USER, record->user_id, "", &held, &spent);
    book_unlock(store_book(fixture->store));
    assert_true(here);
    assert_int_equal(held, 0);
    assert_int_equal(spent, nusd);
}

#endif
