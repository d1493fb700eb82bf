#include "server/cli/command.h"

#include <assert.h>
#include <string.h>

#include "server/cli/run.h"

static const struct option_row options[] = {
#define OPTION(id, name, letter, kind, value, member, text)                                        \
    {name, letter, OPTION_##kind, value, member, text},
#include "server/cli/option.def"
#undef OPTION
};
static_assert(COUNT(options) == OPT_COUNT && OPT_COUNT <= 64, "an option is a bit of a uint64_t");

#define USAGE_COLUMNS                                                                              \
    "request_id ts user key_id group endpoint model provider upstream_model stream status reason " \
    "end attempts counters source bill ratio user_ratio hold charge given_back flags t_first_ms "  \
    "t_total_ms"
#define GROUP_STATE                                                                                \
    "models {models}, endpoints {endpoints}, ratio {ratio}, quota {quota}, "                       \
    "user quota {user_quota}, enabled {enabled}"
#define O(id) OPTION_BIT(OPT_##id)
static const struct command commands[] = {
#define COMMAND(noun, verb, arguments, options, operation, run, summary, columns, changed, next,   \
                danger, examples)                                                                  \
    {noun,    verb,    arguments, options, operation, run,                                         \
     summary, columns, changed,   next,    danger,    examples},
#include "server/cli/command.def"
#undef COMMAND
};
#undef O
#undef GROUP_STATE
#undef USAGE_COLUMNS

const struct option_row *option_at(unsigned i)
{
    return i < COUNT(options) ? &options[i] : NULL;
}

const struct command *command_at(unsigned i)
{
    return i < COUNT(commands) ? &commands[i] : NULL;
}

const struct command *command_find(const char *noun, const char *verb)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].noun, noun) == 0 && strcmp(commands[i].verb, verb) == 0)
            return &commands[i];
    return NULL;
}

bool command_noun_exists(const char *noun)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].noun, noun) == 0)
            return true;
    return false;
}

bool command_takes(const struct command *command, enum option_id id)
{
    return ((command->options | OPTIONS_GLOBAL) & OPTION_BIT(id)) != 0;
}

void command_arity(const struct command *command, unsigned *least, unsigned *most)
{
    struct str rest = str_of(command->arguments), word;
    *least = *most = 0;
    while (str_cut(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        *most += 1;
        if (word.p[0] != '[')
            *least += 1;
    }
}

/* --- did you mean --- */

struct nearest {
    const char *word;
    unsigned distance;
};

/* At most two edits, and fewer than the word has letters: "xy" is near to nothing. */
static void nearest_try(struct nearest *best, const char *typed, const char *word)
{
    size_t n = strlen(typed);
    unsigned distance = str_distance(str_of(typed), str_of(word));
    if (*word != '\0' && distance <= 2 && distance < n && distance < best->distance)
        *best = (struct nearest){word, distance};
}

const char *command_nearest_noun(const char *word)
{
    struct nearest best = {NULL, 3};
    for (size_t i = 0; i < COUNT(commands); i++)
        nearest_try(&best, word, commands[i].noun);
    return best.word;
}

const char *command_nearest_verb(const char *noun, const char *word)
{
    struct nearest best = {NULL, 3};
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].noun, noun) == 0)
            nearest_try(&best, word, commands[i].verb);
    return best.word;
}

const char *command_nearest_option(const char *name)
{
    struct nearest best = {NULL, 3};
    for (size_t i = 0; i < COUNT(options); i++)
        nearest_try(&best, name, options[i].name);
    return best.word;
}
