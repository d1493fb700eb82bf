#include "server/cli/help.h"

#include <stdio.h>
#include <string.h>

#include "server/admin/admin.h"
#include "server/cli/run.h"

#define TEXT_BYTES_MAX (256 * 1024)

static const char *space_before(const char *word)
{
    return *word ? " " : "";
}

bool help_add_option_name(struct buf *out, unsigned id)
{
    const struct option_row *row = option_at(id);
    CHECK(row != NULL);
    bool ok = !row->letter || buf_addf(out, "-%c, ", row->letter);
    return ok && buf_addf(out, "--%s%s%s", row->name, space_before(row->value), row->value);
}

/* One aligned line; a name that is too long has its text on the next. */
static bool add_line(struct buf *out, struct str name, const char *text)
{
    enum { NAME_WIDTH = 30 };
    if (name.n <= NAME_WIDTH)
        return buf_addf(out, "  %-*.*s  %s\n", NAME_WIDTH, STR_ARG(name), text);
    return buf_addf(out, "  %.*s\n  %*s  %s\n", STR_ARG(name), NAME_WIDTH, "", text);
}

static bool add_options(struct buf *out, uint64_t which)
{
    struct buf name;
    bool ok = true;
    buf_init(&name, 256);
    for (unsigned id = 0; ok && id < OPT_COUNT; id++) {
        if ((which & OPTION_BIT(id)) == 0)
            continue;
        buf_clear(&name);
        ok = help_add_option_name(&name, id) && add_line(out, buf_str(&name), option_at(id)->text);
    }
    buf_release(&name);
    return ok;
}

static bool add_examples(struct buf *out, const char *examples)
{
    struct str rest = str_of(examples), line;
    bool ok = buf_add_str(out, STR("Examples:\n"));
    while (ok && str_cut(&rest, '\n', &line))
        ok = buf_addf(out, "  gateway %.*s\n", STR_ARG(line));
    return ok;
}

static bool write_command(struct buf *out, const struct command *command)
{
    return add_examples(out, command->examples) &&
           buf_addf(out, "\nUsage: gateway %s%s%s%s%s%s\n\n%s\n", command->noun,
                    space_before(command->verb), command->verb, space_before(command->arguments),
                    command->arguments, command->options ? " [options]" : "", command->summary) &&
           (!command->options ||
            (buf_add_str(out, STR("\nOptions:\n")) && add_options(out, command->options))) &&
           buf_add_str(out, STR("\nGlobal options:\n")) && add_options(out, OPTIONS_GLOBAL);
}

/* One line for each command of the noun, or of all. */
static bool add_commands(struct buf *out, const char *noun)
{
    struct buf name;
    bool ok = true;
    buf_init(&name, 256);
    for (unsigned i = 0; ok && command_at(i); i++) {
        const struct command *command = command_at(i);
        if (noun && strcmp(command->noun, noun) != 0)
            continue;
        buf_clear(&name);
        ok = buf_addf(&name, "%s%s%s%s%s", command->noun, space_before(command->verb),
                      command->verb, space_before(command->arguments), command->arguments) &&
             add_line(out, buf_str(&name), command->summary);
    }
    buf_release(&name);
    return ok;
}

static bool write_noun(struct buf *out, const char *noun)
{
    return buf_addf(out, "Commands of \"%s\":\n", noun) && add_commands(out, noun) &&
           buf_addf(out, "\nMore about one: gateway help %s VERB\n", noun);
}

static bool write_all(struct buf *out)
{
    return add_examples(out, "quickstart\nkey create alice\nstatus\nhelp key create") &&
           buf_add_str(out, STR("\nUsage: gateway NOUN VERB [NAME] [options]\n\nCommands:\n")) &&
           add_commands(out, NULL) && buf_add_str(out, STR("\nGlobal options:\n")) &&
           add_options(out, OPTIONS_GLOBAL) && buf_add_str(out, STR("\nAliases:\n")) &&
           add_line(out, STR("-t, -T"), "check the configuration; -T prints it, secrets as ***") &&
           add_line(out, STR("-s reload|stop"), "make the running server do so") &&
           add_line(out, STR("-v, --version"), "print the version") &&
           buf_add_str(out, STR("\nExit codes: 0 ok, 1 failed, 2 usage or declined, 3 not found, "
                                "4 not permitted,\n5 conflict, 6 server unreachable or database "
                                "locked, 78 bad configuration.\n"));
}

bool help_write(struct buf *out, const char *noun, const char *verb)
{
    if (!noun)
        return write_all(out);
    const struct command *command = command_find(noun, verb ? verb : "");
    CHECK(command != NULL || (!verb && command_noun_exists(noun)));
    return command ? write_command(out, command) : write_noun(out, noun);
}

/* --- the commands --- */

static int print_text(struct buf *text, bool ok, FILE *out)
{
    ok = ok && fwrite(text->p, 1, text->n, out) == text->n;
    buf_release(text);
    return ok ? ADMIN_OK : ADMIN_FAILED;
}

static int say_unknown(const char *before, const char *word, const char *nearest)
{
    fprintf(stderr, "gateway: %sunknown command \"%s\"", before, word);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?", nearest);
    fputc('\n', stderr);
    return ADMIN_USAGE;
}

int run_help(const struct invocation *invocation)
{
    /* "help key create" has its words behind "help", "key create --help" has no such word. */
    const char *const *words = invocation->words + invocation->first_argument;
    unsigned n = invocation->word_count - invocation->first_argument;
    const char *noun = n > 0 ? words[0] : NULL, *verb = n > 1 ? words[1] : NULL;
    if (noun && !command_noun_exists(noun))
        return say_unknown("", noun, command_nearest_noun(noun));
    if (noun && command_find(noun, ""))
        verb = NULL; /* what follows is an argument */
    if (verb && !command_find(noun, verb))
        return say_unknown("", verb, command_nearest_verb(noun, verb));
    /* No word at all is a mistake, though one that help answers. */
    bool asked = invocation->word_count > 0 || invocation_has(invocation, OPT_help);
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    int code = print_text(&text, help_write(&text, noun, verb), asked ? stdout : stderr);
    return asked ? code : ADMIN_USAGE;
}

int run_man(const struct invocation *invocation)
{
    (void)invocation;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    return print_text(&text, manual_write(&text), stdout);
}

int run_completion(const struct invocation *invocation)
{
    (void)invocation;
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    return print_text(&text, completion_write_bash(&text), stdout);
}
