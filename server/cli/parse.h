/* Parsing of the command line, over getopt_long: what was asked for, checked against the tables. */
#ifndef SERVER_CLI_PARSE_H
#define SERVER_CLI_PARSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "server/cli/command.h"

#define INVOCATION_WORDS_MAX 8

/* The aliases that stand in place of a command. */
enum invocation_mode {
    MODE_COMMAND,
    MODE_HELP,    /* of words[], or of everything */
    MODE_TEST,    /* -t */
    MODE_SHOW,    /* -T */
    MODE_VERSION, /* -v, -V */
    MODE_SIGNAL   /* -s SIGNAL */
};

/* Views into argv, which must outlive it. */
struct invocation {
    const char *program; /* argv[0] */
    enum invocation_mode mode;
    const struct command *command;
    const char *words[INVOCATION_WORDS_MAX]; /* noun, verb and arguments as typed */
    unsigned word_count;
    unsigned first_argument;       /* words[first_argument] is the command's first */
    const char *values[OPT_COUNT]; /* NULL = not given; "" for a flag */
    const char *signal;            /* of MODE_SIGNAL */
};

/* False with one line for people in *why (initialised by the caller) when the command line cannot
 * be understood: exit code 2. */
MUST_USE bool invocation_parse(struct invocation *invocation, int argc, char *const argv[],
                               struct buf *why);
bool invocation_has(const struct invocation *invocation, enum option_id id);
/* Adds to *why; what does not fit is left out, for nobody can be told about it. */
void why_add(struct buf *why, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
