#include "server/cli/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"
#include "server/cli/arguments.h"
#include "server/cli/cell.h"
#include "server/cli/csv.h"
#include "server/cli/reach.h"
#include "server/cli/table.h"

#define WHY_BYTES_MAX 4096
#define TALK_BYTES_MAX (256 * 1024)
#define SECRET_BYTES_MAX 512

/* The lines of a configuration check speak for themselves. */
static int say_failure(const struct answer *answer)
{
    struct str message = buf_str(&answer->message);
    bool lines = str_index(message, '\n') < message.n;
    if (message.n == 0)
        return (int)answer->exit;
    fprintf(stderr, "%s%.*s%s", lines ? "" : "gateway: ", STR_ARG(message),
            str_ends(message, STR("\n")) ? "" : "\n");
    return (int)answer->exit;
}

static int say_usage(struct buf *why)
{
    struct str text = buf_str(why);
    fprintf(stderr, "gateway: %.*s\n", STR_ARG(text));
    buf_release(why);
    return ADMIN_USAGE;
}

/* --- asking --- */

/* One line without its newline, of at most size - 1 bytes; false at the end of input. */
static bool read_line(char *line, size_t size)
{
    if (!fgets(line, (int)size, stdin))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool confirm(const struct invocation *invocation)
{
    const struct command *command = invocation->command;
    const char *name = invocation->words[invocation->first_argument];
    char line[256];
    if (!command->danger || invocation_has(invocation, OPT_yes))
        return true;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fprintf(stderr, "gateway: %s %s cannot be undone: give --yes to confirm\n", command->noun,
                command->verb);
        return false;
    }
    fprintf(stderr, "This cannot be undone. Type %s to %s the %s: ", name, command->verb,
            command->noun);
    if (read_line(line, sizeof line) && strcmp(line, name) == 0)
        return true;
    fprintf(stderr, "declined; nothing was changed\n");
    return false;
}

/* --- telling --- */

static bool add_option(struct buf *text, const char *name, const char *value)
{
    return value == NULL || (buf_add_str(text, str_of(name)) && cell_add_word(text, str_of(value)));
}

/* What changed, and what may come next, on stderr: stdout is for data. */
static void tell_change(const struct invocation *invocation, const json_t *result)
{
    const struct command *command = invocation->command;
    if (command->changed[0] == '\0')
        return;
    struct buf text;
    buf_init(&text, TALK_BYTES_MAX);
    bool ok = cell_expand(&text, command->changed, result) && buf_add_char(&text, '\n');
    if (ok && command->next[0] != '\0') {
        ok = buf_add_str(&text, STR("next: ")) &&
             cell_add_word(&text, str_of(invocation->program)) && buf_add_char(&text, ' ') &&
             cell_expand_command(&text, command->next, result) &&
             add_option(&text, " --dir ", invocation->values[OPT_dir]) &&
             add_option(&text, " -c ", invocation->values[OPT_config]) && buf_add_char(&text, '\n');
    }
    if (ok)
        fwrite(text.p, 1, text.n, stderr);
    buf_release(&text);
}

static bool print_json(const json_t *result)
{
    return json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0 &&
           fputc('\n', stdout) != EOF;
}

/* The API gives the newest first; a terminal wants it next to the prompt. */
static json_t *reversed(const json_t *rows)
{
    json_t *turned = json_array();
    for (size_t i = json_array_size(rows); turned && i > 0; i--) {
        if (json_array_append(turned, json_array_get(rows, i - 1)) != 0) {
            json_decref(turned);
            return NULL;
        }
    }
    return turned;
}

static bool print_table(const struct command *command, json_t *result)
{
    enum table_style style = isatty(STDOUT_FILENO) ? TABLE_ALIGNED : TABLE_TABS;
    bool is_log = strcmp(command->verb, "tail") == 0 || strcmp(command->verb, "credits") == 0 ||
                  strcmp(command->noun, "task") == 0;
    if (!is_log || !json_is_array(result))
        return table_print(stdout, command->columns, result, style);
    json_t *turned = reversed(result);
    bool ok = turned && table_print(stdout, command->columns, turned, style);
    json_decref(turned);
    return ok;
}

/* Lists and objects that were asked for go to stdout; an object that a change gave back only with
 * --json, for then a program reads it. */
static bool print_result(const struct invocation *invocation, json_t *result)
{
    if (invocation_has(invocation, OPT_json))
        return print_json(result);
    if (invocation->command->changed[0] != '\0')
        return true;
    (void)json_object_del(result, "messages"); /* told on stderr */
    if (invocation_has(invocation, OPT_csv))
        return csv_names(stdout, invocation->command->columns) &&
               csv_rows(stdout, invocation->command->columns, result);
    return print_table(invocation->command, result);
}

/* Warnings of a reload, settings that wait for a restart, what a quote passes over. */
static void tell_messages(const json_t *result)
{
    const json_t *messages = json_object_get(result, "messages");
    const char *text = json_string_value(messages);
    if (text && *text)
        fprintf(stderr, "%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static int finish(bool printed)
{
    if (printed)
        return ADMIN_OK;
    fprintf(stderr, "gateway: the result could not be printed\n");
    return ADMIN_FAILED;
}

int run_tell(const struct invocation *invocation, const struct answer *answer)
{
    if (answer->exit != ADMIN_OK)
        return say_failure(answer);
    tell_messages(answer->result);
    int code = finish(print_result(invocation, answer->result));
    tell_change(invocation, answer->result);
    return code;
}

int run_asked(const struct invocation *invocation, run_ask *ask)
{
    struct buf why;
    struct answer answer;
    buf_init(&why, WHY_BYTES_MAX);
    answer_init(&answer);
    json_t *arguments = invocation_arguments(invocation, &why);
    struct str text = buf_str(&why);
    if (arguments == NULL)
        answer_fail(&answer, ADMIN_USAGE, "%.*s", STR_ARG(text));
    else
        ask(invocation, arguments, &answer);
    int code = run_tell(invocation, &answer);
    /* A database that does not add up is a failure, though the question was answered. */
    if (code == ADMIN_OK && json_is_false(json_object_get(answer.result, "ok")))
        code = ADMIN_FAILED;
    json_decref(arguments);
    answer_release(&answer);
    buf_release(&why);
    return code;
}

static void ask(const struct invocation *invocation, json_t *arguments, struct answer *answer)
{
    if (confirm(invocation))
        reach_call(invocation, invocation->command->operation, arguments, answer);
    else
        answer->exit = ADMIN_USAGE; /* it has said so */
}

int run_operation(const struct invocation *invocation)
{
    return run_asked(invocation, ask);
}

/* --- key create --- */

/* Reads the secret from standard input, without echo when somebody types it. */
static bool read_secret(char secret[SECRET_BYTES_MAX])
{
    struct termios shown, hidden;
    bool typed = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (typed) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "Secret: ");
        typed = tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
    }
    bool ok = read_line(secret, SECRET_BYTES_MAX) && secret[0] != '\0';
    if (typed) {
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown) != 0)
            fprintf(stderr, "gateway: the terminal's echo stays off; type `stty echo`\n");
        fputc('\n', stderr);
    }
    return ok;
}

static bool add_secret(json_t *arguments)
{
    char secret[SECRET_BYTES_MAX];
    bool ok =
        read_secret(secret) && json_object_set_new(arguments, "secret", json_string(secret)) == 0;
    secret_wipe(secret, sizeof secret);
    return ok;
}

static int tell_key(const struct invocation *invocation, const json_t *result)
{
    const char *secret = json_string_value(json_object_get(result, "secret"));
    bool printed;
    if (invocation_has(invocation, OPT_json))
        printed = print_json(result);
    else
        printed = secret && puts(secret) != EOF;
    /* The secret is nowhere else, so it must be out before anything is said about it. */
    printed = printed && fflush(stdout) == 0;
    int code = finish(printed);
    tell_change(invocation, result);
    return code;
}

int run_key_create(const struct invocation *invocation)
{
    struct buf why;
    buf_init(&why, WHY_BYTES_MAX);
    json_t *arguments = invocation_arguments(invocation, &why);
    if (!arguments)
        return say_usage(&why);
    if (invocation_has(invocation, OPT_secret_stdin) && !add_secret(arguments)) {
        fprintf(stderr, "gateway: no secret came from standard input\n");
        json_decref(arguments);
        return ADMIN_USAGE;
    }
    struct answer answer;
    answer_init(&answer);
    reach_call(invocation, invocation->command->operation, arguments, &answer);
    int code = answer.exit == ADMIN_OK ? tell_key(invocation, answer.result) : say_failure(&answer);
    answer_release(&answer);
    json_decref(arguments);
    return code;
}

/* --- -s reload|stop --- */

/* The process is known from the socket itself, so no file has to name it. */
static void stop_peer(const struct target *target, struct answer *answer)
{
    pid_t pid = 0;
    enum client_peer peer =
        target->socket_path ? client_probe(target->socket_path, &pid) : CLIENT_NOBODY;
    if (peer == CLIENT_NOT_PERMITTED)
        answer_fail(answer, ADMIN_NOT_PERMITTED, "not permitted to use the admin socket %s",
                    target->socket_path);
    else if (peer != CLIENT_LISTENING || pid <= 0)
        answer_fail(answer, ADMIN_UNREACHABLE, "no server listens at %s",
                    target->socket_path ? target->socket_path : "the admin socket");
    else if (kill(pid, SIGTERM) == 0)
        answer->exit = ADMIN_OK;
    else
        answer_fail(answer, errno == EPERM ? ADMIN_NOT_PERMITTED : ADMIN_FAILED,
                    "process %ld cannot be stopped: %s", (long)pid, strerror(errno));
}

static int run_stop(const struct invocation *invocation)
{
    struct target target;
    struct answer answer;
    answer_init(&answer);
    if (target_find(&target, invocation, &answer))
        stop_peer(&target, &answer);
    int code = answer.exit == ADMIN_OK ? ADMIN_OK : say_failure(&answer);
    if (code == ADMIN_OK)
        fprintf(stderr, "stopping; requests in flight may go on for [server] shutdown_timeout\n");
    target_release(&target);
    answer_release(&answer);
    return code;
}

int run_signal(const struct invocation *invocation)
{
    if (strcmp(invocation->signal, "stop") == 0)
        return run_stop(invocation);
    if (strcmp(invocation->signal, "reload") == 0) {
        struct invocation reload = *invocation;
        reload.command = command_find("reload", "");
        CHECK(reload.command != NULL);
        return run_operation(&reload);
    }
    fprintf(stderr, "gateway: -s takes reload or stop, not \"%s\"\n", invocation->signal);
    return ADMIN_USAGE;
}
