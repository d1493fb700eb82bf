/* The tables of commands and options (command.def, option.def) as data. */
#ifndef SERVER_CLI_COMMAND_H
#define SERVER_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST,
    OPTION_COUNT,
    OPTION_PERIOD,
    OPTION_SWITCH
};

enum option_id {
#define OPTION(id, name, letter, kind, value, member, text) OPT_##id,
#include "server/cli/option.def"
#undef OPTION
    OPT_COUNT
};

#define OPTION_BIT(id) (UINT64_C(1) << (id))

struct option_row {
    const char *name; /* two rows may share one: a command takes at most one of them */
    char letter;      /* 0 = none */
    enum option_kind kind;
    const char *value, *member, *text;
};

struct invocation;

struct command {
    const char *noun, *verb, *arguments;
    uint64_t options; /* OPTION_BITs, without the global ones */
    const char *operation;
    int (*run)(const struct invocation *invocation); /* returns the exit code */
    const char *summary, *columns, *changed, *next;
    bool danger;
    const char *examples;
};

/* Those that every command takes. */
#define OPTIONS_GLOBAL                                                                             \
    (OPTION_BIT(OPT_config) | OPTION_BIT(OPT_dir) | OPTION_BIT(OPT_socket) |                       \
     OPTION_BIT(OPT_json) | OPTION_BIT(OPT_yes) | OPTION_BIT(OPT_help))

const struct option_row *option_at(unsigned i); /* NULL behind the last */
const struct command *command_at(unsigned i);   /* NULL behind the last */
/* Both words must fit; verb "" for commands of one word.  NULL when there is none. */
const struct command *command_find(const char *noun, const char *verb);
bool command_noun_exists(const char *noun);
/* The command takes the option: its own or global. */
bool command_takes(const struct command *command, enum option_id id);
/* How many arguments it must and may have. */
void command_arity(const struct command *command, unsigned *least, unsigned *most);

/* For "did you mean": the nearest noun, verb of a noun, or option name; NULL when none is near. */
const char *command_nearest_noun(const char *word);
const char *command_nearest_verb(const char *noun, const char *word);
const char *command_nearest_option(const char *name);

#endif
