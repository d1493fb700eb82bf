#include "server/cli/help.h"

#include <string.h>

#include "server/cli/command.h"

/* Roff reads '\', a leading '.' or ''' and a bare '-' in its own way. */
static bool add_roff(struct buf *out, struct str text)
{
    bool ok = true, line_start = true;
    for (size_t i = 0; ok && i < text.n; i++) {
        char c = text.p[i];
        if (line_start && (c == '.' || c == '\''))
            ok = buf_add_str(out, STR("\\&"));
        if (c == '\\')
            ok = ok && buf_add_str(out, STR("\\e"));
        else if (c == '-')
            ok = ok && buf_add_str(out, STR("\\-"));
        else if (c == '\'')
            ok = ok && buf_add_str(out, STR("\\(aq"));
        else
            ok = ok && buf_add_char(out, c);
        line_start = c == '\n';
    }
    return ok;
}

static bool add_line(struct buf *out, const char *request, const char *text)
{
    return buf_add_str(out, str_of(request)) && add_roff(out, str_of(text)) &&
           buf_add_char(out, '\n');
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
        ok = help_add_option_name(&name, id) && buf_add_str(out, STR(".TP\n.B ")) &&
             add_roff(out, buf_str(&name)) && buf_add_char(out, '\n') &&
             add_line(out, "", option_at(id)->text);
    }
    buf_release(&name);
    return ok;
}

static bool add_examples(struct buf *out, const char *examples)
{
    struct str rest = str_of(examples), line;
    bool ok = buf_add_str(out, STR(".PP\n.EX\n"));
    while (ok && str_cut(&rest, '\n', &line))
        ok = buf_add_str(out, STR("gateway ")) && add_roff(out, line) && buf_add_char(out, '\n');
    return ok && buf_add_str(out, STR(".EE\n"));
}

static bool add_command(struct buf *out, const struct command *command)
{
    struct buf title;
    buf_init(&title, 256);
    bool ok = buf_addf(&title, "gateway %s%s%s%s%s", command->noun, command->verb[0] ? " " : "",
                       command->verb, command->arguments[0] ? " " : "", command->arguments) &&
              buf_add_str(out, STR(".SS ")) && add_roff(out, buf_str(&title)) &&
              buf_add_char(out, '\n') && add_line(out, "", command->summary) &&
              add_examples(out, command->examples) && add_options(out, command->options);
    buf_release(&title);
    return ok;
}

static bool add_exit_codes(struct buf *out)
{
    return buf_add_str(out, STR(".SH EXIT STATUS\n.TP\n0\nOk.\n.TP\n1\nFailed.\n"
                                ".TP\n2\nUsage, or declined.\n.TP\n3\nNot found.\n"
                                ".TP\n4\nNot permitted.\n"
                                ".TP\n5\nConflict: exists, or is in use.\n"
                                ".TP\n6\nServer unreachable, or database locked.\n"
                                ".TP\n78\nBad configuration.\n"
                                ".TP\n130\nInterrupted.\n"));
}

bool manual_write(struct buf *out)
{
    bool ok =
        buf_addf(out, ".TH GATEWAY 1 \"\" \"gateway %s\" \"\"\n", GATEWAY_VERSION) &&
        buf_add_str(out, STR(".SH NAME\ngateway \\- relay gateway for OpenAI-compatible model "
                             "APIs\n.SH SYNOPSIS\n.B gateway\nNOUN VERB [NAME] [options]\n"
                             ".br\n.B gateway\n\\-t | \\-T | \\-v | \\-s reload|stop\n"
                             ".SH DESCRIPTION\nOne program serves and operates.  Commands "
                             "speak to the running server over its admin socket;\nwhen none "
                             "runs, they do their work on the database themselves.\n"
                             ".SH OPTIONS\nThese stand with any command.\n")) &&
        add_options(out, OPTIONS_GLOBAL) &&
        buf_add_str(out, STR(".TP\n.B \\-t\nCheck the configuration.\n"
                             ".TP\n.B \\-T\nThe same, and print it, secrets as ***.\n"
                             ".TP\n.B \\-v, \\-\\-version\nPrint the version.\n"
                             ".TP\n.B \\-s reload|stop\nMake the running server do so.\n"
                             ".SH COMMANDS\n"));
    for (unsigned i = 0; ok && command_at(i); i++)
        ok = add_command(out, command_at(i));
    return ok && add_exit_codes(out) &&
           buf_add_str(out, STR(".SH FILES\n.I ./gateway\\-data/gateway.conf\n.br\n"
                                ".I /etc/gateway/gateway.conf\n"
                                ".SH ENVIRONMENT\n.TP\n.B GATEWAY_CONFIG\n"
                                "The configuration file, when neither \\-c nor \\-\\-dir is "
                                "given.\n"));
}
