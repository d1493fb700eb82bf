/* The vectors of video tasks: each a life, step by step, against a store of its own. */
#ifndef TESTS_UNIT_VECTOR_TASK_H
#define TESTS_UNIT_VECTOR_TASK_H

#include "config/frozen_price.h"
#include "task_fixture.h"
#include "vector_read.h"

#define LENGTH_MS 15000 /* what every vector asks for */
#define GROUP_PPM 800000

struct life {
    struct fixture *fixture;
    struct key_record *record;
    struct priced current; /* the price of the configuration */
    struct making making;
    char *rates;
};

/* What so long a video costs at the price that the task keeps. */
UNUSED static int64_t cost_by_record(const struct life *life, int64_t length_ms)
{
    struct task *task = task_now(life->fixture, &life->making);
    struct counters counters = {{0}};
    struct price_match match = {0};
    struct price price;
    struct charge charge;
    counters.n[COUNTER_video_ms] = length_ms;
    assert_true(price_thaw(str_of(task->rates), &price));
    assert_int_equal(
        charge_compute(&price, &counters, &match, task->group_ppm, task->user_ppm, &charge),
        CHARGE_OK);
    frozen_price_release(&price);
    task_free(&task);
    return charge.nusd;
}

UNUSED static void life_hold(struct life *life)
{
    struct buf text;
    struct counters counters = {{0}};
    struct price_match match = {0};
    struct charge charge;
    struct admission admission;
    struct task *task = &life->making.create.task;
    struct ledger_entry *entry = &life->making.settle.entry;
    making_fill(life->fixture, &life->making, life->record, T0);
    counters.n[COUNTER_video_ms] = LENGTH_MS;
    assert_int_equal(charge_compute(&life->current.price, &counters, &match,
                                    life->record->group_ppm, life->record->user_ppm, &charge),
                     CHARGE_OK);
    buf_init(&text, 65536);
    assert_true(price_freeze(&life->current.price, &text));
    life->rates = buf_take(&text, &(size_t){0});
    task->rates = life->rates;
    task->group_ppm = life->record->group_ppm;
    task->user_ppm = life->record->user_ppm;
    task->hold_nusd = entry->hold_nusd = charge.nusd;
    assert_int_equal(book_admit(store_book(life->fixture->store), life->record,
                                &(struct demand){.nusd = charge.nusd}, &entry->hold, &admission),
                     FAULT_NONE);
    assert_int_equal(task_send(life->fixture, &life->making.create), STORE_OK);
}

UNUSED static void life_submit(struct life *life, enum task_step step)
{
    struct ledger_entry *entry = &life->making.settle.entry;
    bool taken = step == TASK_STEP_SUBMITTED;
    end_fill(life->fixture, &life->making, NULL, step, taken ? "up-1" : NULL);
    entry->charge_nusd = taken ? life->making.create.task.hold_nusd : 0;
    book_settle(store_book(life->fixture->store), &entry->hold, entry->charge_nusd, 0);
    assert_int_equal(settle(life->fixture, &life->making.settle), STORE_OK);
}

UNUSED static void life_complete(struct life *life, struct str length)
{
    int64_t length_ms = LENGTH_MS;
    if (length.n > 0)
        assert_true(str_i64(length, 0, INT64_MAX, &length_ms));
    int64_t charge = life->making.create.task.hold_nusd, cost = cost_by_record(life, length_ms);
    (void)finish(life->fixture, life->making.create.task.id, TASK_completed,
                 cost < charge ? charge - cost : 0);
}

UNUSED static void life_step(struct life *life, struct str step)
{
    const struct str with_length = STR("completed:video_ms=");
    int64_t id = life->making.create.task.id;
    if (str_eq(step, STR("hold")))
        life_hold(life);
    else if (str_eq(step, STR("submit_ok")))
        life_submit(life, TASK_STEP_SUBMITTED);
    else if (str_eq(step, STR("submit_4xx")))
        life_submit(life, TASK_STEP_REFUSED);
    else if (str_eq(step, STR("price_change")))
        life->current.rates[0].pusd *= 2;
    else if (str_eq(step, STR("poll_timeout")) || str_eq(step, STR("poll_502")))
        (void)hear(life->fixture, id, TASK_queued, 0);
    else if (str_eq(step, STR("failed")))
        (void)finish(life->fixture, id, TASK_failed, 0);
    else if (str_eq(step, STR("deadline")))
        (void)finish(life->fixture, id, TASK_expired, 0);
    else if (str_eq(step, STR("completed")))
        life_complete(life, STR_EMPTY);
    else if (str_starts(step, with_length))
        life_complete(life, str_from(step, with_length.n));
    else
        fail_msg("unknown step %.*s", STR_ARG(step));
}

/* The ledger rows of the task are those expected, in their order. */
UNUSED static void check_ledger(const json_t *vector, struct life *life)
{
    const json_t *ledger = json_object_get(json_object_get(vector, "expect"), "ledger");
    char sql[200];
    long long id = life->making.create.task.id;
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM ledger WHERE kind <> 'credit'");
    CHECK_VECTOR(vector, db_number(life->fixture, sql) == (int64_t)json_array_size(ledger));
    for (size_t i = 0; i < json_array_size(ledger); i++) {
        const json_t *row = json_array_get(ledger, i);
        bool is_charge =
            strcmp(json_string_value(json_object_get(row, "kind")), "task_charge") == 0;
        snprintf(sql, sizeof sql, "SELECT SUM(amount) FROM ledger WHERE id = %lld AND kind = '%s'",
                 id + (is_charge ? 0 : 1), is_charge ? "charge" : "give_back");
        CHECK_VECTOR(vector, db_number(life->fixture, sql) == -integer(row, "amount_nusd"));
    }
}

UNUSED static void check_record(const json_t *vector, struct life *life)
{
    const json_t *expect = json_object_get(vector, "expect");
    const char *flag = json_string_value(json_object_get(expect, "flag"));
    if (flag != NULL) {
        struct task *task = task_now(life->fixture, &life->making);
        CHECK_VECTOR(vector, task->flags == task_flags_parse(str_of(flag)) && task->flags != 0);
        CHECK_VECTOR(vector, task->state == TASK_completed && task->urls != NULL);
        task_free(&task);
    }
    if (json_object_get(expect, "group_ppm") != NULL)
        CHECK_VECTOR(vector, life->record->group_ppm == integer(expect, "group_ppm"));
    assert_spent(life->fixture, life->record, integer(expect, "final_nusd"));
    assert_sound(life->fixture);
}

UNUSED static void run_task(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in");
    const json_t *steps = json_object_get(in, "steps");
    struct life life = {0};
    void *fixture;
    fixture_up(&fixture);
    life.fixture = fixture;
    json_decref(admin_ok(life.fixture, "group set", "{\"name\":\"default\",\"ratio\":\"0.8\"}"));
    life.record = make_key(life.fixture);
    assert_int_equal(life.record->group_ppm, GROUP_PPM);
    read_price(&life.current, json_object_get(in, "price"));
    for (size_t i = 0; i < json_array_size(steps); i++)
        life_step(&life, str_of(json_string_value(json_array_get(steps, i))));
    check_record(vector, &life);
    key_record_drop(store_keyring(life.fixture->store), &life.record);
    store_close(&life.fixture->store);
    check_ledger(vector, &life);
    free(life.rates);
    fixture_down(&fixture);
}

#endif
