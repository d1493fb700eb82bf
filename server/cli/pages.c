/* user list and key list: page after page of the admin API, so that no answer of the server is
 * long, told as one list. */
#include <string.h>

#include "server/cli/reach.h"
#include "server/cli/run.h"

#define PAGE_ROWS 1000

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
    /* Users are in the order of their names, keys of their ids. */
    const char *place = strcmp(invocation->command->noun, "user") == 0 ? "name" : "id";
    json_t *last = json_object_get(json_array_get(answer->result, n - 1), place);
    return n == PAGE_ROWS && json_object_set(arguments, "after", last) == 0;
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
    bool more = json_object_set_new(arguments, "limit", json_integer(PAGE_ROWS)) == 0 &&
                reach_open(&reach, invocation, answer);
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
    return run_asked(invocation, ask_all);
}
