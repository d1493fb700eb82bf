/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/admin/operation.h"
#include "server/cli/arguments.h"
#include "server/cli/client.h"
#include "server/cli/command.h"
#include "server/cli/help.h"
#include "server/cli/parse.h"

#define WORDS_MAX 16

/* Splits the line at spaces outside of quotes, which stay, and parses it. */
static bool parse(const char *line, struct invocation *invocation, struct buf *why)
{
    static char text[512];
    char *argv[WORDS_MAX + 1] = {NULL};
    int argc = 0;
    size_t n = strlen(line);
    assert_true(n < sizeof text);
    memcpy(text, line, n + 1);
    for (char *at = text; *at; argc++) {
        assert_true(argc < WORDS_MAX);
        argv[argc] = at;
        for (bool quoted = false; *at && (quoted || *at != ' '); at++)
            quoted ^= *at == '\'';
        if (*at)
            *at++ = '\0';
    }
    buf_init(why, 4096);
    return invocation_parse(invocation, argc, argv, why);
}

static void expect_refusal(const char *line, const char *text)
{
    struct invocation invocation;
    struct buf why;
    assert_false(parse(line, &invocation, &why));
    assert_true(buf_add_char(&why, '\0'));
    assert_string_equal(why.p, text);
    buf_release(&why);
}

/* The arguments that the line sends to the API, as compact JSON with sorted members. */
static void expect_arguments(const char *line, const char *operation, const char *json)
{
    struct invocation invocation;
    struct buf why;
    assert_true(parse(line, &invocation, &why));
    assert_string_equal(invocation.command->operation, operation);
    json_t *arguments = invocation_arguments(&invocation, &why);
    assert_non_null(arguments);
    char *text = json_dumps(arguments, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, json);
    free(text);
    json_decref(arguments);
    buf_release(&why);
}

static void expect_bad_value(const char *line, const char *text)
{
    struct invocation invocation;
    struct buf why;
    assert_true(parse(line, &invocation, &why));
    assert_null(invocation_arguments(&invocation, &why));
    assert_true(buf_add_char(&why, '\0'));
    assert_string_equal(why.p, text);
    buf_release(&why);
}

static void parse_of_commands_gives_their_arguments(void **state)
{
    (void)state;
    expect_arguments("gateway user add alice --credit 10 --group g", "user add",
                     "{\"credit\":\"10\",\"group\":\"g\",\"name\":\"alice\"}");
    expect_arguments("gateway --json user --ratio=0.8 add bob", "user add",
                     "{\"name\":\"bob\",\"ratio\":\"0.8\"}");
    expect_arguments("gateway user credit alice -5.5 --ref x", "user credit",
                     "{\"amount\":\"-5.5\",\"name\":\"alice\",\"ref\":\"x\"}");
    expect_arguments("gateway key show 7", "key show", "{\"id\":7}");
    expect_arguments("gateway key show sk-ab", "key show", "{\"id\":\"sk-ab\"}");
    expect_arguments(
        "gateway key create a --expires 30d --models m*,!mx --networks ::1 --limit 5/day",
        "key create",
        "{\"expires_s\":2592000,\"limit\":\"5/day\",\"models\":[\"m*\",\"!mx\"],"
        "\"networks\":[\"::1\"],\"user\":\"a\"}");
    expect_arguments("gateway usage tail --limit 5 --user a", "usage list",
                     "{\"limit\":5,\"user\":\"a\"}");
    expect_arguments("gateway task list --state unknown --limit 5", "task list",
                     "{\"limit\":5,\"state\":\"unknown\"}");
    expect_arguments("gateway task cancel task_x --yes", "task cancel", "{\"id\":\"task_x\"}");
    expect_arguments("gateway group set g --enabled off --user-quota 1/day", "group set",
                     "{\"enabled\":false,\"name\":\"g\",\"user_quota\":\"1/day\"}");
    expect_arguments("gateway user show -- -odd", "user show", "{\"name\":\"-odd\"}");
}

static void parse_of_typos_says_what_was_meant(void **state)
{
    (void)state;
    expect_refusal("gateway provder list",
                   "unknown command \"provder\"; did you mean \"provider\"?");
    expect_refusal("gateway key creat bob",
                   "key: unknown command \"creat\"; did you mean \"create\"?");
    expect_refusal("gateway xyzzy", "unknown command \"xyzzy\"");
    expect_refusal("gateway user add a --credits 3",
                   "unknown option \"--credits\"; did you mean \"--credit\"?");
    expect_refusal("gateway key",
                   "\"key\" needs a verb: create, list, show, set, revoke, disable, enable");
}

static void parse_of_wrong_options_refuses(void **state)
{
    (void)state;
    expect_refusal("gateway user add a --cred 3",
                   "unknown option \"--cred\"; did you mean \"--credit\"?");
    expect_refusal("gateway --vers", "unknown option \"--vers\"; did you mean \"--yes\"?");
    expect_refusal("gateway user list --credit 3", "user list takes no --credit");
    expect_refusal("gateway user list --limit 3", "user list takes no --limit");
    expect_refusal("gateway user add a --credit", "--credit needs a value");
    expect_refusal("gateway price quote big in_text=1 --tier", "--tier needs a value");
    expect_refusal("gateway user list -yc", "--config needs a value");
    expect_refusal("gateway -s", "-s needs a value");
    expect_refusal("gateway user list --json=1", "option \"--json\" takes no value");
    expect_refusal("gateway user add a --credit 1 --credit 2", "--credit is given twice");
    expect_refusal("gateway user add", "usage: gateway user add NAME");
    expect_refusal("gateway user add a b", "usage: gateway user add NAME");
    expect_refusal("gateway status now", "status takes no argument, got \"now\"");
    expect_refusal("gateway -t now", "unexpected word \"now\"");
    expect_refusal("gateway a b c d e f g h i", "too many words, from \"i\" on");
}

static void arguments_with_bad_values_are_refused(void **state)
{
    (void)state;
    expect_bad_value("gateway usage tail --limit 0",
                     "--limit: \"0\" is not a number from 1 to 1000");
    expect_bad_value("gateway group set g --enabled yes",
                     "--enabled: \"yes\" is neither on nor off");
    expect_bad_value(
        "gateway key create a --expires 30",
        "--expires: \"30\" is not a time (want 90m, 12h, 30d or 2w, up to ten years, or never)");
}

static void period_bounds_are_kept(void **state)
{
    (void)state;
    int64_t seconds = -1;
    assert_true(parse_period(STR("90m"), &seconds));
    assert_int_equal(seconds, 5400);
    assert_true(parse_period(STR("2w"), &seconds));
    assert_int_equal(seconds, 1209600);
    assert_true(parse_period(STR("3650d"), &seconds));
    assert_false(parse_period(STR("3651d"), &seconds));
    assert_false(parse_period(STR("0d"), &seconds));
    assert_false(parse_period(STR("d"), &seconds));
    assert_false(parse_period(STR("-1d"), &seconds));
    assert_false(parse_period(STR("99999999999999999999w"), &seconds));
    assert_int_equal(seconds, (int64_t)3650 * 86400);
}

static void aliases_select_their_mode(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum invocation_mode mode;
    } cases[] = {
        {"gateway", MODE_HELP},
        {"gateway --help", MODE_HELP},
        {"gateway key -h", MODE_HELP},
        {"gateway -t -c x", MODE_TEST},
        {"gateway -T", MODE_SHOW},
        {"gateway -v", MODE_VERSION},
        {"gateway -V", MODE_VERSION},
        {"gateway -s stop", MODE_SIGNAL},
        {"gateway --version", MODE_VERSION},
        {"gateway status", MODE_COMMAND},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct invocation invocation;
        struct buf why;
        assert_true(parse(cases[i].line, &invocation, &why));
        assert_int_equal(invocation.mode, cases[i].mode);
        buf_release(&why);
    }
}

/* --- the tables agree --- */

static void operations_of_the_api_have_a_command(void **state)
{
    (void)state;
    for (unsigned i = 0; admin_operation_at(i); i++) {
        const char *name = admin_operation_at(i)->name;
        bool found = strcmp(name, "version") == 0; /* the program knows its own */
        for (unsigned c = 0; command_at(c); c++)
            found =
                found || (command_at(c)->operation && strcmp(command_at(c)->operation, name) == 0);
        if (!found)
            fail_msg("no command runs \"%s\"", name);
    }
    for (unsigned c = 0; command_at(c); c++)
        if (command_at(c)->operation)
            assert_non_null(admin_operation_find(str_of(command_at(c)->operation)));
}

static void commands_and_options_are_well_formed(void **state)
{
    (void)state;
    for (unsigned c = 0; command_at(c); c++) {
        const struct command *command = command_at(c);
        assert_ptr_equal(command_find(command->noun, command->verb), command);
        assert_non_null(command->run);
        assert_true(strlen(command->summary) > 0 && strlen(command->examples) > 0);
        assert_int_equal(command->options & OPTIONS_GLOBAL, 0);
    }
    /* Rows of one name never meet in one command, and agree on having a value. */
    for (unsigned a = 0; a < OPT_COUNT; a++) {
        for (unsigned b = a + 1; b < OPT_COUNT; b++) {
            if (strcmp(option_at(a)->name, option_at(b)->name) != 0)
                continue;
            assert_int_equal(option_at(a)->kind == OPTION_FLAG, option_at(b)->kind == OPTION_FLAG);
            for (unsigned c = 0; command_at(c); c++)
                assert_false(command_takes(command_at(c), (enum option_id)a) &&
                             command_takes(command_at(c), (enum option_id)b));
        }
    }
}

/* Every example line must itself be a command that parses. */
static void examples_of_commands_parse(void **state)
{
    (void)state;
    for (unsigned c = 0; command_at(c); c++) {
        struct str rest = str_of(command_at(c)->examples), line;
        while (str_cut(&rest, '\n', &line)) {
            char text[512];
            struct invocation invocation;
            struct buf why;
            line = str_slice(line, 0, str_index(line, '|'));
            line = str_trim(str_slice(line, 0, str_index(line, '>')));
            snprintf(text, sizeof text, "gateway %.*s", STR_ARG(line));
            if (!parse(text, &invocation, &why))
                fail_msg("%s: %.*s", text, (int)why.n, why.p);
            assert_ptr_equal(invocation.command, command_at(c));
            json_t *arguments = invocation_arguments(&invocation, &why);
            assert_non_null(arguments);
            json_decref(arguments);
            buf_release(&why);
        }
    }
}

/* StateDirectory of deploy/gateway.service, which protects all else. */
static void example_of_a_backup_is_where_the_service_may_write(void **state)
{
    (void)state;
    const char *example = command_find("db", "backup")->examples;
    assert_int_equal(strncmp(example, "db backup /var/lib/gateway/", 27), 0);
}

static bool contains(const struct buf *text, const char *needle)
{
    return memmem(text->p, text->n, needle, strlen(needle)) != NULL;
}

static void texts_name_every_command_and_option(void **state)
{
    (void)state;
    struct buf all, bash, man;
    buf_init(&all, 1 << 20);
    buf_init(&bash, 1 << 20);
    buf_init(&man, 1 << 20);
    assert_true(help_write(&all, NULL, NULL));
    assert_true(completion_write_bash(&bash));
    assert_true(manual_write(&man));
    for (unsigned c = 0; command_at(c); c++) {
        const struct command *command = command_at(c);
        char name[128];
        struct buf one;
        buf_init(&one, 1 << 16);
        assert_true(help_write(&one, command->noun, command->verb));
        snprintf(name, sizeof name, "%s%s%s", command->noun, command->verb[0] ? " " : "",
                 command->verb);
        assert_true(contains(&all, name));
        assert_true(contains(&one, name));
        assert_true(contains(&man, name));
        assert_true(contains(&bash, command->noun));
        assert_true(contains(&bash, command->verb));
        assert_true(memcmp(one.p, "Examples:\n", 10) == 0);
        for (unsigned id = 0; id < OPT_COUNT; id++) {
            if (!command_takes(command, (enum option_id)id))
                continue;
            snprintf(name, sizeof name, "--%s", option_at(id)->name);
            assert_true(contains(&one, name));
            assert_true(contains(&bash, name));
        }
        buf_release(&one);
    }
    buf_release(&all);
    buf_release(&bash);
    buf_release(&man);
}

/* --- where the server is --- */

static void probe_without_a_server_finds_nobody(void **state)
{
    (void)state;
    char path[200];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(client_probe("build/no-such-socket", NULL), CLIENT_NOBODY);
    assert_int_equal(client_probe(path, NULL), CLIENT_BAD_PATH);
}

/* --- the admin socket --- */

#define SOCKET_PATH "build/test_cli.sock"

/* A server of one connection: keeps the request, sends the reply, closes. */
struct peer {
    int fd;
    const char *reply;
    char request[4096];
    pthread_t thread;
};

static void *serve_one(void *argument)
{
    struct peer *peer = argument;
    size_t n = 0;
    int fd = accept(peer->fd, NULL, NULL);
    /* Every request of these tests ends with the '}' of its body. */
    while (fd >= 0 && n < sizeof peer->request - 1 && (n == 0 || peer->request[n - 1] != '}')) {
        ssize_t got = read(fd, peer->request + n, sizeof peer->request - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    peer->request[n] = '\0';
    if (fd >= 0 && write(fd, peer->reply, strlen(peer->reply)) < 0)
        peer->request[0] = '\0';
    close(fd);
    return NULL;
}

static void peer_start(struct peer *peer, const char *reply)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
    memset(peer, 0, sizeof *peer);
    peer->reply = reply;
    mkdir("build", 0777);
    unlink(SOCKET_PATH);
    peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->fd >= 0);
    assert_int_equal(bind(peer->fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->fd, 4), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, serve_one, peer), 0);
}

static void peer_stop(struct peer *peer)
{
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    close(peer->fd);
    unlink(SOCKET_PATH);
}

/* Calls "user show" {"name":"al"} at a peer with this reply. */
static void call_peer(const char *reply, struct answer *answer, char request[4096])
{
    struct peer peer;
    json_t *arguments = json_pack("{s:s}", "name", "al");
    peer_start(&peer, reply);
    answer_init(answer);
    client_call(SOCKET_PATH, "user show", arguments, answer);
    peer_stop(&peer);
    memcpy(request, peer.request, sizeof peer.request);
    json_decref(arguments);
}

static void call_posts_the_arguments_and_reads_the_result(void **state)
{
    (void)state;
    struct answer answer;
    char request[4096];
    call_peer("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"id\":3}", &answer, request);
    assert_int_equal(answer.exit, ADMIN_OK);
    assert_int_equal(json_integer_value(json_object_get(answer.result, "id")), 3);
    assert_int_equal(strncmp(request, "POST /admin/user/show HTTP/1.1\r\n", 32), 0);
    assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n{\"name\":\"al\"}"));
    answer_release(&answer);
}

static void call_that_fails_gives_exit_code_and_reason(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum admin_exit exit;
        const char *message;
    } cases[] = {
        {"HTTP/1.0 404 No\r\n\r\n{\"error\":{\"exit\":3,\"message\":\"no user al\"}}",
         ADMIN_NOTFOUND, "no user al"},
        {"HTTP/1.0 500 No\r\n\r\n{\"error\":{\"exit\":999,\"message\":\"odd\"}}", ADMIN_FAILED,
         "odd"},
        {"HTTP/1.0 502 No\r\n\r\n<html>", ADMIN_FAILED,
         "the server answered with status 502 and no reason"},
        {"HTTP/1.0 200 Ok\r\n\r\n<html>", ADMIN_FAILED, "the server's answer is not JSON"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer answer;
        char request[4096];
        call_peer(cases[i].reply, &answer, request);
        assert_int_equal(answer.exit, cases[i].exit);
        assert_null(answer.result);
        assert_true(buf_add_char(&answer.message, '\0'));
        assert_string_equal(answer.message.p, cases[i].message);
        answer_release(&answer);
    }
}

static void call_without_an_answer_is_unreachable(void **state)
{
    (void)state;
    struct answer answer;
    char request[4096];
    call_peer("", &answer, request);
    assert_int_equal(answer.exit, ADMIN_UNREACHABLE);
    answer_release(&answer);
}

static void probe_of_a_server_knows_its_process(void **state)
{
    (void)state;
    struct peer peer;
    pid_t pid = 0;
    peer_start(&peer, "");
    assert_int_equal(client_probe(SOCKET_PATH, &pid), CLIENT_LISTENING);
    peer_stop(&peer);
    assert_int_equal(pid, getpid());
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_of_commands_gives_their_arguments),
        cmocka_unit_test(parse_of_typos_says_what_was_meant),
        cmocka_unit_test(parse_of_wrong_options_refuses),
        cmocka_unit_test(arguments_with_bad_values_are_refused),
        cmocka_unit_test(period_bounds_are_kept),
        cmocka_unit_test(aliases_select_their_mode),
        cmocka_unit_test(operations_of_the_api_have_a_command),
        cmocka_unit_test(commands_and_options_are_well_formed),
        cmocka_unit_test(examples_of_commands_parse),
        cmocka_unit_test(example_of_a_backup_is_where_the_service_may_write),
        cmocka_unit_test(texts_name_every_command_and_option),
        cmocka_unit_test(probe_without_a_server_finds_nobody),
        cmocka_unit_test(call_posts_the_arguments_and_reads_the_result),
        cmocka_unit_test(call_that_fails_gives_exit_code_and_reason),
        cmocka_unit_test(call_without_an_answer_is_unreachable),
        cmocka_unit_test(probe_of_a_server_knows_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
