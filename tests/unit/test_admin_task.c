#include "store/admin.h"

#include "tests/unit/task_fixture.h"

/* A fixture with a key, whose record is kept out of it. */
static struct key_record *record;

static int up(void **state)
{
    fixture_up(state);
    record = make_key(*state);
    return 0;
}

static int down(void **state)
{
    struct fixture *fixture = *state;
    key_record_drop(store_keyring(fixture->store), &record);
    return fixture_down(state);
}

static enum store_code on_task(struct fixture *fixture, const char *operation,
                               const struct making *making, json_t **result)
{
    return admin_json(fixture, operation, json_pack("{s:s}", "id", making->create.task.public_id),
                      result);
}

static void cancel_gives_up_and_gives_back_once(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    json_t *result;
    (void)make_queued(fixture, &making, record, T0);
    assert_int_equal(on_task(fixture, "task cancel", &making, &result), STORE_OK);
    assert_member(result, "state", "\"failed\"");
    assert_member(result, "error_code", "\"cancelled\"");
    assert_member(result, "given_back", "\"1.200000000\"");
    assert_member(result, "user", "\"ann\"");
    json_decref(result);
    assert_spent(fixture, record, 0);
    assert_int_equal(on_task(fixture, "task cancel", &making, NULL), STORE_CONFLICT);
    assert_non_null(strstr(fixture->why, "is failed already"));
    assert_false(finish(fixture, making.create.task.id, TASK_failed, 0).moved);
    assert_spent(fixture, record, 0);
    int64_t counts[TASK_STATE_COUNT];
    store_task_counts(fixture->store, counts);
    assert_int_equal(counts[TASK_failed], 1);
    assert_int_equal(counts[TASK_queued], 0);
    assert_sound(fixture);
}

static void cancel_is_for_tasks_without_a_verdict(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    making_fill(fixture, &making, record, T0);
    assert_int_equal(on_task(fixture, "task cancel", &making, NULL), STORE_NOTFOUND);
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_int_equal(on_task(fixture, "task cancel", &making, NULL), STORE_CONFLICT);
    assert_non_null(strstr(fixture->why, "being submitted"));
    /* Of one that nobody knows of, nothing was charged. */
    assert_int_equal(end_with(fixture, &making, record, TASK_STEP_AMBIGUOUS, NULL), STORE_OK);
    assert_int_equal(on_task(fixture, "task cancel", &making, NULL), STORE_OK);
    int64_t id = make_queued(fixture, &making, record, T0);
    assert_true(finish(fixture, id, TASK_completed, 0).moved);
    assert_int_equal(on_task(fixture, "task cancel", &making, NULL), STORE_CONFLICT);
    assert_spent(fixture, record, CHARGE);
    assert_sound(fixture);
}

/* A verdict of the provider and the operator's word, on their way at the same time. */
static void cancel_beside_a_verdict_is_refused_and_harms_nothing(void **state)
{
    struct fixture *fixture = *state;
    int64_t spent = 0;
    for (int round = 0; round < 8; round++) {
        struct making making;
        int64_t id = make_queued(fixture, &making, record, T0);
        struct store_task_finish verdict = {
            .id = id, .verdict = TASK_completed, .give_back_nusd = CHARGE / 4, .now_ms = T0 + 1};
        struct store_admin cancel = {.operation = "task cancel",
                                     .arguments =
                                         json_pack("{s:s}", "id", making.create.task.public_id)};
        buf_init(&cancel.why, WHY_SIZE);
        prepare(fixture, &verdict.call);
        prepare(fixture, &cancel.call);
        if (round % 2 == 0)
            store_task_finish(fixture->store, &verdict);
        store_admin(fixture->store, &cancel);
        if (round % 2 == 1)
            store_task_finish(fixture->store, &verdict);
        wait_for(fixture, &verdict.call);
        wait_for(fixture, &cancel.call);
        assert_int_equal(verdict.call.code, STORE_OK);
        assert_int_equal(cancel.call.code, verdict.moved ? STORE_CONFLICT : STORE_OK);
        assert_false(store_is_degraded(fixture->store));
        spent += verdict.moved ? CHARGE - CHARGE / 4 : 0;
        json_decref(cancel.arguments);
        json_decref(cancel.result);
        buf_release(&cancel.why);
        assert_spent(fixture, record, spent);
    }
    assert_sound(fixture);
}

static void show_tells_all_but_words_and_links(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    json_t *result;
    int64_t id = make_queued(fixture, &making, record, T0);
    assert_true(finish(fixture, id, TASK_completed, CHARGE / 2).moved);
    assert_int_equal(on_task(fixture, "task show", &making, &result), STORE_OK);
    assert_int_equal(json_object_size(result), 25);
    assert_member(result, "created", "\"2026-11-24T19:00:00Z\"");
    assert_member(result, "upstream_id", "\"up-1\"");
    assert_member(result, "provider", "\"p\"");
    assert_member(result, "seconds", "\"15\"");
    assert_member(result, "charge", "\"1.200000000\"");
    assert_member(result, "given_back", "\"0.600000000\"");
    assert_member(result, "next_poll", "null");
    assert_member(result, "flags", "[]");
    char *text = json_dumps(result, 0);
    assert_null(strstr(text, "a cat on a roof"));
    assert_null(strstr(text, "https://u/1"));
    free(text);
    json_decref(result);
}

static size_t count_listed(struct fixture *fixture, const char *arguments)
{
    json_t *list = admin_ok(fixture, "task list", arguments);
    size_t n = json_array_size(list);
    json_decref(list);
    return n;
}

static void list_filters_and_pages(void **state)
{
    struct fixture *fixture = *state;
    struct making makings[4];
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"bob\"}"));
    for (int i = 0; i < 4; i++)
        (void)make_queued(fixture, &makings[i], record, T0);
    assert_true(finish(fixture, makings[1].create.task.id, TASK_failed, 0).moved);
    assert_int_equal(count_listed(fixture, "{}"), 4);
    assert_int_equal(count_listed(fixture, "{\"state\":\"queued\"}"), 3);
    assert_int_equal(count_listed(fixture, "{\"state\":\"failed\",\"user\":\"ann\"}"), 1);
    assert_int_equal(count_listed(fixture, "{\"user\":\"bob\"}"), 0);
    json_t *page = NULL;
    assert_int_equal(
        admin_json(fixture, "task list",
                   json_pack("{s:i, s:s}", "limit", 2, "after", makings[3].create.task.public_id),
                   &page),
        STORE_OK);
    assert_int_equal(json_array_size(page), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(page, 0), "id")),
                        makings[2].create.task.public_id);
    json_decref(page);
    assert_int_equal(admin_code(fixture, "task list", "{\"state\":\"late\"}"), STORE_INVALID);
    assert_int_equal(admin_code(fixture, "task list", "{\"limit\":1001}"), STORE_INVALID);
    assert_int_equal(admin_code(fixture, "task list", "{\"user\":\"zed\"}"), STORE_NOTFOUND);
    assert_int_equal(admin_code(fixture, "task list", "{\"after\":\"task_x\"}"), STORE_NOTFOUND);
    assert_int_equal(admin_code(fixture, "task show", "{\"id\":\"task_x\"}"), STORE_NOTFOUND);
}

/* --- db check --------------------------------------------------------------------------------- */

/* What may be wrong in the books of a task that was charged and has failed, and what is said. */
static const struct wrong {
    const char *sql, *finding;
} wrongs[] = {
    {"UPDATE tasks SET charge = charge + 1", "was charged 1200000001"},
    {"UPDATE tasks SET given_back = 0", "given back 0"},
    {"DELETE FROM ledger WHERE kind = 'give_back'", "the ledger says 1200000000 and 0"},
    {"UPDATE ledger SET amount = amount - 1 WHERE kind = 'give_back'",
     "given back 1200000001 of 1200000000"},
    {"INSERT INTO ledger (id, ts, kind, user_account, amount, request_id) "
     "SELECT id + 6, ts, 'give_back', user_account, -1, request_id FROM ledger "
     "WHERE kind = 'give_back'",
     "out of its slot"},
    {"UPDATE ledger SET key_account = NULL WHERE kind = 'give_back'", "to other accounts"},
    {"DELETE FROM ledger WHERE kind = 'charge'", "given back 1200000000 of 0"},
};

static void db_check_finds_what_is_wrong_with_a_give_back(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    int64_t id = make_queued(fixture, &making, record, T0);
    assert_true(finish(fixture, id, TASK_failed, 0).moved);
    assert_sound(fixture);
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        key_record_drop(store_keyring(fixture->store), &record);
        store_close(&fixture->store);
        db_change(fixture, "DROP TABLE IF EXISTS ledger_kept; DROP TABLE IF EXISTS tasks_kept; "
                           "CREATE TABLE ledger_kept AS SELECT * FROM ledger; "
                           "CREATE TABLE tasks_kept AS SELECT * FROM tasks");
        db_change(fixture, wrongs[i].sql);
        store_start(fixture);
        json_t *check = admin_ok(fixture, "db check", "{}");
        char *text = json_dumps(json_object_get(check, "errors"), 0);
        if (strstr(text, wrongs[i].finding) == NULL)
            fail_msg("%s: %s", wrongs[i].sql, text);
        free(text);
        json_decref(check);
        store_close(&fixture->store);
        db_change(fixture, "DELETE FROM ledger; INSERT INTO ledger SELECT * FROM ledger_kept; "
                           "DELETE FROM tasks; INSERT INTO tasks SELECT * FROM tasks_kept");
        store_start(fixture);
        assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    }
    assert_sound(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cancel_gives_up_and_gives_back_once),
        TEST(cancel_is_for_tasks_without_a_verdict),
        TEST(cancel_beside_a_verdict_is_refused_and_harms_nothing),
        TEST(show_tells_all_but_words_and_links),
        TEST(list_filters_and_pages),
        TEST(db_check_finds_what_is_wrong_with_a_give_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
