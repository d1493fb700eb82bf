/* provider add: a new file of conf.d, checked with the whole configuration before it stays.  The
 * running server checks it by reading it, where the key is to be found; without one this process
 * does. */
#include "server/cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/message.h"
#include "config/parse.h"
#include "config/provider.h"
#include "server/cli/drop_in.h"
#include "server/cli/reach.h"

#define TEXT_BYTES_MAX (256 * 1024)

/* --- what it will say --- */

/* A value as it stands; in quotes if it would not be read back so. */
static bool add_value(struct buf *text, const char *key, struct str value)
{
    bool plain = value.n == 0 || (value.p[0] != '"' && str_trim(value).n == value.n);
    bool ok = buf_addf(text, plain ? "%s = " : "%s = \"", key);
    if (plain)
        return ok && buf_add_str(text, value) && buf_add_char(text, '\n');
    for (size_t i = 0; ok && i < value.n; i++)
        ok = (strchr("\"\\", value.p[i]) == NULL || buf_add_char(text, '\\')) &&
             buf_add_char(text, value.p[i]);
    return ok && buf_add_str(text, STR("\"\n"));
}

/* A relative path is one of the caller's folder, not of the configuration's. */
static bool add_key_file(struct buf *text, const char *path)
{
    char *whole = realpath(path, NULL);
    bool ok = buf_addf(text, "key = file:%s\n", whole != NULL ? whole : path);
    free(whole);
    return ok;
}

static bool add_provider(const struct invocation *invocation, const char *name, struct buf *text)
{
    const char *const *values = invocation->values;
    bool ok = buf_addf(text,
                       "# Written by `gateway provider add`; yours to edit.  In force with "
                       "`gateway reload`.\n[provider \"%s\"]\n",
                       name) &&
              add_value(text, "base_url", str_of(values[OPT_url]));
    if (ok && values[OPT_key_env])
        ok = buf_addf(text, "key = env:%s\n", values[OPT_key_env]);
    if (ok && values[OPT_key_cred])
        ok = buf_addf(text, "key = cred:%s\n", values[OPT_key_cred]);
    if (ok && values[OPT_key_file])
        ok = add_key_file(text, values[OPT_key_file]);
    if (ok && values[OPT_allow_private])
        ok = buf_add_str(text, STR("allow_private = on\n"));
    return ok;
}

static bool add_prices(struct buf *text, struct str prices)
{
    struct str price;
    bool ok = true;
    while (ok && str_cut(&prices, ',', &price))
        ok = add_value(text, "price", str_trim(price));
    return ok;
}

static bool add_endpoints(struct buf *text, const char *endpoints)
{
    struct str rest = str_of(endpoints != NULL ? endpoints : "chat"), endpoint;
    bool ok = buf_add_str(text, STR("endpoints ="));
    while (ok && str_cut(&rest, ',', &endpoint))
        ok = buf_addf(text, " %.*s", STR_ARG(str_trim(endpoint)));
    return ok && buf_add_char(text, '\n');
}

static bool add_models(const struct invocation *invocation, const char *name, struct buf *text)
{
    const char *const *values = invocation->values;
    struct str rest = str_of(values[OPT_offered]), model;
    bool ok = true;
    while (ok && str_cut(&rest, ',', &model)) {
        model = str_trim(model);
        if (model.n > 0)
            ok = buf_addf(text, "\n[model \"%.*s\"]\n", STR_ARG(model)) &&
                 add_endpoints(text, values[OPT_served]) &&
                 buf_addf(text, "offer = %s/%.*s\n", name, STR_ARG(model)) &&
                 add_prices(text, str_of(values[OPT_price]));
    }
    return ok;
}

/* --- what is asked for --- */

/* A line end would begin another setting. */
static bool check_bytes(const struct invocation *invocation, struct answer *answer)
{
    for (unsigned id = 0; id < OPT_COUNT; id++) {
        const char *value = invocation->values[id];
        for (; value != NULL && *value != '\0'; value++) {
            if ((unsigned char)*value >= ' ' && *value != 0x7f)
                continue;
            answer_fail(answer, ADMIN_USAGE, "--%s holds a control character", option_at(id)->name);
            return false;
        }
    }
    return true;
}

static bool check_words(const struct invocation *invocation, const char *name,
                        struct answer *answer)
{
    const char *const *values = invocation->values;
    int keys = (values[OPT_key_env] != NULL) + (values[OPT_key_file] != NULL) +
               (values[OPT_key_cred] != NULL);
    const char *why = NULL;
    if (!provider_name_is_good(str_of(name)))
        why = "a provider's name has 1..64 letters, digits, - _ .";
    else if (values[OPT_url] == NULL)
        why = "--url is missing";
    else if (keys > 1)
        why = "the key is in one place: give one of --key-env, --key-file, --key-cred";
    else if (values[OPT_offered] != NULL && values[OPT_price] == NULL)
        why = "a model without a price cannot be used: give --price with --models";
    else if (values[OPT_offered] == NULL && (values[OPT_price] || values[OPT_served]))
        why = "--price and --endpoints are for the models of --models";
    if (why != NULL)
        answer_fail(answer, ADMIN_USAGE, "%s", why);
    return why == NULL && check_bytes(invocation, answer);
}

static bool check_target(const struct target *target, const struct drop_in *drop_in,
                         struct answer *answer)
{
    if (target->file == NULL)
        answer_fail(answer, ADMIN_USAGE, "provider add writes a file: give -c FILE or --dir DIR");
    else if (!drop_in->replace && target->snapshot != NULL &&
             snapshot_provider(target->snapshot, str_of(drop_in->name)) != NULL)
        answer_fail(answer, ADMIN_CONFLICT,
                    "provider \"%s\" is in the configuration already; --force replaces "
                    "conf.d/%s.conf",
                    drop_in->name, drop_in->name);
    else
        return true;
    return false;
}

/* --- the check --- */

static bool is_included(const struct target *target, const struct drop_in *drop_in)
{
    struct messages messages;
    struct parse parse;
    struct stat file, other;
    messages_init(&messages);
    parse_files(&parse, target->file, &messages);
    bool found = false, here = stat(drop_in->path, &file) == 0;
    for (unsigned i = 0; here && !found && i < parse.source_count; i++)
        found = stat(parse.sources[i].name, &other) == 0 && other.st_dev == file.st_dev &&
                other.st_ino == file.st_ino;
    parse_release(&parse);
    messages_release(&messages);
    return found;
}

static void check_here(const struct target *target, struct answer *answer)
{
    struct buf messages;
    buf_init(&messages, TEXT_BYTES_MAX);
    struct snapshot *snapshot = snapshot_load(target->file, &messages);
    struct str text = messages.n > 0 ? buf_str(&messages) : STR_EMPTY;
    if (snapshot == NULL)
        answer_fail(answer, ADMIN_BAD_CONFIG, "%.*s", STR_ARG(text));
    else
        answer->result = json_pack("{s:s%}", "messages", text.p, text.n);
    if (answer->result != NULL)
        answer->exit = ADMIN_OK;
    snapshot_drop(&snapshot);
    buf_release(&messages);
}

static void reload(const struct target *target, struct answer *answer)
{
    json_t *none = json_object();
    client_call(target->socket_path, "reload", none, answer);
    json_decref(none);
}

/* True when the configuration is good with the file; *state says since when it is in force. */
static bool check_with(const struct target *target, const struct drop_in *drop_in,
                       const char **state, struct answer *answer)
{
    if (!is_included(target, drop_in)) {
        answer_fail(answer, ADMIN_BAD_CONFIG,
                    "%s does not include %s: put the line \"include = conf.d/*.conf\" at its top",
                    target->file, drop_in->path);
        return false;
    }
    switch (client_probe(target->socket_path, NULL)) {
    case CLIENT_LISTENING:
        *state = "in force";
        reload(target, answer);
        break;
    case CLIENT_NOT_PERMITTED:
        answer_fail(answer, ADMIN_NOT_PERMITTED, "not permitted to use the admin socket %s",
                    target->socket_path);
        break;
    case CLIENT_NOBODY:
    case CLIENT_BAD_PATH:
        *state = "in force with the next start";
        check_here(target, answer);
        break;
    }
    return answer->exit == ADMIN_OK;
}

/* --- the command --- */

static void take_back(struct drop_in *drop_in)
{
    if (!drop_in_take_back(drop_in))
        fprintf(stderr, "gateway: the new file could not be taken back: look into conf.d\n");
}

static bool describe(const struct drop_in *drop_in, const char *state, struct answer *answer)
{
    json_t *result = answer->result;
    bool ok = json_object_set_new(result, "name", json_string(drop_in->name)) == 0 &&
              json_object_set_new(result, "file", json_string(drop_in->path)) == 0 &&
              json_object_set_new(result, "state", json_string(state)) == 0;
    if (!ok)
        answer_fail(answer, ADMIN_FAILED, "out of memory");
    return ok;
}

static void add_to(const struct target *target, struct drop_in *drop_in, struct str text,
                   struct answer *answer)
{
    const char *state = "";
    if (!check_target(target, drop_in, answer))
        return;
    drop_in->config = target->file;
    if (!drop_in_put(drop_in, text, answer)) {
        drop_in_release(drop_in);
        return;
    }
    if (check_with(target, drop_in, &state, answer) && describe(drop_in, state, answer))
        drop_in_keep(drop_in);
    else
        take_back(drop_in);
}

int run_provider_add(const struct invocation *invocation)
{
    const char *name = invocation->words[invocation->first_argument];
    struct drop_in drop_in = {.name = name, .replace = invocation_has(invocation, OPT_force)};
    struct target target = {.file = NULL};
    struct answer answer;
    struct buf text;
    answer_init(&answer);
    buf_init(&text, TEXT_BYTES_MAX);
    if (check_words(invocation, name, &answer)) {
        bool ok = add_provider(invocation, name, &text) &&
                  (!invocation->values[OPT_offered] || add_models(invocation, name, &text));
        if (!ok)
            answer_fail(&answer, ADMIN_FAILED, "out of memory");
        else if (target_find(&target, invocation, &answer))
            add_to(&target, &drop_in, buf_str(&text), &answer);
        target_release(&target);
    }
    int code = run_tell(invocation, &answer);
    if (code == ADMIN_BAD_CONFIG)
        fprintf(stderr, "gateway: the provider was not added\n");
    buf_release(&text);
    answer_release(&answer);
    return code;
}
