/* What `db check` finds of what was planted behind the store's back. */
#include "tests/unit/admin_fixture.h"

#include <sqlite3.h>

/* The first finding after a change behind the store's back. */
static void assert_found(struct fixture *fixture, const char *sql, const char *part)
{
    store_close(&fixture->store);
    db_change(fixture, sql);
    store_start(fixture);
    json_t *check = admin_ok(fixture, "db check", "{}");
    const char *text = json_string_value(json_array_get(json_object_get(check, "errors"), 0));
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("%s: %s", sql, text != NULL ? text : "nothing was found");
    assert_member(check, "ok", "false");
    json_decref(check);
}

/* One request of the fixture's key, charged. */
static void charge_usd(struct fixture *fixture)
{
    struct key_record *record;
    struct store_settle one = {0};
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    entry_admit(fixture, &one.entry, record, USD);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void check_finds_planted_mismatches(void **state)
{
    struct fixture *fixture = *state;
    charge_usd(fixture);
    assert_shown(fixture, "db check", "{}", "accounts", "4");
    assert_shown(fixture, "db check", "{}", "ok", "true");
    assert_found(fixture, "UPDATE accounts SET spent = spent + 1 WHERE kind = 0", "has spent");
}

static void check_finds_a_lost_credit(void **state)
{
    struct fixture *fixture = *state;
    assert_found(fixture, "DELETE FROM ledger WHERE kind = 'credit'", "was credited 10000000000");
}

static void check_finds_a_wrong_request_and_a_lost_account(void **state)
{
    struct fixture *fixture = *state;
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_found(fixture, "UPDATE requests SET charge = 5", "was charged 5");
    assert_found(fixture, "UPDATE requests SET charge = 0; DELETE FROM accounts WHERE kind = 0",
                 "which is missing");
}

static void check_finds_a_charge_out_of_its_slot(void **state)
{
    struct fixture *fixture = *state;
    charge_usd(fixture);
    assert_found(fixture, "UPDATE ledger SET request_id = request_id + 2 WHERE kind = 'charge'",
                 "is not in the slot of a charge");
}

static void check_finds_a_charge_without_its_request(void **state)
{
    struct fixture *fixture = *state;
    charge_usd(fixture);
    assert_found(fixture, "UPDATE requests SET user_id = user_id + 2 WHERE charge > 0",
                 "is of another user than its request");
    assert_found(fixture, "DELETE FROM requests WHERE charge > 0",
                 "has no row in the log of requests");
}

static void check_finds_wrong_sums_by_day(void **state)
{
    struct fixture *fixture = *state;
    charge_usd(fixture);
    json_decref(admin_ok(fixture, "usage summary", "{}"));
    assert_shown(fixture, "db check", "{}", "ok", "true");
    assert_found(fixture, "UPDATE rollup_day SET requests = requests + 1",
                 "are off by 1 requests, 0 nUSD charged, 0 given back");
}

/* What only an index has wrong: the store's own connection does not let its schema be written. */
static void check_finds_a_row_that_is_missing_in_an_index(void **state)
{
    static const char sql[] =
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX requests_user "
        "ON "
        "requests (user_id, id) WHERE id < 0' WHERE name = 'requests_user'; "
        "PRAGMA writable_schema = RESET; REINDEX requests_user; "
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX requests_user "
        "ON "
        "requests (user_id, id)' WHERE name = 'requests_user'; PRAGMA writable_schema = RESET;";
    struct fixture *fixture = *state;
    sqlite3 *db;
    charge_usd(fixture);
    store_close(&fixture->store);
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store_start(fixture);
    assert_found(fixture, "SELECT 1", "structure: row 1 missing from index requests_user");
}

static void check_finds_an_open_row_without_a_request(void **state)
{
    struct fixture *fixture = *state;
    struct ledger_entry entry;
    store_close(&fixture->store);
    store_start(fixture);
    entry_fill(fixture, &entry, 0);
    store_note_open(fixture->store, &entry);
    assert_shown(fixture, "db check", "{}", "open_rows", "1");
    assert_shown(fixture, "db check", "{}", "ok", "true");
    entry.id = 2;
    store_note_open(fixture->store, &entry);
    json_t *check = admin_ok(fixture, "db check", "{}");
    const char *text = json_string_value(json_array_get(json_object_get(check, "errors"), 0));
    assert_non_null(text);
    assert_non_null(strstr(text, "is open, but was begun before this process"));
    json_decref(check);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, filled_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(check_finds_planted_mismatches),
        TEST(check_finds_a_lost_credit),
        TEST(check_finds_a_charge_out_of_its_slot),
        TEST(check_finds_a_charge_without_its_request),
        TEST(check_finds_wrong_sums_by_day),
        TEST(check_finds_a_row_that_is_missing_in_an_index),
        TEST(check_finds_an_open_row_without_a_request),
        TEST(check_finds_a_wrong_request_and_a_lost_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
