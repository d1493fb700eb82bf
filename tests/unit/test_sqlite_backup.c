#include "tests/unit/store_fixture.h"

#include <limits.h>

#include "store/sqlite_backup.h"

#define ROWS "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "

struct scene {
    struct fixture fixture;
    struct db *db;
    struct buf why;
    char copy[PATH_MAX], part[PATH_MAX + 8];
};

static int scene_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    bool in_use;
    folder_make(&scene->fixture);
    buf_init(&scene->why, WHY_SIZE);
    char *folder = realpath(scene->fixture.folder, NULL);
    assert_non_null(folder);
    snprintf(scene->copy, sizeof scene->copy, "%s/copy.db", folder);
    snprintf(scene->part, sizeof scene->part, "%s.part", scene->copy);
    free(folder);
    scene->db = db_open(scene->fixture.path, false, &scene->why, &in_use);
    assert_non_null(scene->db);
    /* 4 MB: more than one piece. */
    assert_true(db_run(scene->db, "CREATE TABLE t (a, b); " ROWS
                                  "INSERT INTO t SELECT i, randomblob(2000) FROM n"));
    *state = scene;
    return 0;
}

static int scene_down(void **state)
{
    struct scene *scene = *state;
    db_close(&scene->db);
    buf_release(&scene->why);
    folder_remove(&scene->fixture);
    free(scene);
    return 0;
}

static struct backup *begin(struct scene *scene, bool *exists)
{
    buf_clear(&scene->why);
    return backup_begin(scene->db, scene->copy, &scene->why, exists);
}

static void assert_refused(struct scene *scene, const char *part)
{
    struct str why = buf_str(&scene->why);
    char text[WHY_SIZE];
    snprintf(text, sizeof text, "%.*s", STR_ARG(why));
    assert_non_null(strstr(text, part));
}

static void backup_has_what_was_written_meanwhile(void **state)
{
    struct scene *scene = *state;
    struct stat info;
    bool exists, in_use;
    mode_t old = umask(0);
    struct backup *backup = begin(scene, &exists);
    umask(old);
    assert_non_null(backup);
    assert_int_equal(backup_step(backup, &scene->why), BACKUP_MORE);
    assert_int_equal(access(scene->copy, F_OK), -1);
    assert_true(db_run(scene->db, "BEGIN IMMEDIATE; UPDATE t SET a = a + 1; COMMIT"));
    assert_true(db_checkpoint(scene->db));
    unsigned steps = 1;
    enum backup_step step;
    while ((step = backup_step(backup, &scene->why)) == BACKUP_MORE)
        steps++;
    assert_int_equal(step, BACKUP_COPIED);
    assert_int_equal(access(scene->copy, F_OK), -1);
    assert_true(backup_finish(backup, &scene->why));
    assert_true(steps >= 2);
    assert_int_equal(stat(scene->copy, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, backup_bytes(backup));
    assert_int_equal(access(scene->part, F_OK), -1);
    backup_end(&backup);
    assert_null(backup);
    struct db *copy = db_open(scene->copy, false, &scene->why, &in_use);
    assert_non_null(copy);
    assert_int_equal(db_first(copy, "SELECT SUM(a) FROM t"),
                     db_first(scene->db, "SELECT SUM(a) FROM t"));
    assert_true(db_is_sound(copy, 0, &scene->why));
    db_close(&copy);
}

static void backup_never_replaces_a_file(void **state)
{
    struct scene *scene = *state;
    bool exists;
    FILE *file = fopen(scene->copy, "w");
    assert_true(fputs("mine", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_null(begin(scene, &exists));
    assert_true(exists);
    assert_refused(scene, "exists already");
    assert_int_equal(unlink(scene->copy), 0);
    /* Nor one that appears while it is being made. */
    struct backup *backup = begin(scene, &exists);
    assert_non_null(backup);
    file = fopen(scene->copy, "w");
    assert_int_equal(fclose(file), 0);
    enum backup_step step;
    while ((step = backup_step(backup, &scene->why)) == BACKUP_MORE)
        continue;
    assert_int_equal(step, BACKUP_COPIED);
    assert_false(backup_finish(backup, &scene->why));
    backup_end(&backup);
    struct stat info;
    assert_int_equal(stat(scene->copy, &info), 0);
    assert_int_equal(info.st_size, 0);
    assert_int_equal(access(scene->part, F_OK), -1);
}

static void backup_to_be_read_has_no_name(void **state)
{
    struct scene *scene = *state;
    bool exists;
    struct backup *backup = begin(scene, &exists);
    assert_non_null(backup);
    while (backup_step(backup, &scene->why) == BACKUP_MORE)
        continue;
    struct db *copy = backup_read(backup, &scene->why);
    assert_non_null(copy);
    backup_end(&backup);
    assert_int_equal(access(scene->copy, F_OK), -1);
    assert_int_equal(access(scene->part, F_OK), -1);
    assert_true(db_run(scene->db, "DELETE FROM t"));
    assert_int_equal(db_first(copy, "SELECT COUNT(*) FROM t"), 2000);
    db_interrupt(copy);
    assert_null(db_query(copy, "SELECT 1"));
    db_close(&copy);
}

static void backup_that_is_given_up_leaves_nothing(void **state)
{
    struct scene *scene = *state;
    bool exists;
    struct backup *backup = begin(scene, &exists);
    assert_non_null(backup);
    assert_int_equal(backup_step(backup, &scene->why), BACKUP_MORE);
    assert_int_equal(access(scene->part, F_OK), 0);
    struct backup *second = begin(scene, &exists);
    assert_null(second);
    assert_true(exists);
    assert_refused(scene, "remove it first");
    backup_end(&backup);
    assert_int_equal(access(scene->part, F_OK), -1);
    assert_int_equal(access(scene->copy, F_OK), -1);
}

static void backup_wants_a_place_that_can_be_written(void **state)
{
    struct scene *scene = *state;
    bool exists;
    assert_null(backup_begin(scene->db, "/nowhere/at/all.db", &scene->why, &exists));
    assert_false(exists);
    assert_refused(scene, "cannot create /nowhere/at/all.db.part");
}

static void backup_is_made_in_one_call_where_nobody_waits(void **state)
{
    struct scene *scene = *state;
    bool in_use;
    assert_true(backup_make(scene->db, scene->copy, &scene->why));
    assert_int_equal(access(scene->part, F_OK), -1);
    struct db *copy = db_open(scene->copy, false, &scene->why, &in_use);
    assert_non_null(copy);
    assert_int_equal(db_first(copy, "SELECT SUM(a) FROM t"),
                     db_first(scene->db, "SELECT SUM(a) FROM t"));
    db_close(&copy);
    buf_clear(&scene->why);
    assert_false(backup_make(scene->db, scene->copy, &scene->why));
    assert_refused(scene, "exists already");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_up, scene_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(backup_has_what_was_written_meanwhile),
        TEST(backup_never_replaces_a_file),
        TEST(backup_to_be_read_has_no_name),
        TEST(backup_that_is_given_up_leaves_nothing),
        TEST(backup_wants_a_place_that_can_be_written),
        TEST(backup_is_made_in_one_call_where_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
