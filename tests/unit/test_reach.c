/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "server/cli/reach.h"

struct room {
    char dir[64], config[96], database[96];
};

static void write_config(const struct room *room, const char *text)
{
    FILE *file = fopen(room->config, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(room->config, 0600), 0);
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    assert_true(secret_open());
    mkdir("build", 0777);
    snprintf(room->dir, sizeof room->dir, "build/test_reach.XXXXXX");
    assert_non_null(mkdtemp(room->dir));
    snprintf(room->config, sizeof room->config, "%s/gateway.conf", room->dir);
    snprintf(room->database, sizeof room->database, "%s/own.db", room->dir);
    write_config(room, "[database]\npath = own.db\n");
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", room->database, suffixes[i]);
        unlink(path);
    }
    unlink(room->config);
    rmdir(room->dir);
    free(room);
    return 0;
}

/* Runs the operation as `gateway --dir DIR` would; `arguments` is taken. */
static void run(const struct room *room, const char *operation, json_t *arguments,
                enum admin_exit expected, const char *message)
{
    struct invocation invocation;
    struct answer answer;
    memset(&invocation, 0, sizeof invocation);
    invocation.program = "gateway";
    invocation.values[OPT_dir] = room->dir;
    answer_init(&answer);
    reach_call(&invocation, operation, arguments, &answer);
    assert_true(buf_add_char(&answer.message, '\0'));
    if (answer.exit != expected || !strstr(answer.message.p, message))
        fail_msg("%s: %d %s", operation, (int)answer.exit, answer.message.p);
    assert_int_equal(answer.result != NULL, expected == ADMIN_OK);
    json_decref(arguments);
    answer_release(&answer);
}

static void call_without_a_server_runs_on_the_database(void **state)
{
    const struct room *room = *state;
    run(room, "user add", json_pack("{s:s}", "name", "ann"), ADMIN_OK, "");
    run(room, "user add", json_pack("{s:s}", "name", "ann"), ADMIN_CONFLICT, "exists");
    run(room, "task list", json_pack("{s:s}", "user", "ann"), ADMIN_OK, "");
    run(room, "task cancel", json_pack("{s:s}", "id", "task_x"), ADMIN_NOTFOUND, "no task");
    assert_int_equal(access(room->database, F_OK), 0);
}

static void call_that_needs_no_database_makes_none(void **state)
{
    const struct room *room = *state;
    run(room, "model list", json_object(), ADMIN_OK, "");
    run(room, "status", json_object(), ADMIN_UNREACHABLE, "no server is running");
    assert_int_not_equal(access(room->database, F_OK), 0);
}

static void call_with_a_wrong_file_still_reaches_users(void **state)
{
    const struct room *room = *state;
    run(room, "user add", json_pack("{s:s}", "name", "ann"), ADMIN_OK, "");
    write_config(room, "[database]\npath = own.db\n[server]\nlistne = 1\n");
    run(room, "user show", json_pack("{s:s}", "name", "ann"), ADMIN_OK, "");
    run(room, "model list", json_object(), ADMIN_BAD_CONFIG, "did you mean");
}

static void call_with_a_wrong_file_makes_no_database(void **state)
{
    const struct room *room = *state;
    write_config(room, "[databse]\npath = own.db\n");
    run(room, "user list", json_object(), ADMIN_BAD_CONFIG, "databse");
    assert_int_not_equal(access(room->database, F_OK), 0);
}

static void call_at_a_socket_without_a_server_is_unreachable(void **state)
{
    const struct room *room = *state;
    struct invocation invocation;
    struct answer answer;
    memset(&invocation, 0, sizeof invocation);
    invocation.program = "gateway";
    invocation.values[OPT_dir] = room->dir;
    invocation.values[OPT_socket] = "build/no-such-socket";
    json_t *arguments = json_object();
    answer_init(&answer);
    reach_call(&invocation, "user list", arguments, &answer);
    assert_int_equal(answer.exit, ADMIN_UNREACHABLE);
    answer_release(&answer);
    json_decref(arguments);
}

int main(void)
{
#define ROOM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROOM_TEST(call_without_a_server_runs_on_the_database),
        ROOM_TEST(call_that_needs_no_database_makes_none),
        ROOM_TEST(call_with_a_wrong_file_still_reaches_users),
        ROOM_TEST(call_with_a_wrong_file_makes_no_database),
        ROOM_TEST(call_at_a_socket_without_a_server_is_unreachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
