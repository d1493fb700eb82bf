/* user list and key list: page after page of the admin API, so that no answer of the server is
 * long, told as one list. */
#include <string.h>

#include "server/cli/arguments.h"
#include "server/cli/reach.h"
#include "server/cli/run.h"

#define PAGE_ROWS 1000
#define WHY_BYTES_MAX 4096

/* What the next page begins behind. */
static json_t *place_of(const json_t *row)
{
    const json_t *name = json_object_get(row, "name");
    bool is_user = json_object_get(row, "hint") == NULL;
    return json_incref(is_user ? (json_t *)(uintptr_t)name : json_object_get(row, "id"));
}

/* Appends the next page; false = that was the last, or the answer has failed. */
static bool add_page(const struct invocation *invocation, struct reach *reach, json_t *arguments,
                     json_t *all, struct answer *answer)
{
    reach_ask(reach, invocation->command->operation, arguments, answer);
    if (answer->exit != ADMIN_OK)
        return false;
    size_t n = json_array_size(answer->result);
    if (json_array_extend(all, answer->result) != 0) {
        answer_fail(answer, ADMIN_FAILED, "out of memory");
        return false;
    }
    return n == PAGE_ROWS &&
           json_object_set_new(arguments, "after",
                               place_of(json_array_get(all, json_array_size(all) - 1))) == 0;
}

static bool is_revoked(const json_t *row)
{
    const char *state = json_string_value(json_object_get(row, "state"));
    return state != NULL && strcmp(state, "revoked") == 0;
}

/* What is of no more use comes last. */
static json_t *revoked_last(const json_t *rows)
{
    json_t *sorted = json_array();
    for (int revoked = 0; revoked <= 1; revoked++) {
        for (size_t i = 0; i < json_array_size(rows); i++) {
            json_t *row = json_array_get(rows, i);
            if (is_revoked(row) == (revoked != 0) && json_array_append(sorted, row) != 0) {
                json_decref(sorted);
                return NULL;
            }
        }
    }
    return sorted;
}

static void ask_all(const struct invocation *invocation, json_t *arguments, struct answer *answer)
{
    struct reach reach;
    json_t *all = json_array();
    bool more = reach_open(&reach, invocation, answer);
    while (more) {
        answer_release(answer);
        answer_init(answer);
        more = add_page(invocation, &reach, arguments, all, answer);
    }
    reach_close(&reach);
    if (answer->exit == ADMIN_OK) {
        json_decref(answer->result);
        answer->result = revoked_last(all);
        if (answer->result == NULL)
            answer_fail(answer, ADMIN_FAILED, "out of memory");
    }
    json_decref(all);
}

int run_pages(const struct invocation *invocation)
{
    struct buf why;
    struct answer answer;
    buf_init(&why, WHY_BYTES_MAX);
    answer_init(&answer);
    json_t *arguments = invocation_arguments(invocation, &why);
    struct str text = buf_str(&why);
    if (arguments == NULL)
        answer_fail(&answer, ADMIN_USAGE, "%.*s", STR_ARG(text));
    else if (json_object_set_new(arguments, "limit", json_integer(PAGE_ROWS)) == 0)
        ask_all(invocation, arguments, &answer);
    int code = run_tell(invocation, &answer);
    json_decref(arguments);
    answer_release(&answer);
    buf_release(&why);
    return code;
}
