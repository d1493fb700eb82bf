#include "store/store_tasks.h"

#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/task_fixture.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

/* A fixture with a key. */
struct room {
    struct fixture *fixture;
    struct key_record *record;
};

static int up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    void *fixture;
    fixture_up(&fixture);
    room->fixture = fixture;
    room->record = make_key(room->fixture);
    *state = room;
    return 0;
}

static int down(void **state)
{
    struct room *room = *state;
    void *fixture = room->fixture;
    if (room->record != NULL)
        key_record_drop(store_keyring(room->fixture->store), &room->record);
    fixture_down(&fixture);
    free(room);
    return 0;
}

/* As after the end of the process: nothing that was in memory is left. */
static void restart(struct room *room)
{
    key_record_drop(store_keyring(room->fixture->store), &room->record);
    store_reopen(room->fixture);
    assert_int_equal(key_get(room->fixture, SECRET, &room->record), STORE_OK);
}

/* --- the life of a task ----------------------------------------------------------------------- */

static void task_lives_from_create_to_completed(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    making_fill(fixture, &making, room->record, T0);
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_null(making.create.existing);
    assert_state(fixture, &making, TASK_creating);
    assert_spent(fixture, room->record, 0);
    assert_int_equal(end_with(fixture, &making, room->record, TASK_STEP_SUBMITTED, "up-1"),
                     STORE_OK);
    assert_spent(fixture, room->record, CHARGE);
    assert_int_equal(hear(fixture, making.create.task.id, TASK_in_progress, 45).state,
                     TASK_in_progress);
    struct store_task_finish end = finish(fixture, making.create.task.id, TASK_completed, 0);
    assert_int_equal(end.call.code, STORE_OK);
    assert_true(end.moved);
    struct task *task = task_now(fixture, &making);
    assert_int_equal(task->state, TASK_completed);
    assert_int_equal(task->progress, 100);
    assert_string_equal(task->upstream_id, "up-1");
    assert_string_equal(task->provider, "p");
    assert_string_equal(task->upstream_model, "um");
    assert_string_equal(task->prompt, "a cat on a roof");
    assert_string_equal(task->aspect_ratio, "9:16");
    assert_string_equal(task->rates, "price = video_ms 0.10 per second\n");
    assert_string_equal(task->urls, "https://u/1");
    assert_null(task->size);
    assert_null(task->error_code);
    assert_int_equal(task->counters.n[COUNTER_video_ms], 15000);
    assert_int_equal(task->charge_nusd, CHARGE);
    assert_int_equal(task->given_back_nusd, 0);
    assert_int_equal(task->group_ppm, 800000);
    assert_int_equal(task->created_ms, T0);
    assert_int_equal(task->ended_ms, T0 + 60000);
    assert_int_equal(task->deadline_ms, T0 + TASK_LIFE_MS);
    assert_int_equal(task->polls, 1);
    assert_int_equal(task->next_poll_ms, 0);
    task_free(&task);
    assert_spent(fixture, room->record, CHARGE);
    assert_sound(fixture);
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "endpoint", "\"video\"");
    assert_member(json_array_get(list, 0), "charge", "\"1.200000000\"");
    json_decref(list);
}

/* The time at which everything ends for the second time changes nothing, nor does the verdict. */
static void failure_seen_by_two_observers_is_given_back_once(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    int64_t id = make_queued(fixture, &making, room->record, T0);
    struct store_task_finish both[2] = {
        {.id = id, .verdict = TASK_failed, .error_code = "prompt_blocked", .now_ms = T0 + 1},
        {.id = id, .verdict = TASK_expired, .now_ms = T0 + 2}};
    for (int i = 0; i < 2; i++) {
        prepare(fixture, &both[i].call);
        store_task_finish(fixture->store, &both[i]);
    }
    for (int i = 0; i < 2; i++) {
        wait_for(fixture, &both[i].call);
        assert_int_equal(both[i].call.code, STORE_OK);
        assert_int_equal(both[i].moved, i == 0);
        assert_int_equal(both[i].state, TASK_failed);
    }
    assert_spent(fixture, room->record, 0);
    struct task *task = task_now(fixture, &making);
    assert_string_equal(task->error_code, "prompt_blocked");
    assert_int_equal(task->given_back_nusd, CHARGE);
    task_free(&task);
    assert_shown(fixture, "db check", "{}", "ledger_rows", "3"); /* with the credit */
    assert_sound(fixture);
}

static void give_back_goes_to_every_account_of_the_charge(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    json_decref(admin_ok(fixture, "group set",
                         "{\"name\":\"default\",\"quota\":\"9/day\",\"user_quota\":\"9/month\"}"));
    key_record_drop(store_keyring(fixture->store), &room->record);
    assert_int_equal(key_get(fixture, SECRET, &room->record), STORE_OK);
    int64_t id = make_queued(fixture, &making, room->record, T0);
    /* Eight seconds of fifteen. */
    assert_true(finish(fixture, id, TASK_completed, CHARGE * 7 / 15).moved);
    assert_spent(fixture, room->record, CHARGE * 8 / 15);
    assert_sound(fixture);
    struct hold hold = {0};
    struct admission admission;
    int64_t left = 9 * USD - CHARGE * 8 / 15;
    struct book *book = store_book(fixture->store);
    assert_int_equal(
        book_admit(book, room->record, &(struct demand){.nusd = left + 1}, &hold, &admission),
        FAULT_GROUP_QUOTA_EXHAUSTED);
    assert_int_equal(admission.available_nusd, left);
    key_record_drop(store_keyring(fixture->store), &room->record);
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM accounts WHERE kind > 0 AND "
                                        "spent = 640000000"),
                     3);
    store_start(fixture);
}

static void more_than_the_charge_is_never_given_back(void **state)
{
    struct room *room = *state;
    struct making making;
    int64_t id = make_queued(room->fixture, &making, room->record, T0);
    assert_int_equal(finish(room->fixture, id, TASK_completed, CHARGE + 1).call.code,
                     STORE_CONFLICT);
    assert_true(store_is_degraded(room->fixture->store));
    assert_state(room->fixture, &making, TASK_queued);
    assert_spent(room->fixture, room->record, CHARGE);
    assert_shown(room->fixture, "db check", "{}", "ledger_rows", "2");
    assert_sound(room->fixture);
}

static void late_success_is_delivered_and_not_charged_again(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    struct task_view view;
    int64_t id = make_queued(fixture, &making, room->record, T0);
    assert_true(finish(fixture, id, TASK_expired, 0).moved);
    struct task *task = task_now(fixture, &making);
    task_view(task, &view);
    assert_string_equal(view.status, "failed");
    assert_string_equal(view.error_code, "timeout");
    task_free(&task);
    assert_spent(fixture, room->record, 0);
    assert_true(finish(fixture, id, TASK_completed, CHARGE / 2).moved);
    assert_false(finish(fixture, id, TASK_failed, 0).moved);
    task = task_now(fixture, &making);
    task_view(task, &view);
    assert_string_equal(view.status, "completed");
    assert_int_equal(task->flags, TASK_FLAG(late_success));
    assert_string_equal(task->urls, "https://u/1");
    task_free(&task);
    assert_spent(fixture, room->record, 0);
    assert_sound(fixture);
}

static void refused_task_leaves_a_row_of_the_log_and_nothing_else(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    struct task *task;
    making_fill(fixture, &making, room->record, T0);
    making.create.idem_key = "again";
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    making.settle.entry.status = 502;
    assert_int_equal(end_with(fixture, &making, room->record, TASK_STEP_REFUSED, NULL), STORE_OK);
    assert_spent(fixture, room->record, 0);
    assert_int_equal(get_task(fixture, making.create.task.public_id, room->record->user_id, &task),
                     STORE_NOTFOUND);
    /* Its key may be used for another body now. */
    struct making other;
    making_fill(fixture, &other, room->record, T0 + 1);
    other.create.idem_key = "again";
    other.create.body_hash[0] = 1;
    assert_int_equal(task_send(fixture, &other.create), STORE_OK);
    assert_null(other.create.existing);
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "status", "502");
    json_decref(list);
    /* A second time, and of one that was never created: harmless. */
    assert_int_equal(end_with(fixture, &making, room->record, TASK_STEP_REFUSED, NULL), STORE_OK);
    assert_false(store_is_degraded(fixture->store));
    assert_sound(fixture);
}

static void ambiguous_task_is_unknown_and_free(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    struct task_view view;
    making_fill(fixture, &making, room->record, T0);
    making.create.idem_key = "k";
    assert_int_equal(task_send(fixture, &making.create), STORE_OK);
    assert_int_equal(end_with(fixture, &making, room->record, TASK_STEP_AMBIGUOUS, NULL), STORE_OK);
    assert_int_equal(end_with(fixture, &making, room->record, TASK_STEP_AMBIGUOUS, NULL), STORE_OK);
    assert_spent(fixture, room->record, 0);
    struct task *task = task_now(fixture, &making);
    task_view(task, &view);
    assert_int_equal(task->state, TASK_unknown);
    assert_int_equal(task->flags, TASK_FLAG(maybe_billed));
    assert_string_equal(view.status, "failed");
    assert_string_equal(view.error_code, "upstream_error");
    task_free(&task);
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_member(json_array_get(list, 0), "flags", "[\"maybe_billed\"]");
    json_decref(list);
    /* The same key leads to it: it is not sent again. */
    struct making again;
    making_fill(fixture, &again, room->record, T0 + 1);
    again.create.idem_key = "k";
    assert_int_equal(task_send(fixture, &again.create), STORE_OK);
    assert_non_null(again.create.existing);
    assert_int_equal(again.create.existing->state, TASK_unknown);
    task_free(&again.create.existing);
    assert_sound(fixture);
}

/* A user who leaves at once: both calls may come to the thread together. */
static void task_whose_request_has_ended_is_not_made(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    static struct making makings[64];
    for (size_t i = 0; i < COUNT(makings); i++) {
        struct making *making = &makings[i];
        making_fill(fixture, making, room->record, T0 + (int64_t)i);
        end_fill(fixture, making, room->record, TASK_STEP_REFUSED, NULL);
        prepare(fixture, &making->create.call);
        prepare(fixture, &making->settle.call);
        store_task_create(fixture->store, &making->create);
        store_settle(fixture->store, &making->settle);
    }
    unsigned late = 0;
    for (size_t i = 0; i < COUNT(makings); i++) {
        wait_for(fixture, &makings[i].create.call);
        wait_for(fixture, &makings[i].settle.call);
        assert_int_equal(makings[i].settle.call.code, STORE_OK);
        late += makings[i].create.call.code == STORE_BUSY;
    }
    assert_true(late > 0);
    key_record_drop(store_keyring(fixture->store), &room->record);
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT count(*) FROM tasks"), 0);
    store_start(fixture);
}

/* --- edges ------------------------------------------------------------------------------------ */

/* Brings a task into the state. */
static int64_t make_in(struct room *room, struct making *making, enum task_state wanted)
{
    struct fixture *fixture = room->fixture;
    making_fill(fixture, making, room->record, T0);
    int64_t id = making->create.task.id;
    assert_int_equal(task_send(fixture, &making->create), STORE_OK);
    if (wanted == TASK_creating)
        return id;
    bool unknown = wanted == TASK_unknown;
    assert_int_equal(end_with(fixture, making, room->record,
                              unknown ? TASK_STEP_AMBIGUOUS : TASK_STEP_SUBMITTED,
                              unknown ? NULL : "up-1"),
                     STORE_OK);
    if (wanted == TASK_in_progress)
        (void)hear(fixture, id, TASK_in_progress, 50);
    else if (wanted != TASK_queued && !unknown)
        (void)finish(fixture, id, wanted, 0);
    assert_state(fixture, making, wanted);
    return id;
}

static void illegal_edges_are_absorbed(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    static const enum task_state verdicts[] = {TASK_completed, TASK_failed, TASK_expired};
    struct making making;
    for (unsigned from = 0; from < TASK_STATE_COUNT; from++) {
        for (size_t i = 0; i < COUNT(verdicts); i++) {
            json_decref(admin_ok(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"2\"}"));
            int64_t id = make_in(room, &making, (enum task_state)from);
            bool legal = task_may_turn((enum task_state)from, verdicts[i]);
            struct store_task_finish end = finish(fixture, id, verdicts[i], 0);
            assert_int_equal(end.call.code, STORE_OK);
            assert_int_equal(end.moved, legal);
            assert_int_equal(end.state, legal ? verdicts[i] : from);
            assert_state(fixture, &making, end.state);
        }
        int64_t id = make_in(room, &making, (enum task_state)from);
        struct store_task_progress heard = hear(fixture, id, TASK_in_progress, 60);
        assert_int_equal(heard.call.code, STORE_OK);
        assert_int_equal(heard.state, from == TASK_queued ? TASK_in_progress : from);
        heard = hear(fixture, id, TASK_queued, 0);
        assert_int_equal(heard.state, from == TASK_queued ? TASK_in_progress : from);
    }
    assert_false(store_is_degraded(fixture->store));
    assert_sound(fixture);
}

static void progress_never_goes_back(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    int64_t id = make_queued(fixture, &making, room->record, T0);
    (void)hear(fixture, id, TASK_in_progress, 0);
    struct task *begun = task_now(fixture, &making);
    assert_int_equal(begun->progress, 1);
    task_free(&begun);
    (void)hear(fixture, id, TASK_in_progress, 45);
    (void)hear(fixture, id, TASK_in_progress, 30);
    (void)hear(fixture, id, TASK_queued, 0);
    struct task *task = task_now(fixture, &making);
    assert_int_equal(task->state, TASK_in_progress);
    assert_int_equal(task->progress, 45);
    assert_int_equal(task->polls, 4);
    assert_int_equal(task->polled_ms, T0 + 20000);
    assert_int_equal(task->next_poll_ms, T0 + 40000);
    task_free(&task);
    assert_int_equal(hear(fixture, id + 2, TASK_queued, 0).call.code, STORE_NOTFOUND);
    assert_int_equal(finish(fixture, id + 2, TASK_failed, 0).call.code, STORE_NOTFOUND);
}

static void links_of_a_completed_task_may_be_made_anew(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    int64_t id = make_in(room, &making, TASK_completed);
    struct store_task_progress fresh = {
        .id = id, .urls = "https://u/2", .heard = TASK_queued, .now_ms = T0, .next_poll_ms = T0};
    prepare(fixture, &fresh.call);
    store_task_progress(fixture->store, &fresh);
    wait_for(fixture, &fresh.call);
    assert_int_equal(fresh.state, TASK_completed);
    struct task *task = task_now(fixture, &making);
    assert_string_equal(task->urls, "https://u/2");
    assert_int_equal(task->next_poll_ms, 0);
    task_free(&task);
}

/* --- two ends of one request ------------------------------------------------------------------ */

static void submitted_twice_charges_once(void **state)
{
    struct room *room = *state;
    struct making making;
    (void)make_queued(room->fixture, &making, room->record, T0);
    assert_int_equal(end_with(room->fixture, &making, NULL, TASK_STEP_SUBMITTED, "up-1"), STORE_OK);
    assert_spent(room->fixture, room->record, CHARGE);
    assert_false(store_is_degraded(room->fixture->store));
    assert_sound(room->fixture);
}

static void other_charge_in_the_slot_raises_the_alarm(void **state)
{
    struct room *room = *state;
    struct making making;
    (void)make_queued(room->fixture, &making, room->record, T0);
    making.settle.entry.charge_nusd = CHARGE + 1;
    making.settle.entry.hold = (struct hold){0};
    assert_int_equal(settle(room->fixture, &making.settle), STORE_CONFLICT);
    assert_true(store_is_degraded(room->fixture->store));
    assert_sound(room->fixture);
}

static void other_end_of_the_task_raises_the_alarm(void **state)
{
    struct room *room = *state;
    static const enum task_step steps[] = {TASK_STEP_REFUSED, TASK_STEP_AMBIGUOUS,
                                           TASK_STEP_SUBMITTED};
    struct making making;
    for (size_t i = 0; i < COUNT(steps); i++) {
        (void)make_queued(room->fixture, &making, room->record, T0);
        assert_int_equal(end_with(room->fixture, &making, NULL, steps[i], "up-2"), STORE_CONFLICT);
        assert_true(store_is_degraded(room->fixture->store));
        assert_state(room->fixture, &making, TASK_queued);
        restart(room);
        assert_false(store_is_degraded(room->fixture->store));
    }
    assert_sound(room->fixture);
}

static void submitted_without_a_row_charges_nothing(void **state)
{
    struct room *room = *state;
    struct making making;
    making_fill(room->fixture, &making, room->record, T0);
    assert_int_equal(end_with(room->fixture, &making, NULL, TASK_STEP_SUBMITTED, "up-1"),
                     STORE_CONFLICT);
    assert_shown(room->fixture, "db check", "{}", "ledger_rows", "1");
    assert_sound(room->fixture);
}

static void other_give_back_in_the_slot_raises_the_alarm(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    struct making making;
    int64_t id = make_queued(fixture, &making, room->record, T0);
    key_record_drop(store_keyring(fixture->store), &room->record);
    store_close(&fixture->store);
    char sql[200];
    snprintf(sql, sizeof sql,
             "INSERT INTO ledger (id, ts, kind, amount, request_id) VALUES (%lld, 1, 'give_back', "
             "-5, %lld)",
             (long long)id + 1, (long long)id);
    db_change(fixture, sql);
    store_start(fixture);
    assert_int_equal(finish(fixture, id, TASK_failed, 0).call.code, STORE_CONFLICT);
    assert_true(store_is_degraded(fixture->store));
    assert_state(fixture, &making, TASK_queued);
}

/* --- crashes ---------------------------------------------------------------------------------- */

/* In a child, the first `steps` of a life; then it dies without a goodbye. */
static void die_after(struct fixture *fixture, struct making *making, int steps)
{
    struct key_record *record;
    bool ok = true;
    store_start(fixture);
    ok = key_get(fixture, SECRET, &record) == STORE_OK;
    if (steps > 0)
        ok = ok && task_send(fixture, &making->create) == STORE_OK;
    if (steps > 1)
        ok = ok && end_with(fixture, making, record, TASK_STEP_SUBMITTED, "up-1") == STORE_OK;
    if (steps > 2)
        ok =
            ok && hear(fixture, making->create.task.id, TASK_in_progress, 10).call.code == STORE_OK;
    if (steps > 3)
        ok = ok && finish(fixture, making->create.task.id, TASK_failed, 0).moved;
    if (ok)
        raise(SIGKILL);
    _exit(1);
}

static void crash_between_two_calls_loses_nothing(void **state)
{
    struct room *room = *state;
    struct fixture *fixture = room->fixture;
    static const struct {
        enum task_state state;
        int64_t spent;
    } expected[] = {{0, 0},
                    {TASK_unknown, 0},
                    {TASK_queued, CHARGE},
                    {TASK_in_progress, CHARGE},
                    {TASK_failed, 0}};
    for (int steps = 0; steps < (int)COUNT(expected); steps++) {
        struct making making;
        struct task *task;
        int status;
        making_fill(fixture, &making, room->record, T0);
        making.create.idem_key = "k";
        making.create.body_hash[0] = (uint8_t)steps;
        making.create.task.created_ms += steps * (IDEM_LIFE_MS + 1);
        key_record_drop(store_keyring(fixture->store), &room->record);
        store_close(&fixture->store);
        pid_t child = fork();
        if (child == 0)
            die_after(fixture, &making, steps);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        store_start(fixture);
        assert_int_equal(key_get(fixture, SECRET, &room->record), STORE_OK);
        assert_int_equal(
            get_task(fixture, making.create.task.public_id, room->record->user_id, &task),
            steps == 0 ? STORE_NOTFOUND : STORE_OK);
        assert_spent(fixture, room->record, expected[steps].spent);
        assert_sound(fixture);
        if (task == NULL)
            continue;
        assert_int_equal(task->state, expected[steps].state);
        assert_int_equal(task->flags, steps == 1 ? TASK_FLAG(maybe_billed) | TASK_FLAG(crash) : 0);
        assert_true(task_has_verdict(task->state) == (task->next_poll_ms == 0));
        task_free(&task);
        if (!task_has_verdict(expected[steps].state))
            (void)finish(fixture, making.create.task.id, TASK_failed, 0);
    }
    assert_spent(fixture, room->record, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(task_lives_from_create_to_completed),
        TEST(failure_seen_by_two_observers_is_given_back_once),
        TEST(give_back_goes_to_every_account_of_the_charge),
        TEST(more_than_the_charge_is_never_given_back),
        TEST(late_success_is_delivered_and_not_charged_again),
        TEST(refused_task_leaves_a_row_of_the_log_and_nothing_else),
        TEST(ambiguous_task_is_unknown_and_free),
        TEST(task_whose_request_has_ended_is_not_made),
        TEST(illegal_edges_are_absorbed),
        TEST(progress_never_goes_back),
        TEST(links_of_a_completed_task_may_be_made_anew),
        TEST(submitted_twice_charges_once),
        TEST(other_charge_in_the_slot_raises_the_alarm),
        TEST(other_end_of_the_task_raises_the_alarm),
        TEST(submitted_without_a_row_charges_nothing),
        TEST(other_give_back_in_the_slot_raises_the_alarm),
        TEST(crash_between_two_calls_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
