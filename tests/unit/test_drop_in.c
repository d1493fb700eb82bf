#include "server/cli/drop_in.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct room {
    char dir[64], config[96], folder[96], path[128];
};

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    mkdir("build", 0777);
    snprintf(room->dir, sizeof room->dir, "build/test_drop_in.XXXXXX");
    assert_non_null(mkdtemp(room->dir));
    snprintf(room->config, sizeof room->config, "%s/gateway.conf", room->dir);
    snprintf(room->folder, sizeof room->folder, "%s/conf.d", room->dir);
    snprintf(room->path, sizeof room->path, "%s/one.conf", room->folder);
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    unlink(room->path);
    rmdir(room->folder);
    assert_int_equal(rmdir(room->dir), 0); /* nothing else was left behind */
    free(room);
    return 0;
}

static struct drop_in drop_in_of(const struct room *room, bool replace)
{
    return (struct drop_in){.config = room->config, .name = "one", .replace = replace};
}

static void put(struct drop_in *drop_in, const char *text)
{
    struct answer answer;
    answer_init(&answer);
    if (!drop_in_put(drop_in, str_of(text), &answer))
        fail_msg("%.*s", STR_ARG(buf_str(&answer.message)));
    answer_release(&answer);
}

static void assert_refused(struct drop_in *drop_in, enum admin_exit exit)
{
    struct answer answer;
    answer_init(&answer);
    assert_false(drop_in_put(drop_in, STR("new\n"), &answer));
    assert_int_equal(answer.exit, exit);
    assert_true(answer.message.n > 0);
    drop_in_release(drop_in);
    answer_release(&answer);
}

static void assert_file(const char *path, const char *text)
{
    char bytes[256] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes - 1, file);
    bytes[n] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(bytes, text);
}

/* How many files the folder holds, hidden ones too; -1: no folder. */
static int files_in(const char *path)
{
    DIR *folder = opendir(path);
    int n = 0;
    if (folder == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return n;
}

static void new_file_that_is_kept_is_all_there_is(void **state)
{
    struct room *room = *state;
    struct drop_in drop_in = drop_in_of(room, false);
    put(&drop_in, "text\n");
    assert_string_equal(drop_in.path, room->path);
    drop_in_keep(&drop_in);
    assert_file(room->path, "text\n");
    assert_int_equal(files_in(room->folder), 1);
}

static void new_file_that_is_taken_back_leaves_nothing(void **state)
{
    struct room *room = *state;
    struct drop_in drop_in = drop_in_of(room, false);
    put(&drop_in, "text\n");
    assert_true(drop_in_take_back(&drop_in));
    assert_int_equal(files_in(room->folder), -1);
    assert_int_equal(mkdir(room->folder, 0755), 0);
    drop_in = drop_in_of(room, false);
    put(&drop_in, "text\n");
    assert_true(drop_in_take_back(&drop_in));
    assert_int_equal(files_in(room->folder), 0); /* a folder that was there stays */
}

static void file_that_is_there_is_left_alone_unless_it_may_go(void **state)
{
    struct room *room = *state;
    struct drop_in drop_in = drop_in_of(room, false);
    put(&drop_in, "first\n");
    drop_in_keep(&drop_in);
    assert_int_equal(chmod(room->path, 0640), 0);
    drop_in = drop_in_of(room, false);
    assert_refused(&drop_in, ADMIN_CONFLICT);
    assert_file(room->path, "first\n");
    drop_in = drop_in_of(room, true);
    put(&drop_in, "second\n");
    assert_file(room->path, "second\n");
    assert_true(drop_in_take_back(&drop_in));
    assert_file(room->path, "first\n");
    drop_in = drop_in_of(room, true);
    put(&drop_in, "third\n");
    drop_in_keep(&drop_in);
    assert_file(room->path, "third\n");
    struct stat mode;
    assert_int_equal(stat(room->path, &mode), 0);
    assert_int_equal(mode.st_mode & 0777, 0640);
    assert_int_equal(files_in(room->folder), 1);
}

static void assert_rights(const char *path, mode_t mode, gid_t group)
{
    struct stat rights;
    assert_int_equal(stat(path, &rights), 0);
    assert_int_equal(rights.st_mode & 0777, mode);
    assert_int_equal(rights.st_gid, group);
}

/* The server may be another user, and root's umask a narrow one. */
static void new_file_is_for_the_readers_of_the_main_file(void **state)
{
    struct room *room = *state;
    gid_t group = geteuid() == 0 ? 65534 : getegid();
    FILE *config = fopen(room->config, "w");
    assert_non_null(config);
    assert_int_equal(fclose(config), 0);
    assert_int_equal(chown(room->config, (uid_t)-1, group), 0);
    assert_int_equal(chmod(room->config, 0640), 0);
    mode_t before = umask(0077);
    struct drop_in drop_in = drop_in_of(room, false);
    put(&drop_in, "text\n");
    drop_in_keep(&drop_in);
    umask(before);
    assert_rights(room->folder, 0750, group);
    assert_rights(room->path, 0640, group);
    assert_int_equal(unlink(room->config), 0);
}

static void replacing_what_is_not_there_is_adding(void **state)
{
    struct room *room = *state;
    struct drop_in drop_in = drop_in_of(room, true);
    put(&drop_in, "text\n");
    assert_null(drop_in.old);
    assert_true(drop_in_take_back(&drop_in));
    assert_int_equal(files_in(room->folder), -1);
}

static void folder_that_is_none_is_told(void **state)
{
    struct room *room = *state;
    FILE *file = fopen(room->folder, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    struct drop_in drop_in = drop_in_of(room, false);
    assert_refused(&drop_in, ADMIN_FAILED);
    unlink(room->folder);
}

#define ROOM_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(new_file_that_is_kept_is_all_there_is),
        ROOM_TEST(new_file_that_is_taken_back_leaves_nothing),
        ROOM_TEST(file_that_is_there_is_left_alone_unless_it_may_go),
        ROOM_TEST(new_file_is_for_the_readers_of_the_main_file),
        ROOM_TEST(replacing_what_is_not_there_is_adding),
        ROOM_TEST(folder_that_is_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
