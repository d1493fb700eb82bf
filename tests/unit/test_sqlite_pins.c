/* room: store */
#include "store/sqlite_pins.h"

#include "tests/unit/store_key.h"

#define DAY_MS INT64_C(86400000)
#define IDS(literal) ((struct str){literal, sizeof(literal)}) /* with its last NUL */

static enum store_code find(struct fixture *fixture, struct store_pins_get *get, int64_t user_id,
                            struct str ids)
{
    memset(get, 0, sizeof *get);
    prepare(fixture, &get->call);
    get->user_id = user_id;
    get->ids = ids;
    store_pins_get(fixture->store, get);
    wait_for(fixture, &get->call);
    return get->call.code;
}

static void issue(struct fixture *fixture, int64_t user_id, const char *provider, struct str issued)
{
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    one.entry.user_id = user_id;
    one.entry.provider = provider;
    one.entry.issued = issued;
    one.entry.answer_tokens = 5;
    one.entry.item_tokens = 2;
    assert_int_equal(settle(fixture, &one), STORE_OK);
}

static void issued_ids_are_found_by_their_user_only(void **state)
{
    struct fixture *fixture = *state;
    struct store_pins_get get;
    issue(fixture, 7, "one", IDS("aresp_1\0imsg_1"));
    assert_int_equal(find(fixture, &get, 7, IDS("presp_1")), STORE_OK);
    assert_string_equal(get.provider, "one");
    assert_int_equal(get.tokens, 5);
    assert_int_equal(find(fixture, &get, 7, IDS("pmsg_1\0presp_1")), STORE_OK);
    assert_int_equal(get.tokens, 7);
    assert_int_equal(find(fixture, &get, 8, IDS("presp_1")), STORE_NOTFOUND);
    assert_int_equal(find(fixture, &get, 7, IDS("presp_1\0presp_2\0pmsg_1")), STORE_NOTFOUND);
    assert_int_equal(get.missing, 1);
    assert_int_equal(find(fixture, &get, 7, IDS("paresp_1")), STORE_NOTFOUND);
    assert_int_equal(find(fixture, &get, 7, IDS("p")), STORE_NOTFOUND);
}

static void same_id_belongs_to_each_user_it_was_given_to(void **state)
{
    struct fixture *fixture = *state;
    struct store_pins_get get;
    issue(fixture, 7, "one", IDS("ax"));
    issue(fixture, 8, "two", IDS("ax"));
    assert_int_equal(find(fixture, &get, 7, IDS("px")), STORE_OK);
    assert_string_equal(get.provider, "one");
    assert_int_equal(find(fixture, &get, 8, IDS("px")), STORE_OK);
    assert_string_equal(get.provider, "two");
    issue(fixture, 7, "two", IDS("ax")); /* the later one counts */
    assert_int_equal(find(fixture, &get, 7, IDS("px")), STORE_OK);
    assert_string_equal(get.provider, "two");
}

static void ids_of_two_providers_do_not_go_together(void **state)
{
    struct fixture *fixture = *state;
    struct store_pins_get get;
    issue(fixture, 7, "one", IDS("aresp_1\0imsg_1"));
    issue(fixture, 7, "two", IDS("aresp_2"));
    assert_int_equal(find(fixture, &get, 7, IDS("pmsg_1\0presp_1\0presp_2")), STORE_NOTFOUND);
    assert_int_equal(get.missing, 2);
}

static void ids_survive_a_restart_and_go_after_thirty_days(void **state)
{
    struct fixture *fixture = *state;
    struct store_pins_get get;
    int64_t begun_ms = clock_wall_ms();
    issue(fixture, 7, "one", IDS("aold"));
    issue(fixture, 7, "one", IDS("anew"));
    store_close(&fixture->store);
    assert_in_range(db_number(fixture, "SELECT MIN(expires) FROM response_pins"),
                    begun_ms + 30 * DAY_MS, begun_ms + 30 * DAY_MS + WAIT_MS);
    db_change(fixture, "UPDATE response_pins SET expires = 1000 WHERE id = 'old'");
    store_start(fixture);
    assert_int_equal(find(fixture, &get, 7, IDS("pold")), STORE_NOTFOUND);
    assert_int_equal(find(fixture, &get, 7, IDS("pnew")), STORE_OK);
    issue(fixture, 7, "one", STR_EMPTY); /* the next commit sweeps */
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM response_pins"), 1);
    store_start(fixture);
    assert_sound(fixture);
}

static void overdue_look_up_does_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store_pins_get get = {.ids = IDS("px"), .call = {.deadline_ms = 1}};
    prepare(fixture, &get.call);
    store_pins_get(fixture->store, &get);
    wait_for(fixture, &get.call);
    assert_int_equal(get.call.code, STORE_BUSY);
}

static void sweep_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct buf why;
    bool in_use;
    for (int i = 0; i < 5; i++) {
        char ids[] = {'a', (char)('0' + i), '\0'};
        issue(fixture, 7, "one", (struct str){ids, sizeof ids});
    }
    store_close(&fixture->store);
    db_change(fixture, "UPDATE response_pins SET expires = 1000 + id");
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    assert_int_equal(pins_sweep(db, 999, 10), 0);
    assert_int_equal(pins_sweep(db, 1003, 3), 3);
    assert_int_equal(pins_sweep(db, 1003, 3), 1);
    assert_int_equal(pins_sweep(db, 1003, 3), 0);
    db_close(&db);
    buf_release(&why);
    store_start(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(issued_ids_are_found_by_their_user_only),
        TEST(same_id_belongs_to_each_user_it_was_given_to),
        TEST(ids_of_two_providers_do_not_go_together),
        TEST(ids_survive_a_restart_and_go_after_thirty_days),
        TEST(overdue_look_up_does_nothing),
        TEST(sweep_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
