/* room: store */
/* What user set and key set change, and when it is in force. */
#include "tests/unit/admin_fixture.h"

static json_t *key_set(struct fixture *fixture, const char *members)
{
    json_t *arguments = json_loads(members, 0, NULL), *key = NULL;
    int64_t id = id_of_key(fixture);
    assert_int_equal(json_object_set_new(arguments, "id", json_integer((json_int_t)id)), 0);
    assert_int_equal(admin_json(fixture, "key set", arguments, &key), STORE_OK);
    return key;
}

static void key_set_changes_what_is_named_and_is_in_force_at_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_int_equal(record->key_limit.nusd, -1);
    key_record_drop(store_keyring(fixture->store), &record);
    json_t *key = key_set(fixture, "{\"name\":\"new\",\"group\":\"vip\",\"expires_s\":3600,"
                                   "\"models\":[\"a*\"],\"networks\":[\"10.0.0.0/8\"],"
                                   "\"limit\":\"3/day\"}");
    assert_member(key, "name", "\"new\"");
    assert_member(key, "group", "\"vip\"");
    assert_member(key, "models", "[\"a*\"]");
    assert_member(key, "networks", "[\"10.0.0.0/8\"]");
    assert_member(key, "limit", "\"3/day\"");
    assert_true(json_is_string(json_object_get(key, "expires")));
    json_t *shown = NULL;
    assert_int_equal(on_key(fixture, "key show", &shown), STORE_OK);
    assert_true(json_equal(shown, key));
    json_decref(shown);
    json_decref(key);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_int_equal(record->key_limit.nusd, 3 * USD);
    key_record_drop(store_keyring(fixture->store), &record);
    /* What is not named stays. */
    key = key_set(fixture, "{\"name\":\"newer\"}");
    assert_member(key, "limit", "\"3/day\"");
    assert_member(key, "models", "[\"a*\"]");
    assert_true(json_is_string(json_object_get(key, "expires")));
    json_decref(key);
    key = key_set(fixture, "{\"group\":null,\"expires_s\":null,\"models\":[],\"networks\":[],"
                           "\"limit\":null}");
    assert_member(key, "group", "\"default\"");
    assert_member(key, "models", "[]");
    assert_member(key, "networks", "[]");
    assert_member(key, "limit", "null");
    assert_member(key, "expires", "null");
    assert_member(key, "state", "\"enabled\"");
    json_decref(key);
}

static void user_set_moves_the_user_and_its_keys(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    int64_t group = record->group_id;
    key_record_drop(store_keyring(fixture->store), &record);
    assert_shown(fixture, "user set", "{\"name\":\"ann\",\"ratio\":\"0.5\"}", "group",
                 "\"default\"");
    assert_shown(fixture, "user set", "{\"name\":\"ann\",\"group\":\"vip\"}", "ratio", "\"0.5\"");
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "group", "\"vip\"");
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "balance", "\"10.000000000\"");
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_int_equal(record->user_ppm, 500000);
    assert_int_not_equal(record->group_id, group);
    key_record_drop(store_keyring(fixture->store), &record);
}

static enum fault admit(struct fixture *fixture, int64_t nusd)
{
    struct key_record *record;
    struct hold hold = {.n = 0};
    struct admission admission;
    struct book *book = store_book(fixture->store);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    enum fault fault = book_admit(book, record, &(struct demand){.nusd = nusd}, &hold, &admission);
    if (fault == FAULT_NONE) {
        book_settle(book, &hold, 0, 0);
        book_unpin(book, &hold);
    }
    key_record_drop(store_keyring(fixture->store), &record);
    return fault;
}

/* Of a key or a group that had no limit when the request was admitted: it counts all the same. */
static void set_while_a_request_runs(struct fixture *fixture, const char *operation,
                                     json_t *arguments, enum fault fault)
{
    struct key_record *record;
    struct store_settle running = {0};
    struct ledger_entry *entry = &running.entry;
    struct admission admission;
    struct book *book = store_book(fixture->store);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    entry_fill(fixture, entry, 4 * USD);
    entry->user_id = record->user_id;
    entry->key_id = record->id;
    entry->group_id = record->group_id;
    entry->hold_nusd = 4 * USD;
    assert_int_equal(
        book_admit(book, record, &(struct demand){.nusd = 4 * USD}, &entry->hold, &admission),
        FAULT_NONE);
    assert_int_equal(admin_json(fixture, operation, arguments, NULL), STORE_OK);
    assert_int_equal(admit(fixture, USD + 1), fault); /* the hold counts */
    assert_int_equal(admit(fixture, USD), FAULT_NONE);
    book_settle(book, &entry->hold, 4 * USD, 0);
    assert_int_equal(settle(fixture, &running), STORE_OK);
    assert_int_equal(admit(fixture, USD + 1), fault); /* and so does the charge */
    assert_int_equal(admit(fixture, USD), FAULT_NONE);
    key_record_drop(store_keyring(fixture->store), &record);
    store_reopen(fixture);
    assert_int_equal(admit(fixture, USD + 1), fault);
    assert_int_equal(admit(fixture, USD), FAULT_NONE);
}

static void key_limit_set_while_a_request_runs_counts_it(void **state)
{
    struct fixture *fixture = *state;
    json_t *arguments = json_pack("{s:I, s:s}", "id", (json_int_t)id_of_key(fixture), "limit", "5");
    set_while_a_request_runs(fixture, "key set", arguments, FAULT_TOKEN_QUOTA_EXHAUSTED);
}

static void group_quota_set_while_a_request_runs_counts_it(void **state)
{
    json_t *arguments = json_pack("{s:s, s:s}", "name", "default", "quota", "5");
    set_while_a_request_runs(*state, "group set", arguments, FAULT_GROUP_QUOTA_EXHAUSTED);
}

static void user_quota_set_while_a_request_runs_counts_it(void **state)
{
    json_t *arguments = json_pack("{s:s, s:s}", "name", "default", "user_quota", "5");
    set_while_a_request_runs(*state, "group set", arguments, FAULT_GROUP_USER_QUOTA_EXHAUSTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, filled_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(key_set_changes_what_is_named_and_is_in_force_at_the_answer),
        TEST(user_set_moves_the_user_and_its_keys),
        TEST(key_limit_set_while_a_request_runs_counts_it),
        TEST(group_quota_set_while_a_request_runs_counts_it),
        TEST(user_quota_set_while_a_request_runs_counts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
