#include "store/sqlite_tasks.h"

#include "tests/unit/task_fixture.h"

#define USER 7
#define OTHER_USER 8

/* --- Idempotency-Keys ------------------------------------------------------------------------- */

/* These use the true time: what is older than a day, the store sweeps away.
 * Creates with a key and a body that `body` stands for. */
static enum store_code create_keyed(struct fixture *fixture, struct making *making, int64_t user_id,
                                    uint8_t body, int64_t now_ms)
{
    making_fill(fixture, making, NULL, now_ms);
    making->create.task.user_id = user_id;
    making->create.idem_key = "retry-7";
    making->create.body_hash[0] = body;
    return task_send(fixture, &making->create);
}

static void same_key_and_body_give_the_task_that_is_there(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_wall_ms();
    struct making first, again;
    assert_int_equal(create_keyed(fixture, &first, USER, 1, now), STORE_OK);
    assert_null(first.create.existing);
    assert_int_equal(create_keyed(fixture, &again, USER, 1, now + IDEM_LIFE_MS - 1), STORE_OK);
    assert_non_null(again.create.existing);
    assert_int_equal(again.create.existing->id, first.create.task.id);
    assert_int_equal(again.create.existing->state, TASK_creating);
    assert_string_equal(again.create.existing->public_id, first.create.task.public_id);
    task_free(&again.create.existing);
    /* Nothing was created of it. */
    struct task *task;
    assert_int_equal(get_task(fixture, again.create.task.public_id, USER, &task), STORE_NOTFOUND);
}

static void same_key_and_another_body_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_wall_ms();
    struct making making;
    assert_int_equal(create_keyed(fixture, &making, USER, 1, now), STORE_OK);
    assert_int_equal(create_keyed(fixture, &making, USER, 2, now), STORE_CONFLICT);
    /* Another user's keys are another user's. */
    assert_int_equal(create_keyed(fixture, &making, OTHER_USER, 2, now), STORE_OK);
    assert_null(making.create.existing);
}

static void key_is_free_again_after_a_day(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_wall_ms();
    struct making first, making;
    assert_int_equal(create_keyed(fixture, &first, USER, 1, now), STORE_OK);
    assert_int_equal(create_keyed(fixture, &making, USER, 2, now + IDEM_LIFE_MS), STORE_OK);
    assert_null(making.create.existing);
    assert_int_equal(create_keyed(fixture, &making, USER, 1, now + IDEM_LIFE_MS), STORE_CONFLICT);
    assert_state(fixture, &first, TASK_creating);
}

static void create_sent_again_creates_once(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_wall_ms();
    struct making making;
    assert_int_equal(create_keyed(fixture, &making, USER, 1, now), STORE_OK);
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_null(making.create.existing);
    making.create.idem_key = NULL;
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    task_make_public_id(making.create.task.public_id);
    assert_int_equal(task_send(fixture, &making.create), STORE_CONFLICT);
    int64_t counts[TASK_STATE_COUNT];
    store_task_counts(fixture->store, counts);
    assert_int_equal(counts[TASK_creating], 1);
}

static void expired_keys_are_swept(void **state)
{
    struct fixture *fixture = *state;
    int64_t now = clock_wall_ms();
    struct making making;
    making_fill(fixture, &making, NULL, now);
    making.create.idem_key = "old";
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    making_fill(fixture, &making, NULL, now + 1);
    making.create.idem_key = "newer";
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    store_close(&fixture->store);
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    assert_int_equal(idem_sweep(db, now + IDEM_LIFE_MS - 1, 10), 0);
    assert_int_equal(idem_sweep(db, now + IDEM_LIFE_MS, 10), 1);
    db_close(&db);
    buf_release(&why);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM idem WHERE key = 'newer'"), 1);
    store_start(fixture);
}

static void call_after_its_deadline_is_busy(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    struct task *task;
    making_fill(fixture, &making, NULL, T0);
    making.create.call.deadline_ms = 1;
    assert_int_equal(task_send(fixture, &making.create), STORE_BUSY);
    assert_int_equal(get_task(fixture, making.create.task.public_id, USER, &task), STORE_NOTFOUND);
}

/* --- for users -------------------------------------------------------------------------------- */

static void other_users_task_is_not_there(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    struct task *task;
    (void)make_queued(fixture, &making, NULL, T0);
    const char *public_id = making.create.task.public_id;
    assert_int_equal(get_task(fixture, public_id, OTHER_USER, &task), STORE_NOTFOUND);
    assert_int_equal(get_task(fixture, "task_nonsense", USER, &task), STORE_NOTFOUND);
    assert_int_equal(get_task(fixture, "", USER, &task), STORE_NOTFOUND);
    assert_int_equal(get_task(fixture, public_id, USER, &task), STORE_OK);
    task_free(&task);
}

static enum store_code delete_task(struct fixture *fixture, const struct making *making,
                                   int64_t user_id)
{
    struct store_task_delete one = {.user_id = user_id, .public_id = making->create.task.public_id};
    prepare(fixture, &one.call);
    store_task_delete(fixture->store, &one);
    wait_for(fixture, &one.call);
    return one.call.code;
}

static void delete_waits_for_a_verdict_and_keeps_the_row(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    struct task *task;
    int64_t id = make_queued(fixture, &making, NULL, T0);
    assert_int_equal(delete_task(fixture, &making, USER), STORE_CONFLICT);
    assert_true(finish(fixture, id, TASK_completed, 0).moved);
    assert_int_equal(delete_task(fixture, &making, OTHER_USER), STORE_NOTFOUND);
    assert_int_equal(delete_task(fixture, &making, USER), STORE_OK);
    assert_int_equal(delete_task(fixture, &making, USER), STORE_NOTFOUND);
    assert_int_equal(get_task(fixture, making.create.task.public_id, USER, &task), STORE_NOTFOUND);
    assert_sound(fixture);
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM tasks WHERE deleted = 1"), 1);
    store_start(fixture);
}

static unsigned forget(struct fixture *fixture, int64_t before_ms)
{
    static struct store_task_forget forget;
    memset(&forget, 0, sizeof forget);
    forget.before_ms = before_ms;
    prepare(fixture, &forget.call);
    store_task_forget(fixture->store, &forget);
    wait_for(fixture, &forget.call);
    assert_int_equal(forget.call.code, STORE_OK);
    for (unsigned i = 0; i < forget.n; i++)
        assert_memory_equal(forget.public_ids[i], "task_", 5);
    return forget.n;
}

static void what_ended_long_ago_is_forgotten_and_the_ledger_stays(void **state)
{
    struct fixture *fixture = *state;
    struct making over[3], recent, open;
    struct task *task;
    static const enum task_state verdicts[] = {TASK_completed, TASK_failed, TASK_expired};
    int64_t counts[TASK_STATE_COUNT], now = clock_wall_ms();
    for (size_t i = 0; i < COUNT(over); i++) {
        int64_t id = make_queued(fixture, &over[i], NULL, T0);
        assert_true(finish(fixture, id, verdicts[i], 0).moved); /* at T0 + 60 s */
    }
    struct store_task_finish late = {.id = make_queued(fixture, &recent, NULL, T0),
                                     .verdict = TASK_completed,
                                     .now_ms = now + 7200000};
    prepare(fixture, &late.call);
    store_task_finish(fixture->store, &late);
    wait_for(fixture, &late.call);
    (void)make_queued(fixture, &open, NULL, T0);
    assert_int_equal(forget(fixture, T0), 0);
    assert_int_equal(forget(fixture, now + 3600000), 3);
    assert_int_equal(forget(fixture, now + 3600000), 0);
    for (size_t i = 0; i < COUNT(over); i++)
        assert_int_equal(get_task(fixture, over[i].create.task.public_id, USER, &task),
                         STORE_NOTFOUND);
    assert_state(fixture, &recent, TASK_completed);
    assert_state(fixture, &open, TASK_queued);
    store_task_counts(fixture->store, counts);
    assert_int_equal(counts[TASK_completed], 1);
    assert_int_equal(counts[TASK_failed] + counts[TASK_expired], 0);
    assert_sound(fixture);
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM ledger"), 7); /* 5, and 2 back */
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM requests"), 5);
    store_start(fixture);
}

static void many_are_forgotten_by_and_by(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    int64_t id = make_queued(fixture, &making, NULL, T0);
    assert_true(finish(fixture, id, TASK_completed, 0).moved);
    multiply(fixture, 2 * TASKS_FORGET_MAX + 50);
    int64_t before_ms = clock_wall_ms() + 3600000;
    assert_int_equal(forget(fixture, before_ms), TASKS_FORGET_MAX);
    assert_int_equal(forget(fixture, before_ms), TASKS_FORGET_MAX);
    assert_int_equal(forget(fixture, before_ms), 50);
}

static struct store_task_list list_page(struct fixture *fixture, const char *after, unsigned limit,
                                        bool ascending)
{
    struct store_task_list list = {
        .user_id = USER, .after = after, .limit = limit, .ascending = ascending};
    prepare(fixture, &list.call);
    store_task_list(fixture->store, &list);
    wait_for(fixture, &list.call);
    return list;
}

/* Walks the pages and compares them with the ids wanted. */
static void assert_pages(struct fixture *fixture, unsigned limit, bool ascending,
                         const int64_t *ids, unsigned n)
{
    char after[TASK_PUBLIC_SIZE] = "";
    unsigned seen = 0;
    bool more = true;
    while (more) {
        struct store_task_list list = list_page(fixture, seen > 0 ? after : NULL, limit, ascending);
        assert_int_equal(list.call.code, STORE_OK);
        assert_true(list.page.n <= limit);
        for (unsigned i = 0; i < list.page.n; i++, seen++) {
            assert_true(seen < n);
            assert_int_equal(list.page.tasks[i]->id, ids[ascending ? seen : n - 1 - seen]);
            snprintf(after, sizeof after, "%s", list.page.tasks[i]->public_id);
        }
        more = list.has_more;
        task_list_release(&list.page);
    }
    assert_int_equal(seen, n);
}

static void list_pages_meet_without_gap_or_repetition(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 7 };
    struct making makings[N], making;
    int64_t ids[N];
    for (int i = 0; i < N; i++) {
        ids[i] = make_queued(fixture, &makings[i], NULL, T0);
        /* Not shown: another user's, and one that is still being submitted. */
        making_fill(fixture, &making, NULL, T0);
        making.create.task.user_id = i % 2 == 0 ? OTHER_USER : USER;
        assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    }
    assert_pages(fixture, 3, false, ids, N);
    assert_pages(fixture, 3, true, ids, N);
    assert_pages(fixture, N, false, ids, N);
    assert_pages(fixture, TASK_PAGE_MAX, true, ids, N);
    /* A page may begin behind one that was deleted meanwhile; it is not shown itself. */
    assert_true(finish(fixture, ids[3], TASK_failed, 0).moved);
    assert_int_equal(delete_task(fixture, &makings[3], USER), STORE_OK);
    struct store_task_list list = list_page(fixture, makings[3].create.task.public_id, 100, true);
    assert_int_equal(list.page.n, 3);
    assert_int_equal(list.page.tasks[0]->id, ids[4]);
    task_list_release(&list.page);
    memmove(&ids[3], &ids[4], (N - 4) * sizeof ids[0]);
    assert_pages(fixture, 2, false, ids, N - 1);
    assert_int_equal(list_page(fixture, "task_nonsense", 3, false).call.code, STORE_NOTFOUND);
    assert_int_equal(list_page(fixture, making.create.task.public_id, 3, false).call.code,
                     STORE_NOTFOUND);
}

/* --- for workers ------------------------------------------------------------------------------ */

static struct task_list due_at(struct fixture *fixture, unsigned worker, unsigned workers,
                               int64_t now_ms, unsigned limit)
{
    struct store_task_due due = {
        .worker = worker, .workers = workers, .now_ms = now_ms, .limit = limit};
    prepare(fixture, &due.call);
    store_task_due(fixture->store, &due);
    wait_for(fixture, &due.call);
    assert_int_equal(due.call.code, STORE_OK);
    return due.due;
}

static void task_is_due_when_its_turn_has_come_until_it_gets_another(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    int64_t id = make_queued(fixture, &making, NULL, T0);
    struct task_list due = due_at(fixture, 0, 1, T0 + 14999, 10);
    assert_int_equal(due.n, 0);
    task_list_release(&due);
    for (int i = 0; i < 2; i++) {
        due = due_at(fixture, 0, 1, T0 + 15000, 10);
        assert_int_equal(due.n, 1);
        assert_int_equal(due.tasks[0]->id, id);
        assert_string_equal(due.tasks[0]->upstream_id, "up-1");
        task_list_release(&due);
    }
    (void)hear(fixture, id, TASK_queued, 0); /* its next turn is at T0 + 40000 */
    due = due_at(fixture, 0, 1, T0 + 39999, 10);
    assert_int_equal(due.n, 0);
    task_list_release(&due);
    assert_true(finish(fixture, id, TASK_failed, 0).moved);
    due = due_at(fixture, 0, 1, T0 + TASK_LIFE_MS, 10);
    assert_int_equal(due.n, 0);
    task_list_release(&due);
}

static struct task_list completed_after(struct fixture *fixture, int64_t after_id, int64_t since_ms,
                                        unsigned limit)
{
    struct store_task_completed completed = {
        .worker = 0, .workers = 1, .after_id = after_id, .since_ms = since_ms, .limit = limit};
    prepare(fixture, &completed.call);
    store_task_completed(fixture->store, &completed);
    wait_for(fixture, &completed.call);
    assert_int_equal(completed.call.code, STORE_OK);
    return completed.page;
}

static void completed_tasks_are_given_by_id_without_deleted_and_old_ones(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    int64_t ids[4];
    for (int i = 0; i < 4; i++)
        ids[i] = make_queued(fixture, &making, NULL, T0);
    assert_true(finish(fixture, ids[3], TASK_completed, 0).moved);
    assert_true(finish(fixture, ids[1], TASK_completed, 0).moved);
    assert_true(finish(fixture, ids[0], TASK_failed, 0).moved);
    struct task_list page = completed_after(fixture, 0, T0 + 60000, 10);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.tasks[0]->id, ids[1]);
    assert_int_equal(page.tasks[1]->id, ids[3]);
    task_list_release(&page);
    page = completed_after(fixture, ids[1], T0, 1);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.tasks[0]->id, ids[3]);
    struct store_task_delete one = {.user_id = page.tasks[0]->user_id,
                                    .public_id = page.tasks[0]->public_id};
    prepare(fixture, &one.call);
    store_task_delete(fixture->store, &one);
    wait_for(fixture, &one.call);
    assert_int_equal(one.call.code, STORE_OK);
    task_list_release(&page);
    page = completed_after(fixture, ids[1], T0, 1);
    assert_int_equal(page.n, 0);
    task_list_release(&page);
    page = completed_after(fixture, 0, T0 + 60001, 10);
    assert_int_equal(page.n, 0);
    task_list_release(&page);
}

/* Many tasks as rows, at whose turns nobody has looked yet. */
static void insert_due(struct fixture *fixture, unsigned n)
{
    struct buf why;
    bool in_use;
    store_close(&fixture->store);
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    assert_true(db_begin(db));
    for (unsigned i = 0; i < n; i++) {
        struct making making;
        struct task *task = NULL;
        making_fill(fixture, &making, NULL, T0);
        making.create.task.state = TASK_creating;
        task_insert(db, &making.create.task);
        assert_int_equal(task_by_id(db, making.create.task.id, &task), STORE_OK);
        task->state = TASK_queued;
        task->upstream_id = "up";
        task->next_poll_ms = T0 + i;
        task_update(db, task);
        task_free(&task);
    }
    assert_true(db_commit(db));
    db_close(&db);
    buf_release(&why);
}

static void plan_uses(struct db *db, struct query *query, const char *index)
{
    bool found = false, sorts = false;
    while (query_row(query)) {
        const char *detail = query_get_text(query, 3);
        found = found || strstr(detail, index) != NULL;
        sorts = sorts || strstr(detail, "TEMP B-TREE") != NULL || strstr(detail, "SCAN") != NULL;
    }
    assert_int_equal(db_trouble(db), DB_FINE);
    assert_true(found);
    assert_false(sorts);
}

/* Ten thousand due tasks: each worker is given its own, the longest due first, and reads no more
 * of the table than it gives. */
static void due_tasks_are_found_in_the_order_of_an_index(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 10000, WORKERS = 4 };
    insert_due(fixture, N);
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    plan_uses(db, db_query(db, "EXPLAIN QUERY PLAN SELECT id, prompt" TASKS_DUE), "tasks_due");
    plan_uses(db, db_query(db, "EXPLAIN QUERY PLAN SELECT id, prompt" TASKS_OF_USER_BEFORE),
              "tasks_user");
    plan_uses(db, db_query(db, "EXPLAIN QUERY PLAN SELECT id, prompt" TASKS_COMPLETED),
              "tasks_state");
    unsigned all = 0;
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        struct store_task_due asked = {
            .worker = worker, .workers = WORKERS, .now_ms = T0 + N, .limit = TASKS_DUE_MAX};
        unsigned of_worker = 0;
        int64_t last = 0;
        for (;;) {
            struct task_list list = {NULL, 0};
            assert_int_equal(tasks_due(db, &asked, &list), STORE_OK);
            unsigned n = list.n;
            for (unsigned i = 0; i < n; i++) {
                struct task *task = list.tasks[i];
                assert_int_equal(task_owner(task->id, WORKERS), worker);
                assert_true(task->next_poll_ms > last);
                last = task->next_poll_ms;
                task->next_poll_ms = T0 + 2 * N;
                task_update(db, task);
            }
            task_list_release(&list);
            of_worker += n;
            if (n == 0)
                break;
        }
        /* A fair share: a quarter, give or take. */
        assert_true(of_worker > N / WORKERS * 9 / 10 && of_worker < N / WORKERS * 11 / 10);
        all += of_worker;
    }
    assert_int_equal(all, N);
    db_close(&db);
    buf_release(&why);
    store_start(fixture);
}

static void start_gives_open_tasks_a_turn_within_half_a_minute(void **state)
{
    struct fixture *fixture = *state;
    insert_due(fixture, 1000);
    int64_t before = clock_wall_ms();
    store_start(fixture);
    int64_t counts[TASK_STATE_COUNT];
    store_task_counts(fixture->store, counts);
    assert_int_equal(counts[TASK_queued], 1000);
    struct task_list due = due_at(fixture, 0, 1, before - 1, 10);
    assert_int_equal(due.n, 0);
    task_list_release(&due);
    due = due_at(fixture, 0, 1, clock_wall_ms() + 15000, TASKS_DUE_MAX);
    assert_int_equal(due.n, TASKS_DUE_MAX);
    task_list_release(&due);
    store_close(&fixture->store);
    clock_tick();
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT COUNT(*) FROM tasks WHERE next_poll BETWEEN %lld AND %lld + 30000",
             (long long)before, (long long)clock_wall_ms());
    assert_int_equal(db_number(fixture, sql), 1000);
    store_start(fixture);
}

static void counts_follow_every_move(void **state)
{
    struct fixture *fixture = *state;
    int64_t counts[TASK_STATE_COUNT], again[TASK_STATE_COUNT];
    struct making making;
    for (int i = 0; i < 3; i++)
        (void)make_queued(fixture, &making, NULL, T0);
    (void)hear(fixture, making.create.task.id, TASK_in_progress, 1);
    (void)finish(fixture, making.create.task.id, TASK_expired, 0);
    (void)finish(fixture, making.create.task.id, TASK_completed, 0);
    making_fill(fixture, &making, NULL, T0);
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_int_equal(end_with(fixture, &making, NULL, TASK_STEP_AMBIGUOUS, NULL), STORE_OK);
    making_fill(fixture, &making, NULL, T0);
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_int_equal(end_with(fixture, &making, NULL, TASK_STEP_REFUSED, NULL), STORE_OK);
    store_task_counts(fixture->store, counts);
    static const int64_t expected[TASK_STATE_COUNT] = {
        [TASK_queued] = 2, [TASK_completed] = 1, [TASK_unknown] = 1};
    assert_memory_equal(counts, expected, sizeof counts);
    store_reopen(fixture);
    store_task_counts(fixture->store, again);
    assert_memory_equal(again, expected, sizeof again);
}

static void ids_of_tasks_are_not_given_again(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    making_fill(fixture, &making, NULL, T0);
    making.create.task.id += INT64_C(1000) << 21; /* made a second ahead of the clock */
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    store_reopen(fixture);
    assert_int_equal(store_newest_id(fixture->store), making.create.task.id);
}

/* --- the schema ------------------------------------------------------------------------------- */

static void database_without_tasks_is_migrated_with_all_its_rows(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
    store_close(&fixture->store);
    db_change(fixture, "DROP TABLE tasks; DROP TABLE idem; DROP TABLE limits; "
                       "DROP INDEX ledger_credits; "
                       "ALTER TABLE requests DROP COLUMN bill; DROP TABLE rollup_day; "
                       "DELETE FROM meta WHERE key IN ('rolled_up', 'log_from'); "
                       "PRAGMA user_version = 2;");
    store_start(fixture);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
    struct making making;
    (void)make_queued(fixture, &making, NULL, T0);
    assert_sound(fixture);
    store_close(&fixture->store);
    assert_true(db_number(fixture, "PRAGMA user_version") >= 3);
    store_start(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(same_key_and_body_give_the_task_that_is_there),
        TEST(same_key_and_another_body_is_a_conflict),
        TEST(key_is_free_again_after_a_day),
        TEST(create_sent_again_creates_once),
        TEST(expired_keys_are_swept),
        TEST(call_after_its_deadline_is_busy),
        TEST(other_users_task_is_not_there),
        TEST(delete_waits_for_a_verdict_and_keeps_the_row),
        TEST(what_ended_long_ago_is_forgotten_and_the_ledger_stays),
        TEST(many_are_forgotten_by_and_by),
        TEST(list_pages_meet_without_gap_or_repetition),
        TEST(completed_tasks_are_given_by_id_without_deleted_and_old_ones),
        TEST(task_is_due_when_its_turn_has_come_until_it_gets_another),
        TEST(due_tasks_are_found_in_the_order_of_an_index),
        TEST(start_gives_open_tasks_a_turn_within_half_a_minute),
        TEST(counts_follow_every_move),
        TEST(ids_of_tasks_are_not_given_again),
        TEST(database_without_tasks_is_migrated_with_all_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
