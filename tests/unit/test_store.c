#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tests/unit/store_key.h"

/* --- opening ---------------------------------------------------------------------------------- */

static void second_owner_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *second;
    bool in_use;
    assert_false(store_try(fixture, &second, &in_use));
    assert_true(in_use);
    assert_non_null(strstr(fixture->why, "in use"));
    assert_int_equal(admin_code(fixture, "user add", "{\"name\":\"ann\"}"), STORE_OK);
}

static void newer_schema_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    bool in_use;
    store_close(&fixture->store);
    db_change(fixture, "PRAGMA user_version=999");
    assert_false(store_try(fixture, &store, &in_use));
    assert_false(in_use);
    assert_non_null(strstr(fixture->why, "schema 999"));
}

static void newest_id_covers_all_tables(void **state)
{
    struct fixture *fixture = *state;
    json_t *user = admin_ok(fixture, "user add", "{\"name\":\"ann\"}");
    int64_t id = json_integer_value(json_object_get(user, "id"));
    json_decref(user);
    store_reopen(fixture);
    assert_true(store_newest_id(fixture->store) >= id);
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    assert_true(one.entry.id > id);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    store_reopen(fixture);
    assert_int_equal(store_newest_id(fixture->store), one.entry.id);
}

/* --- look-ups --------------------------------------------------------------------------------- */

static void key_get_of_known_key_gives_the_whole_record(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    json_decref(admin_ok(fixture, "group add",
                         "{\"name\":\"vip\",\"models\":[\"gpt-*\",\"!gpt-4.5*\"],"
                         "\"endpoints\":[\"chat\",\"images\"],\"ratio\":\"0.8\","
                         "\"quota\":\"20/month\",\"user_quota\":\"5/day\"}"));
    json_decref(admin_ok(fixture, "user add",
                         "{\"name\":\"ann\",\"group\":\"vip\",\"ratio\":\"1.5\","
                         "\"credit\":\"3\"}"));
    json_decref(admin_ok(fixture, "key create",
                         "{\"user\":\"ann\",\"name\":\"ci\",\"secret\":\"" SECRET "\","
                         "\"models\":[\"gpt-4o\"],\"networks\":[\"10.0.0.0/8\"],"
                         "\"limit\":\"2\",\"expires_s\":60}"));
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_string_equal(record->name, "ci");
    assert_string_equal(record->user_name, "ann");
    assert_string_equal(record->group_name, "vip");
    assert_true(record->enabled && record->user_enabled && record->group_enabled);
    assert_int_equal(record->user_ppm, 1500000);
    assert_int_equal(record->group_ppm, 800000);
    assert_int_equal(record->group_endpoints, 1u << ENDPOINT_chat | 1u << ENDPOINT_images);
    assert_int_equal(record->key_model_count, 1);
    assert_int_equal(record->group_model_count, 2);
    assert_string_equal(record->group_models[1].text, "gpt-4.5*");
    assert_true(record->group_models[1].deny);
    assert_int_equal(record->network_count, 1);
    assert_int_equal(record->key_limit.nusd, 2 * USD);
    assert_int_equal(record->group_quota.period, PERIOD_MONTH);
    assert_int_equal(record->group_user_quota.nusd, 5 * USD);
    assert_true(record->expires_ms > clock_wall_ms());
    assert_non_null(record->user_account);
    assert_non_null(record->key_account);
    assert_non_null(record->group_account);
    assert_non_null(record->group_user_account);
    assert_int_equal(keyring_count(store_keyring(fixture->store)), 1);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void key_get_of_unknown_key_is_noted(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    uint8_t hash[SECRET_HASH_SIZE];
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_NOTFOUND);
    assert_null(record);
    secret_hash(STR(SECRET), hash);
    assert_int_equal(keyring_find(store_keyring(fixture->store), hash, &record), KEYRING_UNKNOWN);
    /* The new key works at once, whatever was noted. */
    record = make_key(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void key_get_after_its_deadline_is_busy(void **state)
{
    struct fixture *fixture = *state;
    struct store_key_get get = {0};
    prepare(fixture, &get.call);
    get.call.deadline_ms = 1;
    store_key_get(fixture->store, &get);
    wait_for(fixture, &get.call);
    assert_int_equal(get.call.code, STORE_BUSY);
}

static void many_misses_of_one_key_share_a_record(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_key_get gets[20];
    memset(gets, 0, sizeof gets);
    keyring_forget_key(store_keyring(fixture->store), record->id);
    key_record_drop(store_keyring(fixture->store), &record);
    for (size_t i = 0; i < COUNT(gets); i++) {
        prepare(fixture, &gets[i].call);
        secret_hash(STR(SECRET), gets[i].hash);
        store_key_get(fixture->store, &gets[i]);
    }
    for (size_t i = 0; i < COUNT(gets); i++) {
        wait_for(fixture, &gets[i].call);
        assert_int_equal(gets[i].call.code, STORE_OK);
        assert_ptr_equal(gets[i].record, gets[0].record);
    }
    for (size_t i = 0; i < COUNT(gets); i++)
        key_record_drop(store_keyring(fixture->store), &gets[i].record);
}

/* --- settling --------------------------------------------------------------------------------- */

static void settle_moves_money_and_shows_the_row(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, 5 * USD / 2);
    one.entry.flags = ENTRY_FLAG(above_hold) | ENTRY_FLAG(maybe_billed);
    one.entry.bill =
        (struct bill){2, {{COUNTER_in_text, 3, 500000000000}, {COUNTER_out_text, 2, 500000000000}}};
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_false(one.entry.hold.pinned);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "balance", "\"7.500000000\"");
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"2.500000000\"");
    assert_shown(fixture, "group show", "{\"name\":\"default\"}", "spent", "\"2.500000000\"");
    json_t *list = admin_ok(fixture, "usage list", "{\"user\":\"ann\"}");
    const json_t *row = json_array_get(list, 0);
    char id[IDENT_TEXT_SIZE];
    char expected[IDENT_TEXT_SIZE + 2];
    ident_format(one.entry.id, id);
    snprintf(expected, sizeof expected, "\"%s\"", id);
    assert_int_equal(json_array_size(list), 1);
    assert_member(row, "request_id", expected);
    assert_member(row, "user", "\"ann\"");
    assert_member(row, "counters", "{\"in_text\":3,\"out_text\":2}");
    assert_member(row, "bill",
                  "[{\"counter\":\"in_text\",\"quantity\":3,\"price\":\"500000 per 1M tokens\","
                  "\"cost\":\"1.500000000000\"},{\"counter\":\"out_text\",\"quantity\":2,"
                  "\"price\":\"500000 per 1M tokens\",\"cost\":\"1.000000000000\"}]");
    assert_member(row, "ratio", "\"1\"");
    assert_member(row, "given_back", "\"0.000000000\"");
    json_t *shown = NULL;
    assert_int_equal(admin_json(fixture, "usage show", json_pack("{s:s}", "id", id), &shown),
                     STORE_OK);
    assert_int_equal(json_object_del(shown, "note"), 0); /* null: the bill is the charge */
    assert_true(json_equal(shown, row));
    json_decref(shown);
    assert_member(row, "flags", "[\"above_hold\",\"maybe_billed\"]");
    assert_member(row, "charge", "\"2.500000000\"");
    assert_member(row, "source", "\"upstream\"");
    assert_member(row, "t_first_ms", "null");
    assert_member(row, "reason", "null");
    assert_member(row, "stream", "false");
    json_decref(list);
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void settle_of_many_adds_up_in_every_account(void **state)
{
    struct fixture *fixture = *state;
    enum { N = 1000 };
    struct store_settle *many = calloc(N, sizeof *many);
    json_decref(admin_ok(fixture, "group set",
                         "{\"name\":\"default\",\"quota\":\"9/day\",\"user_quota\":\"9\"}"));
    struct key_record *record = make_key(fixture);
    assert_non_null(many);
    for (int i = 0; i < N; i++) {
        entry_admit(fixture, &many[i].entry, record, 1000 + i);
        prepare(fixture, &many[i].call);
        store_settle(fixture->store, &many[i]);
    }
    for (int i = 0; i < N; i++) {
        wait_for(fixture, &many[i].call);
        assert_int_equal(many[i].call.code, STORE_OK);
    }
    int64_t queued;
    int64_t last_ms;
    store_figures(fixture->store, &queued, &last_ms);
    assert_int_equal(queued, 0);
    assert_true(last_ms >= 0);
    assert_sound(fixture);
    /* 1000 * 1000 + 999 * 1000 / 2 */
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"0.001499500\"");
    assert_shown(fixture, "group show", "{\"name\":\"default\"}", "spent", "\"0.001499500\"");
    key_record_drop(store_keyring(fixture->store), &record);
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT spent FROM accounts WHERE kind = 3"), 1499500);
    assert_int_equal(db_number(fixture, "SELECT spent FROM accounts WHERE kind = 1"), 1499500);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM accounts"), 4);
    store_start(fixture);
    free(many);
}

/* More accounts than the batch's table of ids has places. */
static void settle_on_very_many_accounts_keeps_every_sum(void **state)
{
    struct fixture *fixture = *state;
    enum { WAVES = 24, N = 1000 };
    struct store_settle *many = calloc(N, sizeof *many);
    assert_non_null(many);
    int64_t owner = 1000;
    for (int wave = 0; wave < WAVES; wave++) {
        memset(many, 0, N * sizeof *many);
        for (int i = 0; i < N; i++) {
            struct ledger_entry *entry = &many[i].entry;
            entry_fill(fixture, entry, 7);
            entry->user_id = owner++;
            entry->key_id = owner++;
            entry->group_id = owner++;
            prepare(fixture, &many[i].call);
            store_settle(fixture->store, &many[i]);
        }
        for (int i = 0; i < N; i++)
            wait_for(fixture, &many[i].call);
    }
    free(many);
    assert_shown(fixture, "db check", "{}", "accounts", "96000");
    assert_sound(fixture);
}

static void settle_twice_charges_once(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    struct store_settle again = {0};
    entry_admit(fixture, &one.entry, record, USD);
    again = one;
    again.entry.hold = (struct hold){0};
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_int_equal(settle(fixture, &again), STORE_OK);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
    assert_false(store_is_degraded(fixture->store));
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void settle_with_another_amount_raises_the_alarm(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    struct store_settle other = {0};
    entry_admit(fixture, &one.entry, record, USD);
    other = one;
    other.entry.hold = (struct hold){0};
    other.entry.charge_nusd = 2 * USD;
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_int_equal(settle(fixture, &other), STORE_CONFLICT);
    assert_true(store_is_degraded(fixture->store));
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
    assert_sound(fixture);
    /* A commit that succeeds does not end it. */
    assert_int_equal(admin_code(fixture, "user disable", "{\"name\":\"ann\"}"), STORE_OK);
    assert_true(store_is_degraded(fixture->store));
    key_record_drop(store_keyring(fixture->store), &record);
}

static void settle_on_another_account_raises_the_alarm(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    struct store_settle other = {0};
    entry_admit(fixture, &one.entry, record, USD);
    entry_fill(fixture, &other.entry, USD);
    other.entry.id = one.entry.id;
    other.entry.user_id = record->user_id;
    other.entry.key_id = record->id + 2;
    other.entry.group_id = record->group_id;
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_int_equal(settle(fixture, &other), STORE_CONFLICT);
    assert_true(store_is_degraded(fixture->store));
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void settle_of_nothing_makes_no_ledger_row(void **state)
{
    struct fixture *fixture = *state;
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    one.entry.model = one.entry.provider = one.entry.upstream_model = NULL;
    one.entry.reason = "unknown_token";
    one.entry.end = "refused";
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_shown(fixture, "db check", "{}", "ledger_rows", "0");
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_member(json_array_get(list, 0), "model", "null");
    assert_member(json_array_get(list, 0), "reason", "\"unknown_token\"");
    json_decref(list);
}

static void settle_replaces_the_open_row(void **state)
{
    struct fixture *fixture = *state;
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    store_note_open(fixture->store, &one.entry);
    assert_shown(fixture, "db check", "{}", "open_rows", "1");
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_shown(fixture, "db check", "{}", "open_rows", "0");
    /* A note that comes late does not open it again. */
    store_note_open(fixture->store, &one.entry);
    assert_shown(fixture, "db check", "{}", "open_rows", "0");
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_int_equal(json_array_size(list), 1);
    assert_member(json_array_get(list, 0), "end", "\"finished\"");
    json_decref(list);
}

static void close_commits_what_is_queued(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    key_record_drop(store_keyring(fixture->store), &record);
    prepare(fixture, &one.call);
    store_settle(fixture->store, &one);
    store_close(&fixture->store);
    wait_for(fixture, &one.call);
    assert_int_equal(one.call.code, STORE_OK);
    store_start(fixture);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
}

/* --- crashes ---------------------------------------------------------------------------------- */

/* In a child: settles one request, leaves one open, and dies without a goodbye. */
static void die_in_the_middle(struct fixture *fixture)
{
    store_start(fixture);
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    struct store_settle open = {0};
    entry_admit(fixture, &open.entry, record, USD);
    store_note_open(fixture->store, &open.entry);
    entry_admit(fixture, &one.entry, record, 2 * USD);
    if (settle(fixture, &one) == STORE_OK)
        raise(SIGKILL);
    _exit(1);
}

static void crash_keeps_what_was_acknowledged_and_closes_the_rest(void **state)
{
    struct fixture *fixture = *state;
    int status;
    store_close(&fixture->store);
    pid_t child = fork();
    if (child == 0)
        die_in_the_middle(fixture);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    store_start(fixture);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"2.000000000\"");
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "held", "\"0.000000000\"");
    assert_shown(fixture, "db check", "{}", "open_rows", "0");
    assert_sound(fixture);
    json_t *list = admin_ok(fixture, "usage list", "{}");
    assert_int_equal(json_array_size(list), 2);
    assert_member(json_array_get(list, 0), "end", "\"finished\"");
    assert_member(json_array_get(list, 1), "end", "\"crash\"");
    assert_member(json_array_get(list, 1), "charge", "\"0.000000000\"");
    assert_member(json_array_get(list, 1), "flags", "[\"crash\"]");
    json_decref(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(second_owner_is_refused),
        TEST(newer_schema_is_refused),
        TEST(newest_id_covers_all_tables),
        TEST(key_get_of_known_key_gives_the_whole_record),
        TEST(key_get_of_unknown_key_is_noted),
        TEST(key_get_after_its_deadline_is_busy),
        TEST(many_misses_of_one_key_share_a_record),
        TEST(settle_moves_money_and_shows_the_row),
        TEST(settle_of_many_adds_up_in_every_account),
        TEST(settle_on_very_many_accounts_keeps_every_sum),
        TEST(settle_twice_charges_once),
        TEST(settle_with_another_amount_raises_the_alarm),
        TEST(settle_on_another_account_raises_the_alarm),
        TEST(settle_of_nothing_makes_no_ledger_row),
        TEST(settle_replaces_the_open_row),
        TEST(close_commits_what_is_queued),
        TEST(crash_keeps_what_was_acknowledged_and_closes_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
