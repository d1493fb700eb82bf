/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "server/admin/admin.h"
#include "server/admin/operation.h"
#include "store/admin.h"

#define WAIT_MS 10000

/* A store of its own in a folder under build/, and a configuration beside it. */
struct room {
    char dir[64];
    char database[96], config[96];
    struct store *store;
    struct snapshot *snapshot;
    struct mailbox mailbox;
    struct admin_host host;
    bool reload_ok;
};

static const char config_text[] = "[provider \"up\"]\n"
                                  "base_url = http://127.0.0.1:9/v1\n"
                                  "allow_private = on\n"
                                  "[model \"m1\"]\n"
                                  "endpoints = chat\n"
                                  "offer = up/real-name priority=2 weight=3\n"
                                  "price = in_text 0.15 per 1M tokens\n"
                                  "price = out_text 0.60 per 1M tokens\n"
                                  "price = out_text 1.20 per 1M tokens above=200000\n";

static struct snapshot *give_snapshot(void *context)
{
    const struct room *room = context;
    return snapshot_retain(room->snapshot);
}

/* No test gets as far as to use it. */
static struct engine *give_no_engine(void *context)
{
    (void)context;
    return NULL;
}

static json_t *give_status(void *context)
{
    (void)context;
    return json_pack("{s:i}", "uptime_s", 7);
}

static void do_reload(void *context, struct mailbox *reply,
                      void (*done)(void *argument, bool ok, struct str messages), void *argument)
{
    const struct room *room = context;
    (void)reply;
    done(argument, room->reload_ok, room->reload_ok ? STR_EMPTY : STR("gateway.conf:1:1: error"));
}

static void write_config(const struct room *room)
{
    FILE *file = fopen(room->config, "w");
    assert_non_null(file);
    assert_true(fputs(config_text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(room->config, 0600), 0);
}

static int set_up(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    assert_true(secret_open());
    mkdir("build", 0777);
    snprintf(room->dir, sizeof room->dir, "build/test_admin_api.XXXXXX");
    assert_non_null(mkdtemp(room->dir));
    snprintf(room->database, sizeof room->database, "%s/gateway.db", room->dir);
    snprintf(room->config, sizeof room->config, "%s/gateway.conf", room->dir);
    write_config(room);

    struct buf why;
    bool in_use;
    struct store_options options = {.path = room->database, .process_durability = true};
    buf_init(&why, 1 << 20);
    if (!store_open(&options, &room->store, &why, &in_use))
        fail_msg("%.*s", (int)why.n, why.p);
    buf_clear(&why);
    room->snapshot = snapshot_load(room->config, &why);
    if (!room->snapshot)
        fail_msg("%.*s", (int)why.n, why.p);
    buf_release(&why);
    assert_true(mailbox_init(&room->mailbox));
    room->host = (struct admin_host){.store = room->store,
                                     .context = room,
                                     .snapshot = give_snapshot,
                                     .engine = give_no_engine,
                                     .status = give_status,
                                     .reload = do_reload};
    *state = room;
    return 0;
}

static int tear_down(void **state)
{
    struct room *room = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    store_close(&room->store);
    snapshot_drop(&room->snapshot);
    mailbox_release(&room->mailbox);
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

static void note_done(struct admin_call *call)
{
    bool *done = call->context;
    *done = true;
}

/* Runs to its end; `arguments` is taken. */
static void run(struct room *room, struct admin_call *call, const char *operation,
                json_t *arguments)
{
    bool done = false;
    memset(call, 0, sizeof *call);
    call->operation = str_of(operation);
    call->arguments = arguments;
    call->reply = &room->mailbox;
    call->done = note_done;
    call->context = &done;
    clock_tick();
    admin_begin(&room->host, call);
    int64_t deadline_ms = clock_ms() + WAIT_MS;
    while (!done && clock_ms() < deadline_ms) {
        struct pollfd readable = {room->mailbox.fd, POLLIN, 0};
        if (poll(&readable, 1, 100) > 0)
            mailbox_deliver(&room->mailbox);
        clock_tick();
    }
    assert_true(done);
    json_decref(arguments);
    call->arguments = NULL;
}

/* The HTTP answer of the operation; `arguments` is taken. */
static void expect_http(struct room *room, const char *operation, json_t *arguments, int status,
                        const char *part)
{
    struct admin_call call;
    struct buf body;
    int got = 0;
    buf_init(&body, 1 << 20);
    run(room, &call, operation, arguments);
    assert_true(admin_http_body(&call, &got, &body));
    assert_true(buf_add_char(&body, '\0'));
    if (got != status || !strstr(body.p, part))
        fail_msg("%s: %d %s", operation, got, body.p);
    json_t *parsed = json_loads(body.p, JSON_DECODE_ANY, NULL);
    assert_non_null(parsed);
    json_decref(parsed);
    buf_release(&body);
    admin_release(&call);
}

/* --- the table --- */

static void store_operations_are_known_to_the_store(void **state)
{
    (void)state;
    for (unsigned i = 0; admin_operation_at(i); i++) {
        const struct admin_operation *operation = admin_operation_at(i);
        bool changes;
        assert_int_equal(store_admin_knows(str_of(operation->name), &changes),
                         operation->need == ADMIN_NEEDS_STORE);
        assert_int_equal(operation->run == NULL, operation->need == ADMIN_NEEDS_STORE);
    }
}

/* The two words before `end`; false when there are none. */
static bool words_before(const char *line, const char *end, char name[66])
{
    char noun[32], verb[32];
    const char *from = end;
    for (unsigned words = 0; words < 2; words++) {
        while (from > line && from[-1] == ' ')
            from--;
        while (from > line && from[-1] >= 'a' && from[-1] <= 'z')
            from--;
    }
    if (sscanf(from, "%31[a-z] %31[a-z]", noun, verb) != 2)
        return false;
    snprintf(name, 66, "%s %s", noun, verb);
    return true;
}

/* "noun verb   {" of the contract's comment must be a row of the table. */
static void contract_of_the_store_is_in_the_table(void **state)
{
    (void)state;
    char line[256], name[66];
    unsigned found = 0;
    FILE *file = fopen("store/admin.h", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        for (const char *at = strchr(line, '{'); at; at = strchr(at + 1, '{')) {
            if (!words_before(line, at, name))
                continue;
            if (!admin_operation_find(str_of(name)))
                fail_msg("\"%s\" is not in the table", name);
            found++;
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(found, 31);
}

/* --- operations of the store --- */

static void user_add_then_list_shows_it(void **state)
{
    struct room *room = *state;
    struct admin_call call;
    run(room, &call, "user add", json_pack("{s:s, s:s}", "name", "ann", "credit", "12.5"));
    assert_int_equal(call.exit, ADMIN_OK);
    assert_string_equal(json_string_value(json_object_get(call.result, "balance")), "12.500000000");
    admin_release(&call);

    run(room, &call, "user list", json_object());
    assert_int_equal(call.exit, ADMIN_OK);
    assert_int_equal(json_array_size(call.result), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(call.result, 0), "name")),
                        "ann");
    admin_release(&call);
}

static void key_create_gives_a_secret_once(void **state)
{
    struct room *room = *state;
    struct admin_call call;
    run(room, &call, "user add", json_pack("{s:s}", "name", "kay"));
    admin_release(&call);
    run(room, &call, "key create", json_pack("{s:s, s:[s]}", "user", "kay", "models", "m*"));
    assert_int_equal(call.exit, ADMIN_OK);
    const char *secret = json_string_value(json_object_get(call.result, "secret"));
    assert_non_null(secret);
    assert_int_equal(strncmp(secret, "sk-", 3), 0);
    admin_release(&call);
    run(room, &call, "key list", json_pack("{s:s}", "user", "kay"));
    assert_int_equal(json_array_size(call.result), 1);
    assert_null(json_object_get(json_array_get(call.result, 0), "secret"));
    admin_release(&call);
}

static void outcomes_of_the_store_become_exit_codes_and_statuses(void **state)
{
    struct room *room = *state;
    expect_http(room, "user add", json_pack("{s:s}", "name", "eve"), 200, "\"name\":\"eve\"");
    expect_http(room, "user add", json_pack("{s:s}", "name", "eve"), 409,
                "{\"error\":{\"exit\":5,");
    expect_http(room, "user credit", json_pack("{s:s, s:s}", "name", "eve", "amount", "-5"), 409,
                "{\"error\":{\"exit\":5,");
    expect_http(room, "user show", json_pack("{s:s}", "name", "nobody"), 404, "\"exit\":3,");
    expect_http(room, "user show", json_pack("{s:i}", "name", 3), 400, "\"exit\":2,");
    expect_http(room, "user show", json_pack("{s:s, s:i}", "name", "eve", "odd", 1), 400,
                "\"exit\":2,");
    expect_http(room, "task cancel", json_pack("{s:s}", "id", "task_x"), 404, "no task");
    expect_http(room, "db check", json_object(), 200, "\"ok\":true");
}

static void expect_limit(struct room *room, const char *scope, const char *name, const char *model,
                         const char *part)
{
    json_t *arguments = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "scope", scope, "name", name,
                                  "metric", "requests", "amount", "5/min", "model", model);
    expect_http(room, "limit set", arguments, 200, part);
}

/* It is set all the same: the name may come to the configuration later. */
static void limit_of_a_name_that_is_not_configured_is_told(void **state)
{
    struct room *room = *state;
    static const char quiet[] = "\"burst\":5,\"model\":null}";
    expect_limit(room, "model", "m1", NULL, quiet);
    expect_limit(room, "model", "*", NULL, quiet);
    expect_limit(room, "provider", "up", NULL, quiet);
    expect_limit(room, "provider", "*", NULL, quiet);
    expect_limit(room, "key", "*", "m1", "\"burst\":5,\"model\":\"m1\"}");
    expect_limit(room, "model", "m2", NULL,
                 "\"messages\":\"warning: there is no model \\\"m2\\\" in");
    expect_limit(room, "provider", "down", NULL, "warning: there is no provider \\\"down\\\" in");
    expect_limit(room, "key", "*", "m3", "warning: there is no model \\\"m3\\\" in");
    expect_http(room, "limit list", json_object(), 200, "\"down\"");
    room->host.snapshot = NULL; /* nobody knows */
    expect_limit(room, "model", "m2", NULL, quiet);
}

/* --- own operations --- */

static void unknown_operations_and_arguments_are_usage_errors(void **state)
{
    struct room *room = *state;
    expect_http(room, "user \"x", json_object(), 400, "unknown operation \\\"user \\\"x\\\"");
    expect_http(room, "user list", json_array(), 400, "must be a JSON object");
    expect_http(room, "status", json_pack("{s:i}", "a", 1), 400, "status takes no arguments");
}

static void configuration_is_listed_without_a_secret(void **state)
{
    struct room *room = *state;
    expect_http(
        room, "model list", json_object(), 200,
        "{\"id\":\"m1\",\"endpoints\":[\"chat\"],\"offers\":[{\"provider\":\"up\","
        "\"upstream_model\":\"real-name\",\"priority\":2,\"weight\":3,\"enabled\":true}],"
        "\"price\":[{\"counter\":\"in_text\",\"usd\":\"0.15\",\"per\":\"1M tokens\"},"
        "{\"counter\":\"out_text\",\"usd\":\"0.6\",\"per\":\"1M tokens\"},"
        "{\"counter\":\"out_text\",\"usd\":\"1.2\",\"per\":\"1M tokens\",\"above\":200000}]");
    expect_http(room, "provider list", json_object(), 200,
                "{\"name\":\"up\",\"base_url\":\"http://127.0.0.1:9/v1\",\"auth\":\"bearer\","
                "\"enabled\":true,\"key\":\"none\"");
}

static void provider_test_wants_the_name_of_one(void **state)
{
    struct room *room = *state;
    expect_http(room, "provider test", json_object(), 400, "provider test takes a name");
    expect_http(room, "provider test", json_pack("{s:i}", "name", 1), 400, "takes a name");
    expect_http(room, "provider test", json_pack("{s:s, s:i}", "name", "up", "x", 1), 400,
                "takes a name");
    expect_http(room, "provider test", json_pack("{s:s}", "name", "down"), 404,
                "{\"error\":{\"exit\":3,\"message\":\"there is no provider \\\"down\\\"");
}

static void status_adds_the_store(void **state)
{
    struct room *room = *state;
    expect_http(room, "status", json_object(), 200,
                "{\"uptime_s\":7,\"store\":{\"state\":\"ok\",\"queue\":0,");
}

static void reload_tells_the_check(void **state)
{
    struct room *room = *state;
    room->reload_ok = true;
    expect_http(room, "reload", json_object(), 200, "{\"reloaded\":true,\"messages\":\"\"}");
    room->reload_ok = false;
    expect_http(room, "reload", json_object(), 400,
                "{\"error\":{\"exit\":78,\"message\":\"gateway.conf:1:1: error\"}}");
}

static void host_without_a_server_refuses_what_needs_one(void **state)
{
    struct room *room = *state;
    room->host.status = NULL;
    room->host.reload = NULL;
    expect_http(room, "status", json_object(), 500,
                "\"exit\":6,\"message\":\"no server is running\"");
    expect_http(room, "reload", json_object(), 500, "\"exit\":6,");
    expect_http(room, "version", json_object(), 200, "\"version\":\"" GATEWAY_VERSION "\"");
}

#define ROOM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_operations_are_known_to_the_store),
        cmocka_unit_test(contract_of_the_store_is_in_the_table),
        ROOM_TEST(user_add_then_list_shows_it),
        ROOM_TEST(key_create_gives_a_secret_once),
        ROOM_TEST(outcomes_of_the_store_become_exit_codes_and_statuses),
        ROOM_TEST(limit_of_a_name_that_is_not_configured_is_told),
        ROOM_TEST(unknown_operations_and_arguments_are_usage_errors),
        ROOM_TEST(configuration_is_listed_without_a_secret),
        ROOM_TEST(provider_test_wants_the_name_of_one),
        ROOM_TEST(status_adds_the_store),
        ROOM_TEST(reload_tells_the_check),
        ROOM_TEST(host_without_a_server_refuses_what_needs_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
