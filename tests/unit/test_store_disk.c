/* room: store */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "tests/unit/task_fixture.h"

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
    struct admission admission;
    assert_int_equal(book_admit(store_book(fixture->store), record,
                                &(struct demand){.nusd = 10 * USD}, &hold, &admission),
                     FAULT_NONE);
    book_settle(store_book(fixture->store), &hold, 0, 0);
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

/* A credit whose sync failed is answered DOWN, and may be there; sent again it changes nothing. */
static void credit_of_a_commit_that_failed_counts_as_the_database_has_it(void **state)
{
    struct fixture *fixture = *state;
    static const char again[] = "{\"name\":\"ann\",\"amount\":\"7\",\"ref\":\"invoice-1\"}";
    struct key_record *record = make_key(fixture);
    struct standing before, after;
    assert_int_equal(book_standing(store_book(fixture->store), record, &before), FAULT_NONE);
    atomic_store(&sync_fails_next, true);
    assert_int_equal(admin_code(fixture, "user credit", again), STORE_DOWN);
    wait_degraded(fixture, false, 5000);
    json_decref(admin_ok(fixture, "user credit", again));
    assert_int_equal(book_standing(store_book(fixture->store), record, &after), FAULT_NONE);
    assert_int_equal(after.available_nusd, before.available_nusd + 7 * USD);
    atomic_store(&sync_fails_next, true);
    assert_int_equal(admin_code(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"-2\"}"),
                     STORE_DOWN);
    wait_degraded(fixture, false, 5000);
    json_t *shown = admin_ok(fixture, "user show", "{\"name\":\"ann\"}");
    int64_t balance = 0;
    assert_true(usd_parse(str_of(json_string_value(json_object_get(shown, "balance"))), &balance));
    json_decref(shown);
    assert_int_equal(book_standing(store_book(fixture->store), record, &after), FAULT_NONE);
    assert_int_equal(after.available_nusd, balance);
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

/* A report writes, too: the sums that are not made yet.  A handle on which a sync has failed is not
 * used again. */
static void summary_whose_sums_cannot_be_written_is_down(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct store_settle one = {0}, two = {0};
    entry_admit(fixture, &one.entry, record, USD);
    assert_int_equal(settle(fixture, &one), STORE_OK);
    atomic_store(&sync_failures, 0);
    atomic_store(&sync_fails_next, true);
    assert_int_equal(admin_code(fixture, "usage summary", "{}"), STORE_DOWN);
    wait_degraded(fixture, false, 5000);
    entry_admit(fixture, &two.entry, record, USD);
    assert_int_equal(settle(fixture, &two), STORE_OK);
    assert_int_equal(atomic_load(&sync_failures), 1);
    json_t *sums = admin_ok(fixture, "usage summary", "{\"by\":[\"user\"]}");
    assert_int_equal(json_array_size(sums), 1);
    assert_member(json_array_get(sums, 0), "requests", "2");
    assert_member(json_array_get(sums, 0), "spent", "\"2.000000000\"");
    json_decref(sums);
    assert_sound(fixture);
    key_record_drop(store_keyring(fixture->store), &record);
}

/* The end of a create request waits for the disk; what its caller can send again does not. */
static void failing_disk_keeps_the_end_of_a_create_and_refuses_other_moves(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record = make_key(fixture);
    struct making making, other;
    int64_t id = make_queued(fixture, &making, record, T0);
    making_fill(fixture, &other, record, T0);
    assert_int_equal(task_send(fixture, &other.create), STORE_OK);
    break_disk(true);
    struct store_task_finish failed = finish(fixture, id, TASK_failed, 0);
    bool was_degraded = store_is_degraded(fixture->store);
    end_fill(fixture, &other, record, TASK_STEP_SUBMITTED, "up-2");
    prepare(fixture, &other.settle.call);
    store_settle(fixture->store, &other.settle);
    making_fill(fixture, &making, record, T0);
    enum store_code created = task_send(fixture, &making.create);
    bool is_back = other.settle.call.done == NULL;
    break_disk(false);
    assert_int_equal(failed.call.code, STORE_DOWN);
    assert_true(was_degraded);
    assert_int_equal(created, STORE_DOWN);
    assert_false(is_back);
    wait_for(fixture, &other.settle.call);
    assert_int_equal(other.settle.call.code, STORE_OK);
    assert_spent(fixture, record, 2 * CHARGE);
    assert_true(finish(fixture, id, TASK_failed, 0).moved);
    assert_spent(fixture, record, CHARGE);
    assert_state(fixture, &other, TASK_queued);
    assert_int_equal(end_with(fixture, &making, record, TASK_STEP_REFUSED, NULL), STORE_OK);
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
        TEST(failing_disk_degrades_keeps_entries_and_recovers),
        TEST(failing_change_alone_recovers_without_traffic),
        TEST(close_on_a_failing_disk_gives_up_and_says_so),
        TEST(failing_disk_keeps_the_end_of_a_create_and_refuses_other_moves),
        TEST(failing_sync_is_never_tried_again_on_the_same_handle),
        TEST(summary_whose_sums_cannot_be_written_is_down),
        TEST(credit_of_a_commit_that_failed_counts_as_the_database_has_it),
        TEST(close_waits_for_a_disk_that_comes_back),
        TEST(late_commit_degrades_until_the_next_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
