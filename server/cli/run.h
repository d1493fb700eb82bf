/* What the commands do.  Each returns the exit code of the program. */
#ifndef SERVER_CLI_RUN_H
#define SERVER_CLI_RUN_H

#include <jansson.h>
#include <stdbool.h>

#include "server/cli/parse.h"

struct answer;

/* run.c: an operation of the admin API, and its result on stdout. */
int run_operation(const struct invocation *invocation);
int run_key_create(const struct invocation *invocation);
/* Asks with the arguments of the command line, and prints what came of it. */
typedef void run_ask(const struct invocation *invocation, json_t *arguments, struct answer *answer);
int run_asked(const struct invocation *invocation, run_ask *ask);
/* Prints what came of an operation: the result on stdout, talk on stderr.  The exit code. */
int run_tell(const struct invocation *invocation, const struct answer *answer);
/* usage_export.c: page after page, so that memory stays flat. */
int run_usage_export(const struct invocation *invocation);
/* -s reload|stop */
int run_signal(const struct invocation *invocation);

/* pages.c */
int run_pages(const struct invocation *invocation);

/* database.c */
int run_db_backup(const struct invocation *invocation);
int run_db_check(const struct invocation *invocation);

/* provider_add.c */
int run_provider_add(const struct invocation *invocation);

/* start.c: the server itself, and -t, -T. */
int run_serve(const struct invocation *invocation);
int run_quickstart(const struct invocation *invocation);
int run_test(const struct invocation *invocation, bool show);
int run_version(const struct invocation *invocation);

/* help.c, manual.c, completion.c: what the tables say. */
int run_help(const struct invocation *invocation);
int run_man(const struct invocation *invocation);
int run_completion(const struct invocation *invocation);

#endif
