#include "server/quickstart_text.h"

#include <string.h>

#define MODELS_SHOWN_MAX 6

/* --- gateway.conf --- */

static const char config_head[] =
    "# Written by `gateway quickstart`; yours to edit.  Check it with `gateway -t`, put it in "
    "force\n"
    "# with `gateway reload`.  Users, keys and balances are in the database, not here.\n"
    "\n"
    "# Where `gateway provider add` writes.\n"
    "include = conf.d/*.conf\n"
    "\n"
    "[server]\n";

static const char config_rest[] =
    "\n"
    "[database]\n"
    "path = gateway.db\n"
    "\n"
    "[admin]\n"
    "socket = admin.sock\n"
    "\n"
    "# The sandbox is a small upstream inside the program: it needs no provider key, and its "
    "answers\n"
    "# say that they are a sandbox.  Remove it, and its models, before real use.\n"
    "[provider \"sandbox\"]\n"
    "base_url = builtin:sandbox\n"
    "\n"
    "# Prices are in USD.  Users are charged by them whichever provider answers.\n"
    "[model \"gpt-4o-mini\"]\n"
    "endpoints = chat responses completions\n"
    "offer = sandbox/gpt-4o-mini\n"
    "max_output = 16384\n"
    "price = in_text 0.15 per 1M tokens\n"
    "price = in_cached 0.075 per 1M tokens\n"
    "price = out_text 0.60 per 1M tokens\n"
    "\n"
    "[model \"text-embedding-3-small\"]\n"
    "endpoints = embeddings\n"
    "offer = sandbox/text-embedding-3-small\n"
    "price = in_text 0.02 per 1M tokens\n"
    "\n"
    "[model \"gpt-image-1\"]\n"
    "endpoints = images\n"
    "offer = sandbox/gpt-image-1\n"
    "price = in_text 5.00 per 1M tokens\n"
    "price = in_image 10.00 per 1M tokens\n"
    "price = out_image 40.00 per 1M tokens\n"
    "\n"
    "[model \"tts-1\"]\n"
    "endpoints = speech\n"
    "offer = sandbox/tts-1\n"
    "price = characters 15.00 per 1M characters\n"
    "\n"
    "[model \"whisper-1\"]\n"
    "endpoints = transcription translation\n"
    "offer = sandbox/whisper-1\n"
    "price = audio_ms 0.006 per minute quantum=1s\n"
    "\n"
    "[model \"rerank-1\"]\n"
    "endpoints = rerank\n"
    "offer = sandbox/rerank-1\n"
    "price = search_units 0.002 per search\n"
    "\n"
    "[model \"omni-moderation-latest\"]\n"
    "endpoints = moderation\n"
    "default_for = moderation\n"
    "offer = sandbox/omni-moderation-latest\n"
    "price = requests 0 per request\n"
    "\n"
    "[model \"video-ds-2.0-fast\"]\n"
    "endpoints = video\n"
    "offer = sandbox/video-ds-2.0-fast\n"
    "video_seconds = 15\n"
    "price = video_ms 0.02 per second\n"
    "\n"
    "# A real provider: remove the leading \"# \" of these lines, and give the key to the server "
    "in\n"
    "# its environment (or as file:/path; a key itself may not stand in this file).  Offers of\n"
    "# priority 2 are used when those of priority 1 fail.\n"
    "#\n"
    "# [provider \"openai\"]\n"
    "# base_url = https://api.openai.com/v1\n"
    "# key = env:OPENAI_API_KEY\n"
    "#\n"
    "# [model \"gpt-4o\"]\n"
    "# endpoints = chat\n"
    "# offer = openai/gpt-4o priority=1\n"
    "# max_output = 16384\n"
    "# price = in_text 2.50 per 1M tokens\n"
    "# price = in_cached 1.25 per 1M tokens\n"
    "# price = out_text 10.00 per 1M tokens\n"
    "\n"
    "# Models that fail on purpose, to see how a client takes it.\n";

/* The sandbox knows these names itself. */
struct fault_model {
    const char *name, *what, *use;
};

static const char chat_use[] = "endpoints = chat\n"
                               "price = in_text 0.15 per 1M tokens\n"
                               "price = out_text 0.60 per 1M tokens\n";
static const char video_use[] = "endpoints = video\n"
                                "price = video_ms 0.02 per second\n";

static const struct fault_model fault_models[] = {
    {"sandbox-429", "The upstream answers 429, too many requests.", chat_use},
    {"sandbox-slow", "The first word takes two seconds, and the others their time.", chat_use},
    {"sandbox-cut", "The upstream breaks off behind the first words.", chat_use},
    {"sandbox-hang", "The upstream never answers.", chat_use},
    {"sandbox-fail", "The upstream makes nothing of a video, which is given back.", video_use},
};

bool quickstart_config(struct buf *out, const char *listen)
{
    bool ok = buf_add_str(out, str_of(config_head)) && buf_addf(out, "listen = %s\n", listen) &&
              buf_add_str(out, str_of(config_rest));
    for (size_t i = 0; ok && i < COUNT(fault_models); i++)
        ok = buf_addf(out,
                      "\n# %s\n"
                      "[model \"%s\"]\n"
                      "offer = sandbox/%s\n"
                      "%s",
                      fault_models[i].what, fault_models[i].name, fault_models[i].name,
                      fault_models[i].use);
    return ok;
}

/* --- the block --- */

/* A path as a shell takes it: quoted only where it needs to be. */
static bool add_shell_word(struct buf *out, const char *word)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "._-/+:@%,=~";
    if (*word != '\0' && *word != '~' && word[strspn(word, plain)] == '\0')
        return buf_add_str(out, str_of(word));
    bool ok = buf_add_char(out, '\'');
    for (const char *p = word; ok && *p; p++)
        ok = *p == '\'' ? buf_add_str(out, STR("'\\''")) : buf_add_char(out, *p);
    return ok && buf_add_char(out, '\'');
}

/* "build/gateway reload", with --dir where the folder is not the one looked for anyway. */
static bool add_command(struct buf *out, const struct quickstart_block *block, const char *words)
{
    bool ok = add_shell_word(out, block->program) && buf_addf(out, " %s", words);
    if (ok && !block->default_dir)
        ok = buf_add_str(out, STR(" --dir ")) && add_shell_word(out, block->dir);
    return ok;
}

static bool is_sandbox_model(const struct model *model)
{
    for (unsigned i = 0; i < model->offer_count; i++)
        if (!provider_is_sandbox(model->offers[i].provider))
            return false;
    return true;
}

static bool add_models(struct buf *out, const struct snapshot *snapshot)
{
    bool all_sandbox = snapshot->model_count > 0;
    bool ok = true;
    for (unsigned i = 0; ok && i < snapshot->model_count; i++) {
        all_sandbox = all_sandbox && is_sandbox_model(&snapshot->models[i]);
        if (i < MODELS_SHOWN_MAX)
            ok = buf_addf(out, "%s%s", i > 0 ? "  " : "", snapshot->models[i].name);
    }
    if (ok && snapshot->model_count > MODELS_SHOWN_MAX)
        ok = buf_add_str(out, STR("  \xe2\x80\xa6"));
    if (ok && all_sandbox)
        ok = buf_add_str(out, STR("  -> built-in sandbox, no provider key needed"));
    return ok;
}

/* The model of the command to try: one whose name needs no quoting in JSON or in a shell. */
static const char *model_to_try(const struct snapshot *snapshot)
{
    const char *chosen = "gpt-4o-mini";
    if (snapshot_model(snapshot, STR("gpt-4o-mini")))
        return chosen;
    for (unsigned i = 0; i < snapshot->model_count; i++) {
        const struct model *model = &snapshot->models[i];
        if (model_serves(model, ENDPOINT_chat) && !strpbrk(model->name, "'\"\\"))
            return model->name;
    }
    return chosen;
}

static bool add_head(struct buf *out, const struct quickstart_block *block)
{
    static const char scheme[] = "http://";
    size_t skip = strncmp(block->url, scheme, sizeof scheme - 1) == 0 ? sizeof scheme - 1 : 0;
    bool ok = buf_addf(out,
                       "gateway %s   data %s (%s)   listening on %s\n\n"
                       "  Base URL   %s/v1\n"
                       "  API key    ",
                       GATEWAY_VERSION, block->dir, block->is_new ? "new" : "kept",
                       block->url + skip, block->url);
    if (ok && block->key[0] != '\0')
        ok = buf_addf(out, "%s   (shown once)", block->key);
    else if (ok)
        ok = buf_add_str(out, STR("made by an earlier run; for another: ")) &&
             add_command(out, block, "key create quickstart");
    return ok && buf_add_str(out, STR("\n  Models     ")) && add_models(out, block->snapshot) &&
           buf_add_char(out, '\n');
}

static bool add_trial(struct buf *out, const struct quickstart_block *block)
{
    bool ok = buf_add_str(out, STR("\nTry it:\n  export NEW_API_KEY="));
    if (ok && block->key[0] != '\0')
        ok = buf_add_str(out, str_of(block->key));
    else if (ok)
        ok = buf_add_str(out, STR("$(")) && add_command(out, block, "key create quickstart") &&
             buf_add_char(out, ')');
    return ok &&
           buf_addf(
               out,
               "\n  curl -N %s/v1/chat/completions -H \"Authorization: Bearer $NEW_API_KEY\" \\\n"
               "    -H \"Content-Type: application/json\" \\\n"
               "    -d '{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Say "
               "hello.\"}],\"stream\":true}'\n",
               block->url, model_to_try(block->snapshot));
}

bool quickstart_block_write(struct buf *out, const struct quickstart_block *block)
{
    const char *dir = strncmp(block->dir, "./", 2) == 0 ? block->dir + 2 : block->dir;
    return add_head(out, block) && add_trial(out, block) &&
           buf_addf(
               out,
               "\nAdd a real provider: edit %s/gateway.conf (an example stands inside), then: ",
               dir) &&
           add_command(out, block, "reload") && buf_add_char(out, '\n');
}
