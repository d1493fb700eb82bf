/* db backup and db check: operations, but for the check of a file that is no database in use. */
#include <stdlib.h>
#include <unistd.h>

#include "server/cli/reach.h"
#include "server/cli/run.h"
#include "store/books_check.h"

#define WHY_BYTES_MAX 4096

/* The server may run in another folder. */
static bool make_absolute(json_t *arguments, struct answer *answer)
{
    const char *path = json_string_value(json_object_get(arguments, "file"));
    if (path[0] == '/')
        return true;
    char *folder = getcwd(NULL, 0);
    json_t *absolute = folder != NULL ? json_sprintf("%s/%s", folder, path) : NULL;
    free(folder);
    if (json_object_set_new(arguments, "file", absolute) == 0)
        return true;
    answer_fail(answer, ADMIN_FAILED, "the current folder is not known");
    return false;
}

static void back_up(const struct invocation *invocation, json_t *arguments, struct answer *answer)
{
    if (make_absolute(arguments, answer))
        reach_call(invocation, "db backup", arguments, answer);
}

int run_db_backup(const struct invocation *invocation)
{
    return run_asked(invocation, back_up);
}

/* --- db check --- */

/* A backup is looked at in this process. */
static void check_file(const char *path, struct answer *answer)
{
    struct buf why;
    buf_init(&why, WHY_BYTES_MAX);
    answer->result = books_check_copy(path, &why);
    struct str text = buf_str(&why);
    if (answer->result != NULL)
        answer->exit = ADMIN_OK;
    else
        answer_fail(answer, ADMIN_FAILED, "%.*s", STR_ARG(text));
    buf_release(&why);
}

static void check(const struct invocation *invocation, json_t *arguments, struct answer *answer)
{
    const char *file = json_string_value(json_object_get(arguments, "file"));
    if (file != NULL)
        check_file(file, answer);
    else
        reach_call(invocation, "db check", arguments, answer);
}

int run_db_check(const struct invocation *invocation)
{
    return run_asked(invocation, check);
}
