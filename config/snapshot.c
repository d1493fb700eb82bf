#include "config/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/key.h"

struct snapshot *snapshot_retain(struct snapshot *snapshot)
{
    CHECK(snapshot != NULL);
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

static void snapshot_free(struct snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->model_count; i++)
        model_release(&snapshot->models[i]);
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        provider_release(&snapshot->providers[i]);
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        free(snapshot->origins[i]);
    settings_release(&snapshot->settings);
    free(snapshot->models);
    free(snapshot->providers);
    free(snapshot->database_path);
    free(snapshot->socket_path);
    free(snapshot->file);
    free(snapshot);
}

void snapshot_drop(struct snapshot **snapshot)
{
    struct snapshot *dropped = *snapshot;
    *snapshot = NULL;
    if (dropped == NULL)
        return;
    /* The last holder must see what the others wrote before it frees. */
    if (atomic_fetch_sub_explicit(&dropped->references, 1, memory_order_acq_rel) == 1)
        snapshot_free(dropped);
}

const struct model *snapshot_model(const struct snapshot *snapshot, struct str name)
{
    unsigned from = 0;
    unsigned to = snapshot->model_count;
    while (from < to) {
        unsigned middle = from + (to - from) / 2;
        int order = str_cmp(name, str_of(snapshot->models[middle].name));
        if (order == 0)
            return &snapshot->models[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

const struct provider *snapshot_provider(const struct snapshot *snapshot, struct str name)
{
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        if (str_eq(name, str_of(snapshot->providers[i].name)))
            return &snapshot->providers[i];
    return NULL;
}

bool snapshot_allows_header(const struct snapshot *snapshot, struct str name)
{
    for (unsigned i = 0; snapshot->allows_headers && i < snapshot->provider_count; i++)
        if (word_list_have_nocase(&snapshot->providers[i].header_allow, name))
            return true;
    return false;
}

bool snapshot_uses_sandbox(const struct snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].enabled && provider_is_sandbox(&snapshot->providers[i]))
            return true;
    return false;
}

bool snapshot_uses_tls(const struct snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].enabled &&
            str_starts_nocase(str_of(snapshot->providers[i].base_url), STR("https:")))
            return true;
    return false;
}

/* Where the value comes from, as shown to people. */
static const char *origin_of(const struct snapshot *snapshot, const struct setting *setting)
{
    const char *origin = snapshot->origins[setting_index(setting)];
    return origin != NULL ? origin : "default";
}

bool snapshot_restart_list(const struct snapshot *now, const struct snapshot *next, struct buf *out)
{
    const struct setting *setting;
    const char *separator = "";
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (!setting_needs_restart(setting, &now->settings, &next->settings))
            continue;
        if (!buf_addf(out, "%s[%.*s] %.*s (%s)", separator, STR_ARG(setting_section(setting)),
                      STR_ARG(setting_name(setting)), origin_of(next, setting)))
            return false;
        separator = ", ";
    }
    return true;
}

static char *join(const char *folder, const char *name)
{
    struct buf path;
    size_t n = 0;
    buf_init(&path, 8192);
    char *result = NULL;
    bool has_slash = str_ends(str_of(folder), STR("/"));
    if (buf_addf(&path, "%s%s%s", folder, has_slash ? "" : "/", name))
        result = buf_take(&path, &n);
    buf_release(&path);
    return result;
}

char *snapshot_find_file(const char *file, const char *dir)
{
    static const char *const places[] = {"gateway-data/gateway.conf", "/etc/gateway/gateway.conf"};
    if (file != NULL)
        return str_dup(str_of(file));
    if (dir != NULL)
        return join(dir, "gateway.conf");
    const char *named = getenv("GATEWAY_CONFIG");
    if (named != NULL && named[0] != '\0')
        return str_dup(str_of(named));
    for (size_t i = 0; i < COUNT(places); i++)
        if (access(places[i], F_OK) == 0)
            return str_dup(str_of(places[i]));
    return NULL;
}

static bool show_settings(const struct snapshot *snapshot, struct buf *out)
{
    const struct setting *setting;
    struct str section = STR_EMPTY;
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (!str_eq(section, setting_section(setting))) {
            section = setting_section(setting);
            if (!buf_addf(out, "%s[%.*s]\n", i == 0 ? "" : "\n", STR_ARG(section)))
                return false;
        }
        if (!buf_addf(out, "# %s\n%.*s = ", origin_of(snapshot, setting),
                      STR_ARG(setting_name(setting))) ||
            !setting_show(&snapshot->settings, setting, out) || !buf_add_char(out, '\n'))
            return false;
    }
    return true;
}

/* The key is told to be there, never what it is. */
static bool show_provider(const struct provider *provider, struct buf *out)
{
    struct key_table table = provider_keys();
    if (!buf_addf(out, "\n[provider \"%s\"]\nbase_url = %s\n", provider->name, provider->base_url))
        return false;
    for (unsigned i = 0; i < provider->key_count; i++)
        if (!buf_add_str(out, STR("key = ***\n")))
            return false;
    for (unsigned i = 0; i < table.n; i++) {
        const struct key *key = &table.keys[i];
        if (key->kind != KEY_BASE_URL && key->kind != KEY_SECRET && !key_show(key, provider, out))
            return false;
    }
    return true;
}

/* In the order of the file, which has no meaning but eases comparing. */
static bool show_offers(const struct model *model, struct buf *out)
{
    for (unsigned i = 0; i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        if (!buf_addf(out, "offer = %s/%s priority=%d weight=%d\n", offer->provider->name,
                      offer->upstream_model, offer->priority, offer->weight))
            return false;
    }
    return true;
}

static bool show_endpoints(const char *name, uint32_t endpoints, struct buf *out)
{
    if (endpoints == 0)
        return true;
    bool ok = buf_addf(out, "%s =", name);
    for (unsigned i = 0; ok && i < ENDPOINT_COUNT; i++)
        if ((endpoints & 1u << i) != 0)
            ok = buf_addf(out, " %s", endpoint_name((enum endpoint)i));
    return ok && buf_add_char(out, '\n');
}

static bool show_model(const struct model *model, struct buf *out)
{
    struct key_table table = model_keys();
    if (!buf_addf(out, "\n[model \"%s\"]\n", model->name) ||
        !show_endpoints("endpoints", model->endpoints, out) ||
        !show_endpoints("default_for", model->default_for, out) || !show_offers(model, out))
        return false;
    for (unsigned i = 0; i < table.n; i++) {
        const struct key *key = &table.keys[i];
        if ((key->kind == KEY_COUNT || key->kind == KEY_TEXT || key->kind == KEY_WORDS) &&
            !key_show(key, model, out))
            return false;
    }
    for (unsigned i = 0; i < model->price.n; i++)
        if (!rate_show(&model->price.rates[i], out))
            return false;
    return true;
}

bool snapshot_show(const struct snapshot *snapshot, struct buf *out)
{
    CHECK(snapshot != NULL && out != NULL);
    if (!show_settings(snapshot, out))
        return false;
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        if (!show_provider(&snapshot->providers[i], out))
            return false;
    for (unsigned i = 0; i < snapshot->model_count; i++)
        if (!show_model(&snapshot->models[i], out))
            return false;
    return true;
}
