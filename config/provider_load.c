#include "config/section_load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "config/address_text.h"
#include "config/key.h"
#include "config/secret_reference.h"
#include "config/value.h"

/* The field that a key's row points to. */
#define FIELD_BASE_URL(name) base_url
#define FIELD_SECRET(name) name##s
#define FIELD_CHOICE(name) name
#define FIELD_HEADER(name) name
#define FIELD_PATHS(name) paths
#define FIELD_HEADERS(name) headers
#define FIELD_WORDS(name) name
#define FIELD_VIDEO(name) name
#define FIELD_ERRORS(name) errors
#define FIELD_QUERY(name) name
#define FIELD_NETWORKS(name) name
#define FIELD_TIME(name) name##_ms
#define FIELD_COUNT(name) name
#define FIELD_SWITCH(name) name

static const struct key keys[] = {
#define KEY(name_, kind_, default__, min_, max_, example_, text_)                                  \
    {.name = #name_,                                                                               \
     .default_ = default__,                                                                        \
     .example = example_,                                                                          \
     .text = text_,                                                                                \
     .range = {min_, max_},                                                                        \
     .offset = offsetof(struct provider, FIELD_##kind_(name_)),                                    \
     .kind = KEY_##kind_},
#include "config/provider.def"
#undef KEY
};
static_assert(COUNT(keys) <= KEYS_MAX, "seen[] has room for every key");
static_assert(sizeof(enum provider_auth) == sizeof(int) && sizeof(enum told_usage) == sizeof(int) &&
                  sizeof(enum accept_sse) == sizeof(int) &&
                  sizeof(enum embeddings_base64) == sizeof(int) &&
                  sizeof(enum content_mode) == sizeof(int),
              "key_set writes a choice as an int");

struct key_table provider_keys(void)
{
    return (struct key_table){keys, COUNT(keys)};
}

/* What the keys said that the provider does not hold. */
struct draft {
    struct provider *provider;
    const struct section *section;
    const struct entry *base_url; /* NULL: not given */
    const struct entry *header_allow;
    struct messages *messages;
    struct buf why;
};

static void report(struct draft *draft, const struct place *at)
{
    messages_error(draft->messages, at, "%.*s", STR_ARG(buf_str(&draft->why)));
}

static void take_path(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    if (provider_paths_add(&draft->provider->paths, entry->value, &at, &draft->why))
        return;
    const struct place place = entry_place(entry, at);
    report(draft, &place);
}

static void take_video(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    if (video_dialect_add(&draft->provider->video, entry->value, &at, &draft->why))
        return;
    const struct place place = entry_place(entry, at);
    report(draft, &place);
}

static void take_error(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    if (error_rules_add(&draft->provider->errors, entry->value, &at, &draft->why))
        return;
    const struct place place = entry_place(entry, at);
    report(draft, &place);
}

static void take_header_allow(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    struct word_list *words = &draft->provider->header_allow;
    draft->header_allow = entry;
    if (word_list_parse(entry->value, header_allow_check, words, &at, &draft->why))
        return;
    const struct place place = entry_place(entry, at);
    report(draft, &place);
}

/* base_url, key and header wait for the end: what is allowed depends on allow_private and enabled,
 * which may stand behind them. */
static void take_entry(struct draft *draft, const struct key *key, const struct entry *entry)
{
    if (key->kind == KEY_BASE_URL)
        draft->base_url = entry;
    else if (key->kind == KEY_PATHS)
        take_path(draft, entry);
    else if (key->kind == KEY_VIDEO)
        take_video(draft, entry);
    else if (key->kind == KEY_ERRORS)
        take_error(draft, entry);
    else if (key->kind == KEY_WORDS)
        take_header_allow(draft, entry);
    else if (key->kind == KEY_HEADERS || key->kind == KEY_SECRET)
        return;
    else if (!key_set(key, draft->provider, entry->value, &draft->why))
        report(draft, &entry->value_at);
}

/* In clear or to an inner address only where the operator said so: a key must not cross the
 * internet readable, nor a name be a way into the operator's network. */
static bool check_reach(struct draft *draft, const struct base_url *url)
{
    if (url->is_sandbox)
        return true;
    enum host_reach reach = host_reach(url->host);
    if (!url->is_tls && reach != HOST_PRIVATE)
        return explain(&draft->why, "http:// is for private addresses only; use https://");
    if (reach == HOST_PRIVATE && !draft->provider->allow_private)
        return explain(&draft->why, "\"%.*s\" is a private address; set allow_private = on",
                       SHORT_ARG(url->host));
    return true;
}

static void finish_base_url(struct draft *draft)
{
    struct base_url url = {.whole = STR_EMPTY};
    if (draft->base_url == NULL) {
        messages_error(draft->messages, &draft->section->at, "provider \"%.*s\" has no base_url",
                       SHORT_ARG(draft->section->name));
    } else if (!base_url_parse(draft->base_url->value, &url, &draft->why) ||
               !check_reach(draft, &url)) {
        report(draft, &draft->base_url->value_at);
        url.whole = STR_EMPTY;
    }
    draft->provider->base_url = str_dup(url.whole);
    if (draft->provider->base_url == NULL)
        messages_no_memory(draft->messages);
}

/* Nothing here may print the secret: only the reason that secret_read gives is shown. */
static void report_secret(struct draft *draft, enum secret_state state, const struct place *at)
{
    /* A provider that is switched off may wait for its key. */
    bool may_wait = state == SECRET_ABSENT && !draft->provider->enabled;
    if (state == SECRET_MALFORMED)
        report(draft, at);
    else if (state == SECRET_ABSENT)
        messages_add(draft->messages, may_wait ? SEVERITY_WARNING : SEVERITY_ERROR, at,
                     "%.*s (needed by provider \"%.*s\")", STR_ARG(buf_str(&draft->why)),
                     SHORT_ARG(draft->section->name));
}

static void finish_header(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    struct provider_headers *headers = &draft->provider->headers;
    enum secret_state state =
        provider_headers_add(headers, entry->value, entry->at.file, &at, &draft->why);
    const struct place place = entry_place(entry, at);
    report_secret(draft, state, &place);
}

/* Two of one name would contradict each other. */
static void check_header_allow(struct draft *draft)
{
    const struct word_list *words = &draft->provider->header_allow;
    for (unsigned i = 0; i < words->n; i++)
        if (provider_headers_have(&draft->provider->headers, str_of(words->list[i])))
            messages_error(draft->messages, &draft->header_allow->value_at,
                           "\"%s\" is set by header already", words->list[i]);
}

static uint64_t mark_of(const char *secret)
{
    uint64_t mark = 0;
    uint8_t hash[SECRET_HASH_SIZE];
    secret_hash(str_of(secret), hash);
    memcpy(&mark, hash, sizeof mark);
    return mark;
}

/* Takes the secret. */
static void add_key(struct draft *draft, const struct entry *entry, char *secret)
{
    struct provider *provider = draft->provider;
    const uint64_t mark = mark_of(secret);
    bool is_new = provider->key_count < PROVIDER_KEYS_MAX;
    for (unsigned i = 0; i < provider->key_count; i++)
        is_new = is_new && provider->keys[i].mark != mark;
    if (is_new) {
        provider->keys[provider->key_count++] = (struct provider_key){secret, mark};
        return;
    }
    messages_error(draft->messages, &entry->value_at, "%s (provider \"%.*s\")",
                   provider->key_count == PROVIDER_KEYS_MAX ? "too many keys"
                                                            : "this key is given already",
                   SHORT_ARG(draft->section->name));
    secret_wipe(secret, strlen(secret));
    free(secret);
}

static void finish_key(struct draft *draft, const struct entry *entry)
{
    char *secret = NULL;
    enum secret_state state = secret_read(entry->value, entry->at.file, &secret, &draft->why);
    report_secret(draft, state, &entry->value_at);
    if (secret != NULL)
        add_key(draft, entry, secret);
}

void provider_load(struct provider *provider, const struct section *section,
                   struct messages *messages)
{
    struct draft draft = {.provider = provider, .section = section, .messages = messages};
    const struct entry *seen[KEYS_MAX] = {NULL};
    buf_init(&draft.why, 4096);
    if (!provider_name_is_good(section->name))
        messages_error(messages, &section->at,
                       "\"%.*s\" is not a provider's name (want 1..%d letters, digits, - _ .)",
                       SHORT_ARG(section->name), PROVIDER_NAME_MAX);
    provider->name = str_dup(section->name);
    if (provider->name == NULL || !key_set_defaults(provider_keys(), provider))
        messages_no_memory(messages);
    for (unsigned i = 0; i < section->entry_count; i++) {
        const struct entry *entry = &section->entries[i];
        const struct key *key = key_of_entry(provider_keys(), section, entry, seen, messages);
        if (key != NULL)
            take_entry(&draft, key, entry);
    }
    finish_base_url(&draft);
    for (unsigned i = 0; i < section->entry_count; i++) {
        if (str_eq(section->entries[i].key, STR("header")))
            finish_header(&draft, &section->entries[i]);
        else if (str_eq(section->entries[i].key, STR("key")))
            finish_key(&draft, &section->entries[i]);
    }
    check_header_allow(&draft);
    if (!video_dialect_finish(&provider->video))
        messages_no_memory(messages);
    buf_release(&draft.why);
}
