#include "server/cli/help.h"

#include <string.h>

#include "server/cli/command.h"

static bool is_first_of_noun(unsigned at)
{
    for (unsigned i = 0; i < at; i++)
        if (strcmp(command_at(i)->noun, command_at(at)->noun) == 0)
            return false;
    return true;
}

static bool add_nouns(struct buf *out)
{
    bool ok = true;
    for (unsigned i = 0; ok && command_at(i); i++)
        if (is_first_of_noun(i))
            ok = buf_addf(out, "%s%s", i > 0 ? " " : "", command_at(i)->noun);
    return ok;
}

static bool add_verbs(struct buf *out, const char *noun)
{
    bool ok = true;
    const char *separator = "";
    for (unsigned i = 0; ok && command_at(i); i++) {
        const struct command *command = command_at(i);
        if (strcmp(command->noun, noun) != 0 || command->verb[0] == '\0')
            continue;
        ok = buf_addf(out, "%s%s", separator, command->verb);
        separator = " ";
    }
    return ok;
}

static bool add_options(struct buf *out, uint64_t which)
{
    bool ok = true;
    const char *separator = "";
    for (unsigned id = 0; ok && id < OPT_COUNT; id++) {
        if ((which & OPTION_BIT(id)) == 0)
            continue;
        ok = buf_addf(out, "%s--%s", separator, option_at(id)->name);
        separator = " ";
    }
    return ok;
}

/* case "$noun" in user) verbs="add list" ;; ... */
static bool add_verb_cases(struct buf *out)
{
    bool ok = true;
    for (unsigned i = 0; ok && command_at(i); i++) {
        const char *noun = command_at(i)->noun;
        if (!is_first_of_noun(i) || command_at(i)->verb[0] == '\0')
            continue;
        ok = buf_addf(out, "    %s) verbs=\"", noun) && add_verbs(out, noun) &&
             buf_add_str(out, STR("\" ;;\n"));
    }
    return ok;
}

/* case "$noun $verb" in "key create") options="--name ..." ;; ... */
static bool add_option_cases(struct buf *out)
{
    bool ok = true;
    for (unsigned i = 0; ok && command_at(i); i++) {
        const struct command *command = command_at(i);
        if (command->options == 0)
            continue;
        ok = buf_addf(out, "    \"%s %s\"%s) options=\"$options ", command->noun, command->verb,
                      command->verb[0] ? "" : "*") &&
             add_options(out, command->options) && buf_add_str(out, STR("\" ;;\n"));
    }
    return ok;
}

/* The words that are no options are found first, since options may stand anywhere. */
bool completion_write_bash(struct buf *out)
{
    return buf_add_str(out, STR("# bash completion of gateway; made by: gateway completion bash\n"
                                "_gateway() {\n"
                                "    local word=${COMP_WORDS[COMP_CWORD]}\n"
                                "    local noun= verb= verbs= options=\"")) &&
           add_options(out, OPTIONS_GLOBAL) &&
           buf_add_str(out,
                       STR("\" i\n"
                           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                           "        case ${COMP_WORDS[i]} in\n"
                           "        -c | --config | --dir | --socket) i=$((i + 1)) ;;\n"
                           "        -*) ;;\n"
                           "        *) if [[ -z $noun ]]; then noun=${COMP_WORDS[i]}\n"
                           "           elif [[ -z $verb ]]; then verb=${COMP_WORDS[i]}; fi ;;\n"
                           "        esac\n"
                           "    done\n"
                           "    case $noun in\n")) &&
           add_verb_cases(out) &&
           buf_add_str(out, STR("    esac\n"
                                "    case \"$noun $verb\" in\n")) &&
           add_option_cases(out) &&
           buf_add_str(out, STR("    esac\n"
                                "    if [[ $word == -* ]]; then\n"
                                "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
                                "    elif [[ -z $noun ]]; then\n"
                                "        COMPREPLY=($(compgen -W \"")) &&
           add_nouns(out) &&
           buf_add_str(out, STR("\" -- \"$word\"))\n"
                                "    elif [[ -z $verb ]]; then\n"
                                "        COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\"))\n"
                                "    fi\n"
                                "}\n"
                                "complete -o default -F _gateway gateway\n"));
}
