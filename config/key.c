#include "config/key.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/address_text.h"
#include "config/error_rule.h"
#include "config/provider_header.h"
#include "config/provider_path.h"
#include "config/video_dialect.h"
#include "config/word_list.h"

/* The order of the words is that of the field's enumeration. */
static const struct {
    const char *name;
    const char *words[4];
} choices[] = {
    {"auth", {"bearer", "api-key", "x-api-key"}},
    {"usage_dialect", {"openai", "xai", "anthropic"}},
    {"accept_sse", {"auto", "force"}},
    {"embeddings_base64", {"native", "convert", "strip"}},
    {"content_mode", {"relay", "redirect"}},
};

static const char *const *words_of(const struct key *key)
{
    for (size_t i = 0; i < COUNT(choices); i++)
        if (strcmp(choices[i].name, key->name) == 0)
            return choices[i].words;
    CHECK(key->kind != KEY_CHOICE);
    return NULL;
}

bool key_is_list(const struct key *key)
{
    return key->kind == KEY_OFFERS || key->kind == KEY_PRICES || key->kind == KEY_PATHS ||
           key->kind == KEY_HEADERS || key->kind == KEY_VIDEO || key->kind == KEY_ERRORS ||
           key->kind == KEY_SECRET;
}

/* Kinds that key_set knows; the others need more than their own value. */
static bool is_scalar(const struct key *key)
{
    return key->kind != KEY_BASE_URL && key->kind != KEY_ENDPOINTS && key->kind != KEY_WORDS &&
           !key_is_list(key);
}

/* Only keys of this section are suggested. */
static void report_unknown(struct key_table table, const struct section *section,
                           const struct entry *entry, struct messages *messages)
{
    struct nearest nearest = {.word = entry->key};
    for (unsigned i = 0; i < table.n; i++)
        nearest_offer(&nearest, table.keys[i].name);
    if (nearest.name == NULL)
        messages_error(messages, &entry->at, "unknown key \"%.*s\" in [%.*s \"%.*s\"]",
                       SHORT_ARG(entry->key), SHORT_ARG(section->kind), SHORT_ARG(section->name));
    else
        messages_error(messages, &entry->at,
                       "unknown key \"%.*s\" in [%.*s \"%.*s\"]; did you mean \"%s\"?",
                       SHORT_ARG(entry->key), SHORT_ARG(section->kind), SHORT_ARG(section->name),
                       nearest.name);
}

const struct key *key_of_entry(struct key_table table, const struct section *section,
                               const struct entry *entry, const struct entry **seen,
                               struct messages *messages)
{
    unsigned i = 0;
    while (i < table.n && !str_eq(entry->key, str_of(table.keys[i].name)))
        i++;
    if (i == table.n) {
        report_unknown(table, section, entry, messages);
        return NULL;
    }
    const struct key *key = &table.keys[i];
    if (seen[i] == NULL) {
        seen[i] = entry;
        /* The table is a view of constant rows. */
        /* cppcheck-suppress returnDanglingLifetime */
        return key;
    }
    if (key_is_list(key)) {
        /* cppcheck-suppress returnDanglingLifetime */
        return key;
    }
    messages_error(messages, &entry->at, "\"%s\" is set twice; the first is at line %u", key->name,
                   seen[i]->at.line);
    return NULL;
}

static bool set_copy(char **field, struct str value, struct buf *why)
{
    char *copy = str_dup(value);
    if (copy == NULL)
        return explain(why, "out of memory");
    free(*field);
    *field = copy;
    return true;
}

/* What goes into a header must not end it. */
static bool check_header(struct str value, struct range range, struct buf *why)
{
    if (!value_text(value, range, why))
        return false;
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] >= 0x7f)
            return explain(why, "the value holds a byte that a header cannot hold");
    return true;
}

bool key_set(const struct key *key, void *object, struct str value, struct buf *why)
{
    CHECK(key != NULL && object != NULL && is_scalar(key));
    void *field = (char *)object + key->offset;
    switch (key->kind) {
    case KEY_TIME:
        return value_time(value, key->range, field, why);
    case KEY_COUNT:
        return value_count(value, key->range, field, why);
    case KEY_SWITCH:
        return value_switch(value, field, why);
    case KEY_CHOICE:
        return value_choice(value, words_of(key), field, why);
    case KEY_HEADER:
        return check_header(value, key->range, why) && set_copy(field, value, why);
    case KEY_QUERY:
        return value_text(value, key->range, why) && query_check(value, why) &&
               set_copy(field, value, why);
    case KEY_TEXT:
        return value_text(value, key->range, why) && set_copy(field, value, why);
    case KEY_NETWORKS:
        return value_text(value, key->range, why) && networks_check(value, why) &&
               set_copy(field, value, why);
    case KEY_BASE_URL:
    case KEY_SECRET:
    case KEY_WORDS:
    case KEY_ENDPOINTS:
    case KEY_OFFERS:
    case KEY_PRICES:
    case KEY_PATHS:
    case KEY_HEADERS:
    case KEY_VIDEO:
    case KEY_ERRORS:
        break;
    }
    return false;
}

bool key_set_defaults(struct key_table table, void *object)
{
    struct buf why;
    buf_init(&why, 1024);
    bool ok = true;
    for (unsigned i = 0; ok && i < table.n; i++) {
        const struct key *key = &table.keys[i];
        if (is_scalar(key) && key->default_[0] != '\0')
            ok = key_set(key, object, str_of(key->default_), &why);
    }
    buf_release(&why);
    return ok;
}

static bool show_paths(const struct key *key, const struct provider_paths *paths, struct buf *out)
{
    for (unsigned i = 0; i < paths->n; i++)
        if (!buf_addf(out, "%s = %s %s\n", key->name, paths->list[i].word, paths->list[i].there))
            return false;
    return true;
}

static bool show_headers(const struct key *key, const struct provider_headers *headers,
                         struct buf *out)
{
    for (unsigned i = 0; i < headers->n; i++)
        if (!buf_addf(out, "%s = ", key->name) || !provider_header_show(&headers->list[i], out) ||
            !buf_add_char(out, '\n'))
            return false;
    return true;
}

bool key_show(const struct key *key, const void *object, struct buf *out)
{
    CHECK(key != NULL && object != NULL);
    const void *field = (const char *)object + key->offset;
    if (key->kind == KEY_PATHS)
        return show_paths(key, field, out);
    if (key->kind == KEY_HEADERS)
        return show_headers(key, field, out);
    if (key->kind == KEY_VIDEO)
        return video_dialect_show(key->name, field, out);
    if (key->kind == KEY_ERRORS)
        return error_rules_show(key->name, field, out);
    CHECK(is_scalar(key) || key->kind == KEY_WORDS);
    bool is_text = key->kind == KEY_HEADER || key->kind == KEY_TEXT || key->kind == KEY_QUERY ||
                   key->kind == KEY_NETWORKS;
    if ((is_text && *(char *const *)field == NULL) ||
        (key->kind == KEY_WORDS && ((const struct word_list *)field)->n == 0))
        return true;
    if (!buf_addf(out, "%s = ", key->name))
        return false;
    bool ok = false;
    switch (key->kind) {
    case KEY_TIME:
        ok = show_time(*(const int64_t *)field, out);
        break;
    case KEY_COUNT:
        ok = buf_addf(out, "%" PRId64, *(const int64_t *)field);
        break;
    case KEY_SWITCH:
        ok = buf_add_str(out, *(const bool *)field ? STR("on") : STR("off"));
        break;
    case KEY_CHOICE:
        ok = buf_add_str(out, str_of(words_of(key)[*(const int *)field]));
        break;
    case KEY_HEADER:
    case KEY_QUERY:
    case KEY_TEXT:
    case KEY_NETWORKS:
        ok = show_text(str_of(*(char *const *)field), out);
        break;
    case KEY_WORDS:
        ok = word_list_show(field, out);
        break;
    case KEY_BASE_URL:
    case KEY_SECRET:
    case KEY_ENDPOINTS:
    case KEY_OFFERS:
    case KEY_PRICES:
    case KEY_PATHS:
    case KEY_HEADERS:
    case KEY_VIDEO:
    case KEY_ERRORS:
        break;
    }
    return ok && buf_add_char(out, '\n');
}
