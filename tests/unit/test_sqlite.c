#include "tests/unit/store_fixture.h"

#include <sys/wait.h>

static struct db *open_db(struct fixture *fixture, bool *in_use)
{
    struct buf why;
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, in_use);
    struct str text = buf_str(&why);
    snprintf(fixture->why, sizeof fixture->why, "%.*s", STR_ARG(text));
    buf_release(&why);
    return db;
}

static int folder_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    folder_make(fixture);
    *state = fixture;
    return 0;
}

static int folder_down(void **state)
{
    folder_remove(*state);
    free(*state);
    return 0;
}

static void open_of_new_file_makes_it_private(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    bool in_use;
    mode_t old = umask(0);
    struct db *db = open_db(fixture, &in_use);
    assert_non_null(db);
    assert_true(db_run(db, "CREATE TABLE t (a)"));
    umask(old);
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    char wal[120];
    snprintf(wal, sizeof wal, "%s-wal", fixture->path);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    char shm[120];
    snprintf(shm, sizeof shm, "%s-shm", fixture->path);
    assert_int_equal(access(shm, F_OK), -1);
    db_close(&db);
    assert_null(db);
}

static void open_sets_the_pragmas(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_int_equal(db_first(db, "PRAGMA synchronous"), 2);
    assert_int_equal(db_first(db, "PRAGMA foreign_keys"), 1);
    assert_int_equal(db_first(db, "PRAGMA trusted_schema"), 0);
    assert_int_equal(db_first(db, "PRAGMA wal_autocheckpoint"), 0);
    db_close(&db);
    struct buf why;
    buf_init(&why, WHY_SIZE);
    db = db_open(fixture->path, true, &why, &in_use);
    assert_int_equal(db_first(db, "PRAGMA synchronous"), 1);
    db_close(&db);
    buf_release(&why);
}

static void open_of_world_readable_file_names_the_fix(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    db_close(&db);
    assert_int_equal(chmod(fixture->path, 0644), 0);
    assert_null(open_db(fixture, &in_use));
    assert_false(in_use);
    assert_non_null(strstr(fixture->why, "chmod 600"));
    assert_non_null(strstr(fixture->why, fixture->path));
}

static void open_twice_in_one_process_is_in_use(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_null(open_db(fixture, &in_use));
    assert_true(in_use);
    assert_non_null(strstr(fixture->why, "in use by another process"));
    assert_true(db_run(db, "CREATE TABLE t (a)"));
    db_close(&db);
}

static void open_from_another_process_is_in_use(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    int status;
    struct db *db = open_db(fixture, &in_use);
    pid_t child = fork();
    if (child == 0) {
        struct buf why;
        buf_init(&why, WHY_SIZE);
        bool refused = db_open(fixture->path, false, &why, &in_use) == NULL && in_use;
        _exit(refused ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    db_close(&db);
    db = open_db(fixture, &in_use);
    assert_non_null(db);
    db_close(&db);
}

static void open_of_other_bytes_is_refused(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    int fd = open(fixture->path, O_CREAT | O_WRONLY, 0600);
    char bytes[4096];
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    assert_null(open_db(fixture, &in_use));
    assert_false(in_use);
    assert_non_null(strstr(fixture->why, "not a sound database"));
}

static void open_in_missing_folder_says_so(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct fixture other = *fixture;
    snprintf(other.path, sizeof other.path, "%s/none/gateway.db", fixture->folder);
    assert_null(open_db(&other, &in_use));
    assert_non_null(strstr(other.why, "No such file"));
}

static void query_of_all_types_gives_them_back(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    uint8_t blob[3];
    struct db *db = open_db(fixture, &in_use);
    struct query *query = db_query(db, "SELECT ?1, ?2, ?3, ?4, ?5");
    query_i64(query, 1, INT64_MIN);
    query_text(query, 2, "text");
    query_str(query, 3, STR("view"));
    query_blob(query, 4, "\1\2\3", 3);
    query_null(query, 5);
    assert_true(query_row(query));
    assert_int_equal(query_get_i64(query, 0), INT64_MIN);
    assert_string_equal(query_get_text(query, 1), "text");
    assert_string_equal(query_get_text(query, 2), "view");
    assert_true(query_get_blob(query, 3, blob, 3));
    assert_memory_equal(blob, "\1\2\3", 3);
    assert_false(query_get_blob(query, 3, blob, 2));
    assert_true(query_get_null(query, 4));
    assert_string_equal(query_get_text(query, 4), "");
    assert_false(query_row(query));
    db_close(&db);
}

static void failure_sticks_until_rollback(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a INTEGER PRIMARY KEY)"));
    assert_true(db_begin(db));
    assert_true(db_run(db, "INSERT INTO t VALUES (1)"));
    assert_false(db_run(db, "INSERT INTO t VALUES (1)"));
    assert_int_equal(db_trouble(db), DB_OTHER);
    assert_null(db_query(db, "SELECT 1"));
    assert_false(db_commit(db));
    db_rollback(db);
    assert_int_equal(db_trouble(db), DB_FINE);
    assert_int_equal(db_first(db, "SELECT COUNT(*) FROM t"), 0);
    db_close(&db);
}

static void savepoint_undone_keeps_what_was_before(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a)"));
    assert_true(db_begin(db));
    assert_true(db_run(db, "INSERT INTO t VALUES (1)"));
    assert_true(db_savepoint(db));
    assert_true(db_run(db, "INSERT INTO t VALUES (2)"));
    db_undo(db);
    assert_true(db_savepoint(db));
    assert_true(db_run(db, "INSERT INTO t VALUES (4)"));
    db_keep(db);
    assert_true(db_commit(db));
    assert_int_equal(db_first(db, "SELECT SUM(a) FROM t"), 5);
    db_close(&db);
}

static void full_database_reports_full_and_recovers(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a); PRAGMA max_page_count=4"));
    assert_true(db_begin(db));
    assert_false(db_run(db, "INSERT INTO t VALUES (zeroblob(100000))"));
    assert_int_equal(db_trouble(db), DB_FULL);
    db_rollback(db);
    assert_true(db_run(db, "PRAGMA max_page_count=1000000"));
    assert_true(db_begin(db));
    assert_true(db_run(db, "INSERT INTO t VALUES (zeroblob(100000))"));
    assert_true(db_commit(db));
    db_close(&db);
}

static void checkpoint_empties_the_log(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(50000))"));
    assert_true(db_wal_pages(db) > 10);
    assert_true(db_checkpoint(db));
    assert_int_equal(db_wal_pages(db), 0);
    db_close(&db);
}

static void damaged_page_is_found(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    struct buf why;
    buf_init(&why, WHY_SIZE);
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a); CREATE INDEX i ON t (a);"
                           "INSERT INTO t VALUES (zeroblob(50000)), (1), (2)"));
    assert_true(db_is_sound(db, 1000, &why));
    db_close(&db);
    int fd = open(fixture->path, O_WRONLY);
    assert_int_equal(pwrite(fd, "\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7", 16, 4096), 16);
    close(fd);
    db = open_db(fixture, &in_use);
    assert_non_null(db);
    assert_false(db_is_sound(db, 1000, &why));
    assert_true(why.n > 0);
    db_close(&db);
    buf_release(&why);
}

static void copy_is_only_read_whatever_it_is_called(void **state)
{
    struct fixture *fixture = *state;
    bool in_use;
    char odd[200];
    struct buf why;
    buf_init(&why, WHY_SIZE);
    struct db *db = open_db(fixture, &in_use);
    assert_true(db_run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)"));
    assert_null(db_open_copy(fixture->path, &why)); /* its log has what it has not */
    assert_non_null(strstr(buf_str(&why).p, "is in use or was not closed"));
    db_close(&db);
    snprintf(odd, sizeof odd, "%s/50%%?a#b.db", fixture->folder);
    assert_int_equal(rename(fixture->path, odd), 0);
    db = db_open_copy(odd, &why);
    assert_non_null(db);
    assert_int_equal(unlink(odd), 0);
    assert_int_equal(db_first(db, "SELECT a FROM t"), 7);
    assert_false(db_run(db, "INSERT INTO t VALUES (8)"));
    db_close(&db);
    assert_null(db_open_copy(odd, &why));
    buf_release(&why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_up, folder_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open_of_new_file_makes_it_private),
        TEST(open_sets_the_pragmas),
        TEST(open_of_world_readable_file_names_the_fix),
        TEST(open_twice_in_one_process_is_in_use),
        TEST(open_from_another_process_is_in_use),
        TEST(open_of_other_bytes_is_refused),
        TEST(open_in_missing_folder_says_so),
        TEST(query_of_all_types_gives_them_back),
        TEST(failure_sticks_until_rollback),
        TEST(savepoint_undone_keeps_what_was_before),
        TEST(full_database_reports_full_and_recovers),
        TEST(checkpoint_empties_the_log),
        TEST(damaged_page_is_found),
        TEST(copy_is_only_read_whatever_it_is_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
