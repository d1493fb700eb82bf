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
#include "server/quickstart.h"
#include "server/quickstart_text.h"
#include "server/serve.h"

/* What the stand-in for the server saw, and what it is to do. */
static struct {
    bool accept;
    unsigned runs;
    bool any_port_if_busy;
    char listen[64]; /* of the configuration */
    char database[512];
} served;

/* In place of server/serve.c, which would accept connections until a signal. */
int serve_run(const struct serve_options *options)
{
    struct snapshot *snapshot = options->snapshot;
    struct store *store = options->store;
    served.runs++;
    served.any_port_if_busy = options->any_port_if_busy;
    snprintf(served.listen, sizeof served.listen, "%s", snapshot->settings.server_listen);
    snprintf(served.database, sizeof served.database, "%s", snapshot->database_path);
    if (served.accept)
        options->on_ready(options->context, "http://127.0.0.1:8080");
    store_close(&store);
    snapshot_drop(&snapshot);
    return served.accept ? 0 : 1;
}

struct room {
    char root[64], dir[96];
};

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    assert_true(secret_open());
    mkdir("build", 0777);
    snprintf(room->root, sizeof room->root, "build/test_quickstart.XXXXXX");
    assert_non_null(mkdtemp(room->root));
    snprintf(room->dir, sizeof room->dir, "%s/data", room->root);
    memset(&served, 0, sizeof served);
    served.accept = true;
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    static const char *const names[] = {"gateway.conf", "gateway.db", "gateway.db-wal",
                                        "gateway.db-shm", "gateway.db-journal"};
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", room->dir, names[i]);
        unlink(path);
    }
    char out[128];
    snprintf(out, sizeof out, "%s/out", room->root);
    unlink(out);
    rmdir(room->dir);
    rmdir(room->root);
    free(room);
    return 0;
}

/* Runs it with stdout in a file and returns what it printed (free). */
static char *run(const struct room *room, const char *listen, int expected)
{
    char path[128];
    snprintf(path, sizeof path, "%s/out", room->root);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0);
    assert_non_null(freopen(path, "w", stdout));
    struct quickstart_options options = {"build/gateway", room->dir, listen};
    int code = quickstart_run(&options);
    fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
    assert_int_equal(code, expected);

    FILE *file = fopen(path, "r");
    char *text = calloc(1, 8192);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 8191, file) < 8191);
    assert_int_equal(fclose(file), 0);
    return text;
}

static unsigned mode_of(const char *dir, const char *name)
{
    char path[160];
    struct stat info;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 0777;
}

static void first_run_makes_everything_and_shows_the_key(void **state)
{
    struct room *room = *state;
    char *text = run(room, NULL, 0);
    char head[256];
    snprintf(head, sizeof head,
             "gateway " GATEWAY_VERSION "   data %s (new)   listening on 127.0.0.1:8080\n\n"
             "  Base URL   http://127.0.0.1:8080/v1\n"
             "  API key    sk-",
             room->dir);
    assert_int_equal(strncmp(text, head, strlen(head)), 0);
    assert_non_null(strstr(
        text,
        "  Models     gpt-4o-mini  gpt-image-1  omni-moderation-latest  rerank-1  sandbox-429  "
        "sandbox-cut  \xe2\x80\xa6  -> built-in sandbox, no provider key needed\n"));
    const char *first = strstr(text, "sk-"), *second = strstr(first + 1, "sk-");
    assert_non_null(second);
    assert_int_equal(strncmp(first, second, SECRET_KEY_SIZE - 1), 0);
    assert_non_null(strstr(text, "-d '{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\","
                                 "\"content\":\"Say hello.\"}],\"stream\":true}'\n"));
    assert_non_null(strstr(text, "then: build/gateway reload --dir build/"));
    assert_int_equal(mode_of(room->root, "data"), 0700);
    assert_int_equal(mode_of(room->dir, "gateway.conf"), 0600);
    assert_int_equal(mode_of(room->dir, "gateway.db"), 0600);
    assert_true(served.any_port_if_busy);
    free(text);
}

static void second_run_keeps_the_data_and_shows_no_key(void **state)
{
    struct room *room = *state;
    free(run(room, NULL, 0));
    char *text = run(room, NULL, 0);
    assert_null(strstr(text, "sk-"));
    assert_non_null(strstr(text, " (kept) "));
    assert_non_null(strstr(text, "build/gateway key create quickstart --dir build/"));
    assert_non_null(
        strstr(text, "export NEW_API_KEY=$(build/gateway key create quickstart --dir "));
    assert_int_equal(served.runs, 2);
    free(text);
}

static void key_of_a_server_that_does_not_start_is_not_lost(void **state)
{
    struct room *room = *state;
    served.accept = false;
    char *text = run(room, "127.0.0.1:1", 1);
    assert_non_null(strstr(text, "\nsk-"));
    assert_string_equal(served.listen, "127.0.0.1:1");
    assert_false(served.any_port_if_busy);
    free(text);
}

static void listen_that_is_no_address_is_refused(void **state)
{
    struct room *room = *state;
    static const char *const bad[] = {"8080", "unix:/tmp/x", "127.0.0.1:1\nx = y", ""};
    for (size_t i = 0; i < COUNT(bad); i++)
        free(run(room, bad[i], 2));
    assert_int_equal(served.runs, 0);
}

int main(void)
{
#define ROOM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROOM_TEST(first_run_makes_everything_and_shows_the_key),
        ROOM_TEST(second_run_keeps_the_data_and_shows_no_key),
        ROOM_TEST(key_of_a_server_that_does_not_start_is_not_lost),
        ROOM_TEST(listen_that_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
