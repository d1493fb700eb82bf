#include "tests/unit/store_fixture.h"

#include "store/migrate.h"

struct open {
    struct fixture fixture;
    struct db *db;
    struct buf why;
};

static void reopen(struct open *open)
{
    bool in_use;
    db_close(&open->db);
    buf_clear(&open->why);
    open->db = db_open(open->fixture.path, false, &open->why, &in_use);
    assert_non_null(open->db);
}

static int up(void **state)
{
    struct open *open = calloc(1, sizeof *open);
    folder_make(&open->fixture);
    buf_init(&open->why, WHY_SIZE);
    reopen(open);
    *state = open;
    return 0;
}

static int down(void **state)
{
    struct open *open = *state;
    db_close(&open->db);
    buf_release(&open->why);
    folder_remove(&open->fixture);
    free(open);
    return 0;
}

static int backups(const struct open *open)
{
    DIR *dir = opendir(open->fixture.folder);
    struct dirent *item;
    int n = 0;
    while ((item = readdir(dir)) != NULL)
        n += strstr(item->d_name, ".backup") != NULL;
    closedir(dir);
    return n;
}

static void assert_why(struct open *open, const char *part)
{
    assert_true(buf_add_char(&open->why, '\0'));
    assert_non_null(strstr(open->why.p, part));
}

static const struct migration steps[] = {
    {1, "0001_a", "CREATE TABLE a (x); INSERT INTO a VALUES (1);"},
    {2, "0002_b", "CREATE TABLE b (x); INSERT INTO b SELECT x + 1 FROM a;"},
    {3, "0003_c", "CREATE TABLE c (x); INSERT INTO c VALUES (no_such_column);"},
};

static void empty_file_gets_the_schema_and_the_default_group(void **state)
{
    struct open *open = *state;
    assert_true(migrate_database(open->db, open->fixture.path, &open->why));
    assert_true(db_first(open->db, "PRAGMA user_version") >= 1);
    assert_int_equal(db_first(open->db, "PRAGMA application_id"), 0x67617465);
    assert_int_equal(db_first(open->db, "SELECT ratio_ppm FROM groups WHERE name = 'default' "
                                        "AND enabled AND quota < 0 AND user_quota < 0"),
                     1000000);
    assert_int_equal(db_first(open->db, "SELECT COUNT(*) FROM group_models WHERE group_id = 1 "
                                        "AND pattern = '*' AND effect = 'allow'"),
                     1);
    assert_int_equal(backups(open), 0);
    /* Again: nothing to do. */
    reopen(open);
    assert_true(migrate_database(open->db, open->fixture.path, &open->why));
    assert_int_equal(backups(open), 0);
}

static void older_schema_is_copied_then_migrated(void **state)
{
    struct open *open = *state;
    assert_true(migrate_with(open->db, open->fixture.path, steps, 1, &open->why));
    reopen(open);
    assert_true(migrate_with(open->db, open->fixture.path, steps, 2, &open->why));
    assert_int_equal(db_first(open->db, "SELECT x FROM b"), 2);
    assert_int_equal(db_first(open->db, "PRAGMA user_version"), 2);
    assert_int_equal(backups(open), 1);
}

static void failing_step_leaves_the_step_before(void **state)
{
    struct open *open = *state;
    assert_false(migrate_with(open->db, open->fixture.path, steps, 3, &open->why));
    assert_why(open, "0003_c");
    assert_int_equal(db_first(open->db, "PRAGMA user_version"), 2);
    assert_int_equal(db_first(open->db, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'c'"), 0);
}

static void newer_schema_is_refused_with_the_way_out(void **state)
{
    struct open *open = *state;
    assert_true(migrate_with(open->db, open->fixture.path, steps, 2, &open->why));
    assert_false(migrate_with(open->db, open->fixture.path, steps, 1, &open->why));
    assert_why(open, "has schema 2");
    assert_why(open, "restore");
    assert_int_equal(db_first(open->db, "SELECT x FROM b"), 2);
}

static void other_programs_file_is_refused(void **state)
{
    struct open *open = *state;
    assert_true(db_run(open->db, "CREATE TABLE theirs (x)"));
    assert_false(migrate_database(open->db, open->fixture.path, &open->why));
    assert_why(open, "another program");
    assert_int_equal(db_first(open->db, "SELECT COUNT(*) FROM sqlite_schema"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(empty_file_gets_the_schema_and_the_default_group),
        TEST(older_schema_is_copied_then_migrated),
        TEST(failing_step_leaves_the_step_before),
        TEST(newer_schema_is_refused_with_the_way_out),
        TEST(other_programs_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
