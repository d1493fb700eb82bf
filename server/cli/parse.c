#include "server/cli/parse.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>

/* Long options answer this plus their id, out of the way of letters. */
#define LONG_BASE 256

/* getopt's two tables.  Two rows of one name share an entry: which is meant shows with the
 * command. */
struct getopt_tables {
    struct option longs[OPT_COUNT + 2]; /* --version, and the end */
    char letters[2 * OPT_COUNT + 16];
};

static void fill_tables(struct getopt_tables *tables)
{
    memset(tables, 0, sizeof *tables);
    /* "-": words are reported in order; ":": a missing value is told apart. */
    static const char aliases[] = "-:tTvVs:";
    memcpy(tables->letters, aliases, sizeof aliases - 1);
    size_t letters = sizeof aliases - 1, n = 0;
    tables->longs[n++] = (struct option){"version", no_argument, NULL, 'V'};
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        const struct option_row *row = option_at(i);
        bool known = false;
        for (size_t j = 0; j < n; j++)
            known = known || strcmp(tables->longs[j].name, row->name) == 0;
        int has_value = row->kind == OPTION_FLAG ? no_argument : required_argument;
        if (!known)
            tables->longs[n++] = (struct option){row->name, has_value, NULL, LONG_BASE + (int)i};
        if (row->letter) {
            tables->letters[letters++] = row->letter;
            if (has_value == required_argument)
                tables->letters[letters++] = ':';
        }
    }
}

void why_add(struct buf *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = buf_addv(why, format, args);
    va_end(args);
    (void)ok;
}

static void say_unknown(struct buf *why, const char *what, const char *word, const char *nearest)
{
    why_add(why, "unknown %s \"%s\"", what, word);
    if (nearest)
        why_add(why, "; did you mean \"%s\"?", nearest);
}

static bool add_word(struct invocation *invocation, const char *word, struct buf *why)
{
    if (invocation->word_count == INVOCATION_WORDS_MAX) {
        why_add(why, "too many words, from \"%s\" on", word);
        return false;
    }
    invocation->words[invocation->word_count++] = word;
    return true;
}

/* getopt takes "--lim" for "--limit"; a script that does would break with the next option. */
static bool is_spelled_out(const char *given, const char *name)
{
    size_t n = strlen(name);
    return strncmp(given, "--", 2) != 0 ||
           (strncmp(given + 2, name, n) == 0 && (given[2 + n] == '\0' || given[2 + n] == '='));
}

static void say_unknown_option(struct buf *why, const char *given)
{
    char name[64];
    size_t n = strcspn(given, "=");
    n = n < sizeof name ? n : sizeof name - 1;
    memcpy(name, given, n);
    name[n] = '\0';
    const char *nearest = n > 2 ? command_nearest_option(name + 2) : NULL;
    why_add(why, "unknown option \"%s\"", name);
    if (nearest)
        why_add(why, "; did you mean \"--%s\"?", nearest);
}

static bool take_option(struct invocation *invocation, int id, const char *given, struct buf *why)
{
    const struct option_row *row = option_at((unsigned)id);
    if (!is_spelled_out(given, row->name)) {
        say_unknown_option(why, given);
        return false;
    }
    if (row->kind != OPTION_FLAG && invocation->values[id]) {
        why_add(why, "--%s is given twice", row->name);
        return false;
    }
    invocation->values[id] = row->kind == OPTION_FLAG ? "" : optarg;
    return true;
}

static int id_of_letter(int letter)
{
    for (unsigned i = 0; i < OPT_COUNT; i++)
        if (option_at(i)->letter == letter)
            return (int)i;
    return -1;
}

/* By its whole name, however it was given: last of several letters, or cut short. */
static void say_no_value(struct buf *why)
{
    int id = optopt >= LONG_BASE ? optopt - LONG_BASE : id_of_letter(optopt);
    if (id >= 0)
        why_add(why, "--%s needs a value", option_at((unsigned)id)->name);
    else
        why_add(why, "-%c needs a value", optopt);
}

/* One answer of getopt_long; `given` is the element of argv it came from. */
static bool take_answer(struct invocation *invocation, int answer, const char *given,
                        struct buf *why)
{
    switch (answer) {
    case 1:
        return add_word(invocation, optarg, why);
    case 't':
        invocation->mode = MODE_TEST;
        return true;
    case 'T':
        invocation->mode = MODE_SHOW;
        return true;
    case 'v':
    case 'V':
        if (!is_spelled_out(given, "version"))
            say_unknown_option(why, given);
        invocation->mode = MODE_VERSION;
        return is_spelled_out(given, "version");
    case 's':
        invocation->mode = MODE_SIGNAL;
        invocation->signal = optarg;
        return true;
    case ':':
        say_no_value(why);
        return false;
    case '?':
        if (optopt >= LONG_BASE)
            why_add(why, "option \"--%s\" takes no value",
                    option_at((unsigned)(optopt - LONG_BASE))->name);
        else
            say_unknown_option(why, given);
        return false;
    default:
        break;
    }
    int id = answer >= LONG_BASE ? answer - LONG_BASE : id_of_letter(answer);
    CHECK(id >= 0 && id < OPT_COUNT);
    return take_option(invocation, id, given, why);
}

/* "-5" is an amount, not an option. */
static bool is_negative_number(const char *word)
{
    return word[0] == '-' && ((word[1] >= '0' && word[1] <= '9') || word[1] == '.');
}

static bool read_words(struct invocation *invocation, int argc, char *const argv[], struct buf *why)
{
    struct getopt_tables tables;
    fill_tables(&tables);
    opterr = 0;
    optind = 0; /* makes the GNU getopt begin afresh */
    while (true) {
        int at = optind > 0 ? optind : 1;
        if (at > 1 && at < argc && is_negative_number(argv[at])) {
            if (!add_word(invocation, argv[optind++], why))
                return false;
            continue;
        }
        int answer = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
        if (answer == -1)
            break;
        if (!take_answer(invocation, answer, argv[at], why))
            return false;
    }
    while (optind < argc) /* behind "--" */
        if (!add_word(invocation, argv[optind++], why))
            return false;
    return true;
}

/* --- what the words mean --- */

static void say_verbs(struct buf *why, const char *noun)
{
    why_add(why, "\"%s\" needs a verb:", noun);
    const char *separator = " ";
    for (unsigned i = 0; command_at(i); i++) {
        if (strcmp(command_at(i)->noun, noun) != 0)
            continue;
        why_add(why, "%s%s", separator, command_at(i)->verb);
        separator = ", ";
    }
}

static bool find_command(struct invocation *invocation, struct buf *why)
{
    const char *noun = invocation->words[0];
    invocation->first_argument = 1;
    invocation->command = command_find(noun, "");
    if (invocation->command)
        return true;
    if (!command_noun_exists(noun)) {
        say_unknown(why, "command", noun, command_nearest_noun(noun));
        return false;
    }
    if (invocation->word_count < 2) {
        say_verbs(why, noun);
        return false;
    }
    const char *verb = invocation->words[1];
    invocation->first_argument = 2;
    invocation->command = command_find(noun, verb);
    if (!invocation->command) {
        why_add(why, "%s: ", noun);
        say_unknown(why, "command", verb, command_nearest_verb(noun, verb));
    }
    return invocation->command != NULL;
}

/* Moves the value of a shared name to the row that this command means. */
static bool settle_option(struct invocation *invocation, unsigned id)
{
    for (unsigned other = 0; other < OPT_COUNT; other++) {
        if (other == id || strcmp(option_at(other)->name, option_at(id)->name) != 0 ||
            !command_takes(invocation->command, (enum option_id)other))
            continue;
        invocation->values[other] = invocation->values[id];
        invocation->values[id] = NULL;
        return true;
    }
    return false;
}

static bool check_options(struct invocation *invocation, struct buf *why)
{
    const struct command *command = invocation->command;
    for (unsigned id = 0; id < OPT_COUNT; id++) {
        if (!invocation->values[id] || command_takes(command, (enum option_id)id) ||
            settle_option(invocation, id))
            continue;
        why_add(why, "%s%s%s takes no --%s", command->noun, command->verb[0] ? " " : "",
                command->verb, option_at(id)->name);
        return false;
    }
    return true;
}

static bool check_arity(const struct invocation *invocation, struct buf *why)
{
    const struct command *command = invocation->command;
    unsigned least, most;
    command_arity(command, &least, &most);
    unsigned n = invocation->word_count - invocation->first_argument;
    if (n >= least && n <= most)
        return true;
    const char *space = command->verb[0] ? " " : "";
    if (most == 0)
        why_add(why, "%s%s%s takes no argument, got \"%s\"", command->noun, space, command->verb,
                invocation->words[invocation->first_argument]);
    else
        why_add(why, "usage: gateway %s%s%s %s", command->noun, space, command->verb,
                command->arguments);
    return false;
}

bool invocation_parse(struct invocation *invocation, int argc, char *const argv[], struct buf *why)
{
    CHECK(argc >= 1);
    memset(invocation, 0, sizeof *invocation);
    invocation->program = argv[0];
    if (!read_words(invocation, argc, argv, why))
        return false;
    if (invocation->values[OPT_help] ||
        (invocation->mode == MODE_COMMAND && invocation->word_count == 0)) {
        invocation->mode = MODE_HELP;
        return true;
    }
    if (invocation->mode != MODE_COMMAND) {
        if (invocation->word_count > 0)
            why_add(why, "unexpected word \"%s\"", invocation->words[0]);
        return invocation->word_count == 0;
    }
    return find_command(invocation, why) && check_options(invocation, why) &&
           check_arity(invocation, why);
}

bool invocation_has(const struct invocation *invocation, enum option_id id)
{
    return invocation->values[id] != NULL;
}
