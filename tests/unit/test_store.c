#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define SECRET "sk-0123456789012345678901234567890123456789"
#define USD INT64_C(1000000000)

/* A user with 10 USD and a key with this secret; gives its record. */
static struct key_record *make_key(struct fixture *fixture)
{
    struct key_record *record;
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"ann\",\"credit\":\"10\"}"));
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"ann\",\"secret\":\"" SECRET "\"}"));
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    return record;
}

static void reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    store_start(fixture);
}

static void assert_sound(struct fixture *fixture)
{
    json_t *check = admin_ok(fixture, "db check", "{}");
    assert_member(check, "errors", "[]");
    assert_member(check, "ok", "true");
    json_decref(check);
}

/* --- a sync that fails: for ever on the file handle that it failed on ------------------------- */

static atomic_bool sync_fails_next;
static atomic_int sync_failures;

/* The owner of a handle's signals marks it: a handle opened anew has none. */
static int sync_or_fail(int fd)
{
    if (atomic_exchange(&sync_fails_next, false))
        (void)fcntl(fd, F_SETOWN, getpid());
    if (fcntl(fd, F_GETOWN) == 0)
        return (int)syscall(SYS_fdatasync, fd);
    atomic_fetch_add(&sync_failures, 1);
    errno = EIO;
    return -1;
}

/* In place of the C library's, for SQLite. */
int fdatasync(int fd)
{
    return sync_or_fail(fd);
}

int fsync(int fd)
{
    return sync_or_fail(fd);
}

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
    reopen(fixture);
    assert_true(store_newest_id(fixture->store) >= id);
    struct store_settle one = {0};
    entry_fill(fixture, &one.entry, 0);
    assert_true(one.entry.id > id);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    reopen(fixture);
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
    one.entry.flags = ENTRY_FLAG(above_hold) | ENTRY_FLAG(drained);
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
    assert_member(row, "flags", "[\"above_hold\",\"drained\"]");
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
    assert_shown(fixture, "db check", "{}", "accounts", "72000");
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
    entry_admit(fixture, &other.entry, record, USD);
    other.entry.id = one.entry.id;
    other.entry.key_id = record->id + 2;
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

/* --- a disk that fails ------------------------------------------------------------------------ */

/* From now on writes to files fail with an I/O error; or work again. */
static void break_disk(bool broken)
{
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = broken ? 0 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void wait_degraded(struct fixture *fixture, bool degraded, int64_t max_ms)
{
    struct pollfd nothing = {.fd = -1};
    clock_tick();
    int64_t deadline = clock_ms() + max_ms;
    while (store_is_degraded(fixture->store) != degraded) {
        (void)poll(&nothing, 1, 2);
        clock_tick();
        if (clock_ms() > deadline)
            break_disk(false); /* so that the report can be written */
        assert_true(clock_ms() <= deadline);
    }
}

static void failing_disk_degrades_keeps_entries_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    break_disk(true);
    prepare(fixture, &one.call);
    store_settle(fixture->store, &one);
    wait_degraded(fixture, true, 5000);
    enum store_code change = admin_code(fixture, "user disable", "{\"name\":\"ann\"}");
    struct key_record *unknown;
    enum store_code look_up = key_get(fixture, "sk-00000000000000000000", &unknown);
    bool is_back = one.call.done == NULL;
    break_disk(false);
    wait_degraded(fixture, false, 2000); /* promised: 1 s; the machine may be busy */
    assert_int_equal(change, STORE_DOWN);
    assert_true(look_up == STORE_NOTFOUND || look_up == STORE_DOWN);
    assert_false(is_back);
    wait_for(fixture, &one.call);
    assert_int_equal(one.call.code, STORE_OK);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "enabled", "true");
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void failing_change_alone_recovers_without_traffic(void **state)
{
    struct fixture *fixture = *state;
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"ann\",\"credit\":\"10\"}"));
    struct key_record *record;
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"ann\",\"secret\":\"" SECRET "\"}"));
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    break_disk(true);
    enum store_code code =
        admin_code(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"-4\"}");
    bool was_degraded = store_is_degraded(fixture->store);
    break_disk(false);
    assert_int_equal(code, STORE_DOWN);
    assert_true(was_degraded);
    wait_degraded(fixture, false, 2000);
    /* What was taken early is back in the book. */
    struct hold hold = {0};
    struct shortage shortage;
    assert_int_equal(book_admit(store_book(fixture->store), record, 10 * USD, &hold, &shortage),
                     FAULT_NONE);
    book_settle(store_book(fixture->store), &hold, 0);
    book_unpin(store_book(fixture->store), &hold);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void close_on_a_failing_disk_gives_up_and_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    key_record_drop(store_keyring(fixture->store), &record);
    break_disk(true);
    prepare(fixture, &one.call);
    store_settle(fixture->store, &one);
    store_close(&fixture->store);
    break_disk(false);
    wait_for(fixture, &one.call);
    assert_int_equal(one.call.code, STORE_DOWN);
    store_start(fixture);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"0.000000000\"");
    assert_sound(fixture);
}

static void failing_sync_is_never_tried_again_on_the_same_handle(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    atomic_store(&sync_failures, 0);
    atomic_store(&sync_fails_next, true);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    assert_int_equal(atomic_load(&sync_failures), 1);
    assert_false(store_is_degraded(fixture->store));
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void mend_disk(int signal_number)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    (void)signal_number;
    /* NOLINTNEXTLINE(bugprone-signal-handler): a bare system call in glibc and musl. */
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void close_waits_for_a_disk_that_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct itimerval soon = {.it_value = {.tv_usec = 400000}};
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0};
    entry_admit(fixture, &one.entry, record, USD);
    key_record_drop(store_keyring(fixture->store), &record);
    (void)signal(SIGALRM, mend_disk);
    break_disk(true);
    prepare(fixture, &one.call);
    store_settle(fixture->store, &one);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    store_close(&fixture->store);
    break_disk(false);
    wait_for(fixture, &one.call);
    assert_int_equal(one.call.code, STORE_OK);
    store_start(fixture);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "spent", "\"1.000000000\"");
}

static void late_commit_degrades_until_the_next_success(void **state)
{
    struct fixture *fixture = *state;
    store_note_late(fixture->store);
    /* The store writes a probe by itself; no traffic is needed. */
    wait_degraded(fixture, false, 5000);
    store_note_late(fixture->store);
    wait_degraded(fixture, false, 5000);
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
        TEST(failing_disk_degrades_keeps_entries_and_recovers),
        TEST(failing_change_alone_recovers_without_traffic),
        TEST(close_on_a_failing_disk_gives_up_and_says_so),
        TEST(failing_sync_is_never_tried_again_on_the_same_handle),
        TEST(close_waits_for_a_disk_that_comes_back),
        TEST(late_commit_degrades_until_the_next_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
