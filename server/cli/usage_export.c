/* usage export: page after page of the admin API, written as it comes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "server/cli/arguments.h"
#include "server/cli/csv.h"
#include "server/cli/reach.h"
#include "server/cli/run.h"

#define PAGE_ROWS 1000

static bool put_lines(const json_t *rows)
{
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(rows); i++)
        ok = json_dumpf(json_array_get(rows, i), stdout, JSON_COMPACT) == 0 &&
             fputc('\n', stdout) != EOF;
    return ok;
}

/* The names stand above the first page, which nothing comes before: a refusal has none. */
static bool put_page(const struct invocation *invocation, const json_t *rows, bool is_first)
{
    const char *columns = invocation->command->columns;
    bool ok = true;
    if (invocation_has(invocation, OPT_json))
        ok = put_lines(rows);
    else
        ok = (!is_first || csv_names(stdout, columns)) && csv_rows(stdout, columns, rows);
    return ok && fflush(stdout) == 0;
}

/* The next page, and what comes behind it into `arguments`; false = that was the last, or the
 * answer has failed, or nobody reads any more. */
static bool export_page(const struct invocation *invocation, struct reach *reach, json_t *arguments,
                        struct answer *answer)
{
    bool is_first = json_object_get(arguments, "after") == NULL;
    reach_ask(reach, invocation->command->operation, arguments, answer);
    if (answer->exit != ADMIN_OK)
        return false;
    size_t n = json_array_size(answer->result);
    errno = 0;
    if (!put_page(invocation, answer->result, is_first)) {
        if (errno != EPIPE)
            answer_fail(answer, ADMIN_FAILED, "the rows could not be written");
        return false;
    }
    json_t *last = json_object_get(json_array_get(answer->result, n - 1), "request_id");
    return n == PAGE_ROWS && json_object_set(arguments, "after", last) == 0;
}

/* A reader that has seen enough, such as `head`, ends its writer by SIGPIPE, which says nothing. */
static void end_as_unread(void)
{
    if (signal(SIGPIPE, SIG_DFL) != SIG_ERR)
        (void)raise(SIGPIPE);
}

static int export_all(const struct invocation *invocation, json_t *arguments)
{
    struct answer answer;
    struct reach reach;
    int code = ADMIN_FAILED;
    answer_init(&answer);
    bool more = reach_open(&reach, invocation, &answer);
    while (more) {
        answer_release(&answer);
        answer_init(&answer);
        more = export_page(invocation, &reach, arguments, &answer);
    }
    code = (int)answer.exit;
    if (code != ADMIN_OK)
        code = run_tell(invocation, &answer);
    answer_release(&answer);
    reach_close(&reach);
    if (code == ADMIN_OK && ferror(stdout) != 0)
        end_as_unread();
    return code;
}

int run_usage_export(const struct invocation *invocation)
{
    struct buf why;
    buf_init(&why, 4096);
    json_t *arguments = invocation_arguments(invocation, &why);
    if (arguments == NULL ||
        json_object_set_new(arguments, "limit", json_integer(PAGE_ROWS)) != 0) {
        fprintf(stderr, "gateway: %.*s\n", (int)why.n, why.p != NULL ? why.p : "");
        buf_release(&why);
        json_decref(arguments);
        return ADMIN_USAGE;
    }
    buf_release(&why);
    int code = export_all(invocation, arguments);
    json_decref(arguments);
    return code;
}
