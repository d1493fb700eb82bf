/* room: store */
/* Jobs of the store beside a disk that fails, and its upkeep while nobody asks for anything. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#define DAY_MS INT64_C(86400000)

/* --- a disk that cannot be read, or takes its time to sync -------------------------------------
 */

static atomic_bool reads_fail;
static atomic_int failed_reads, sync_ms;

/* In place of the C library's, for SQLite. */
ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    if (!atomic_load(&reads_fail))
        return syscall(SYS_pread64, fd, p, n, at);
    atomic_fetch_add(&failed_reads, 1);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    return pread64(fd, p, n, at);
}

int fsync(int fd)
{
    if (atomic_load(&sync_ms) > 0)
        (void)poll(NULL, 0, atomic_load(&sync_ms));
    return (int)syscall(SYS_fsync, fd);
}

/* --- operations that are under way --------------------------------------------------------------
 */

static void post(struct fixture *fixture, struct store_admin *admin, const char *operation,
                 json_t *arguments)
{
    *admin = (struct store_admin){.operation = operation, .arguments = arguments};
    prepare(fixture, &admin->call);
    buf_init(&admin->why, WHY_SIZE);
    store_admin(fixture->store, admin);
}

static void drop(struct store_admin *admin)
{
    json_decref(admin->arguments);
    json_decref(admin->result);
    buf_release(&admin->why);
}

static json_t *copy_of(const struct fixture *fixture, char path[PATH_MAX])
{
    char *folder = realpath(fixture->folder, NULL);
    assert_non_null(folder);
    snprintf(path, PATH_MAX, "%s/copy.db", folder);
    free(folder);
    return json_pack("{s:s}", "file", path);
}

/* More than the cache of the connection holds. */
static void fill_sums(struct fixture *fixture)
{
    store_close(&fixture->store);
    db_change(fixture,
              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
              "INSERT INTO rollup_day SELECT 20000 + i % 97, i, 1, 1, hex(zeroblob(100)), 'p', 1, "
              "0, 1, 1, 1, 0 FROM n");
    store_start(fixture);
}

static void read_that_fails_ends_every_job_once(void **state)
{
    struct fixture *fixture = *state;
    struct store_admin first, summary, last;
    char path[PATH_MAX];
    fill_sums(fixture);
    post(fixture, &first, "db backup", copy_of(fixture, path));
    post(fixture, &summary, "usage summary", json_pack("{s:[s]}", "by", "model"));
    post(fixture, &last, "db check", json_object());
    (void)poll(NULL, 0, 20);
    atomic_store(&reads_fail, true);
    wait_for(fixture, &summary.call);
    atomic_store(&reads_fail, false);
    wait_for(fixture, &first.call);
    wait_for(fixture, &last.call);
    /* Any of them may have been done before. */
    assert_true(summary.call.code == STORE_DOWN || summary.call.code == STORE_OK);
    assert_true(first.call.code == STORE_DOWN || first.call.code == STORE_OK);
    drop(&first);
    drop(&summary);
    drop(&last);
    (void)unlink(path);
    for (int i = 0; i < WAIT_MS && store_is_degraded(fixture->store); i++)
        (void)poll(NULL, 0, 1);
    json_decref(admin_ok(fixture, "usage summary", "{\"by\":[\"model\"]}"));
}

/* Names all over an index that the cache does not hold; the pages of some are in it. */
static void what_cannot_be_read_is_not_told_as_missing(void **state)
{
    struct fixture *fixture = *state;
    char arguments[64];
    enum store_code code = STORE_NOTFOUND;
    store_close(&fixture->store);
    db_change(fixture,
              "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
              "INSERT INTO users (id, name, group_id, ratio_ppm, enabled, version, created) "
              "SELECT 1000000 + i, hex(randomblob(40)), 1, 1000000, 1, 1, 0 FROM n");
    store_start(fixture);
    atomic_store(&failed_reads, 0);
    for (unsigned i = 0; i < 256 && atomic_load(&failed_reads) == 0; i++) {
        snprintf(arguments, sizeof arguments, "{\"user\":\"%02X\"}", i);
        atomic_store(&reads_fail, true);
        code = admin_code(fixture, "usage summary", arguments);
        atomic_store(&reads_fail, false);
        assert_int_equal(code, atomic_load(&failed_reads) > 0 ? STORE_DOWN : STORE_NOTFOUND);
    }
    assert_int_equal(code, STORE_DOWN);
}

static void backup_that_is_whole_when_the_store_closes_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct store_admin backup;
    char path[PATH_MAX], part[PATH_MAX + 8];
    atomic_store(&sync_ms, 300);
    post(fixture, &backup, "db backup", copy_of(fixture, path));
    snprintf(part, sizeof part, "%s.part", path);
    while (access(part, F_OK) != 0)
        (void)poll(NULL, 0, 1);
    (void)poll(NULL, 0, 50);
    store_close(&fixture->store);
    atomic_store(&sync_ms, 0);
    wait_for(fixture, &backup.call);
    assert_int_equal(backup.call.code == STORE_OK, access(path, F_OK) == 0);
    drop(&backup);
    (void)unlink(path);
    store_start(fixture);
}

/* --- upkeep ------------------------------------------------------------------------------------
 */

static void old_rows_go_while_nobody_asks_for_anything(void **state)
{
    struct fixture *fixture = *state;
    struct store_settle one = {0};
    struct buf why;
    char sql[400];
    bool in_use;
    entry_fill(fixture, &one.entry, 0);
    one.entry.user_id = one.entry.key_id = 1;
    assert_int_equal(settle(fixture, &one), STORE_OK);
    store_close(&fixture->store);
    snprintf(sql, sizeof sql,
             "CREATE TEMP TABLE t AS SELECT * FROM requests; DELETE FROM requests; "
             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
             "INSERT INTO requests SELECT %lld + 2 * n.i, t.ts, t.user_id, t.key_id, t.group_id, "
             "t.endpoint, t.model, t.provider, t.upstream_model, t.stream, t.status, t.reason, "
             "t.\"end\", ",
             (long long)ident_first(clock_wall_ms() - 10 * DAY_MS));
    char whole[1000];
    snprintf(whole, sizeof whole,
             "%s t.attempts, t.counters, t.source, t.hold, t.charge, t.group_ppm, t.user_ppm, "
             "t.flags, t.t_first, t.t_total, t.bill FROM n, t",
             sql);
    db_change(fixture, whole);
    struct store_options options = {.path = fixture->path, .usage_age_ms = 2 * DAY_MS};
    buf_init(&why, WHY_SIZE);
    assert_true(store_open(&options, &fixture->store, &why, &in_use));
    buf_release(&why);
    int64_t until_ms = clock_precise_us() / 1000 + WAIT_MS;
    size_t left = 1;
    while (left > 0 && clock_precise_us() / 1000 < until_ms) {
        (void)poll(NULL, 0, 400); /* nobody asks meanwhile */
        json_t *rows = admin_ok(fixture, "usage list", "{\"limit\":1}");
        left = json_array_size(rows);
        json_decref(rows);
    }
    assert_int_equal(left, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read_that_fails_ends_every_job_once),
        TEST(what_cannot_be_read_is_not_told_as_missing),
        TEST(backup_that_is_whole_when_the_store_closes_is_done),
        TEST(old_rows_go_while_nobody_asks_for_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
