#include "config/settings.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config/address_text.h"
#include "config/value.h"

enum kind {
    KIND_SIZE,
    KIND_COUNT,
    KIND_TIME,
    KIND_TIME_OR_OFF,
    KIND_SWITCH,
    KIND_WORKERS,
    KIND_CHOICE,
    KIND_TEXT,
    KIND_LISTEN,
    KIND_NETWORKS,
    KIND_SOCKET,
    KIND_ORIGIN
};

enum reload { LIVE, START };

struct setting {
    const char *section;
    const char *name;
    const char *default_;
    const char *text;
    struct range range;
    size_t offset; /* of the field in struct settings */
    enum kind kind;
    enum reload reload;
};

/* A kind tells the name of its field: times end in _ms. */
#define OFFSET_SIZE(field) offsetof(struct settings, field)
#define OFFSET_COUNT(field) offsetof(struct settings, field)
#define OFFSET_TIME(field) offsetof(struct settings, field##_ms)
#define OFFSET_TIME_OR_OFF(field) offsetof(struct settings, field##_ms)
#define OFFSET_SWITCH(field) offsetof(struct settings, field)
#define OFFSET_WORKERS(field) offsetof(struct settings, field)
#define OFFSET_CHOICE(field) offsetof(struct settings, field)
#define OFFSET_TEXT(field) offsetof(struct settings, field)
#define OFFSET_LISTEN(field) offsetof(struct settings, field)
#define OFFSET_NETWORKS(field) offsetof(struct settings, field)
#define OFFSET_SOCKET(field) offsetof(struct settings, field)
#define OFFSET_ORIGIN(field) offsetof(struct settings, field)

static const struct setting table[] = {
#define SETTING(section_, name_, kind_, default__, min_, max_, reload_, text_)                     \
    {.section = #section_,                                                                         \
     .name = #name_,                                                                               \
     .default_ = default__,                                                                        \
     .text = text_,                                                                                \
     .range = {min_, max_},                                                                        \
     .offset = OFFSET_##kind_(section_##_##name_),                                                 \
     .kind = KIND_##kind_,                                                                         \
     .reload = reload_},
#include "config/settings.def"
#undef SETTING
};

/* The order of the words is the value in struct settings. */
static const struct {
    const char *name;
    const char *words[5];
} choices[] = {
    {"error_dialect", {"documented", "openai"}},
    {"log_level", {"debug", "info", "warning", "error"}},
    {"durability", {"power", "process"}},
};

const char *const *setting_words(const struct setting *setting)
{
    for (size_t i = 0; i < COUNT(choices); i++)
        if (strcmp(choices[i].name, setting->name) == 0)
            return choices[i].words;
    CHECK(setting->kind != KIND_CHOICE);
    return NULL;
}

static bool is_text(const struct setting *setting)
{
    return setting->kind == KIND_TEXT || setting->kind == KIND_LISTEN ||
           setting->kind == KIND_NETWORKS || setting->kind == KIND_SOCKET ||
           setting->kind == KIND_ORIGIN;
}

/* The table is data: one pair of functions reaches every field by its offset. */
static void *field_of(struct settings *settings, const struct setting *setting)
{
    return (char *)settings + setting->offset;
}

static const void *const_field_of(const struct settings *settings, const struct setting *setting)
{
    return (const char *)settings + setting->offset;
}

static const char *text_of(const struct settings *settings, const struct setting *setting)
{
    return *(char *const *)const_field_of(settings, setting);
}

bool settings_init(struct settings *settings)
{
    CHECK(settings != NULL);
    memset(settings, 0, sizeof *settings);
    struct buf why;
    buf_init(&why, 1024);
    bool ok = true;
    for (size_t i = 0; ok && i < COUNT(table); i++)
        ok = setting_set(settings, &table[i], str_of(table[i].default_), &why);
    buf_release(&why);
    if (!ok)
        settings_release(settings);
    return ok;
}

void settings_release(struct settings *settings)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (is_text(&table[i]))
            free(*(char **)field_of(settings, &table[i]));
    memset(settings, 0, sizeof *settings);
}

const struct setting *setting_find(struct str section, struct str name)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (str_eq(section, str_of(table[i].section)) && str_eq(name, str_of(table[i].name)))
            return &table[i];
    return NULL;
}

const char *setting_nearest(struct str section, struct str name)
{
    struct nearest nearest = {.word = name};
    for (size_t i = 0; i < COUNT(table); i++)
        if (str_eq(section, str_of(table[i].section)))
            nearest_offer(&nearest, table[i].name);
    return nearest.name;
}

bool setting_section_exists(struct str section)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (str_eq(section, str_of(table[i].section)))
            return true;
    return false;
}

static bool set_workers(struct range range, struct str value, int64_t *out, struct buf *why)
{
    int64_t n = 0;
    if (!str_eq(value, STR("auto")) && !str_i64(value, range.min, range.max, &n))
        return explain(
            why, "\"%.*s\" is not a number of threads (want %" PRId64 "..%" PRId64 ", or auto)",
            SHORT_ARG(value), range.min, range.max);
    *out = n;
    return true;
}

static bool set_time_or_off(struct range range, struct str value, int64_t *out, struct buf *why)
{
    if (!str_eq(value, STR("off")))
        return value_time(value, range, out, why);
    *out = 0;
    return true;
}

/* Texts with a form of their own are checked here, so that a bad one fails `-t` and not the start.
 */
static bool check_text(const struct setting *setting, struct str value, struct buf *why)
{
    if (!value_text(value, setting->range, why))
        return false;
    if (setting->kind == KIND_LISTEN)
        return listen_check(value, why);
    if (setting->kind == KIND_NETWORKS)
        return networks_check(value, why);
    if (setting->kind == KIND_ORIGIN)
        return origin_check(value, why);
    return true;
}

/* The old text goes only when the new one is safe. */
static bool set_text(char **field, struct str value, struct buf *why)
{
    char *copy = str_dup(value);
    if (copy == NULL)
        return explain(why, "out of memory");
    free(*field);
    *field = copy;
    return true;
}

bool setting_set(struct settings *settings, const struct setting *setting, struct str value,
                 struct buf *why)
{
    CHECK(settings != NULL && setting != NULL && why != NULL);
    void *field = field_of(settings, setting);
    switch (setting->kind) {
    case KIND_SIZE:
        return value_size(value, setting->range, field, why);
    case KIND_COUNT:
        return value_count(value, setting->range, field, why);
    case KIND_TIME:
        return value_time(value, setting->range, field, why);
    case KIND_TIME_OR_OFF:
        return set_time_or_off(setting->range, value, field, why);
    case KIND_SWITCH:
        return value_switch(value, field, why);
    case KIND_WORKERS:
        return set_workers(setting->range, value, field, why);
    case KIND_CHOICE:
        return value_choice(value, setting_words(setting), field, why);
    case KIND_TEXT:
    case KIND_LISTEN:
    case KIND_NETWORKS:
    case KIND_SOCKET:
    case KIND_ORIGIN:
        return check_text(setting, value, why) && set_text(field, value, why);
    }
    return false;
}

bool setting_show(const struct settings *settings, const struct setting *setting, struct buf *out)
{
    CHECK(settings != NULL && setting != NULL && out != NULL);
    const void *field = const_field_of(settings, setting);
    switch (setting->kind) {
    case KIND_SIZE:
        return show_size(*(const int64_t *)field, out);
    case KIND_COUNT:
        return buf_addf(out, "%" PRId64, *(const int64_t *)field);
    case KIND_TIME:
        return show_time(*(const int64_t *)field, out);
    case KIND_TIME_OR_OFF:
        if (*(const int64_t *)field == 0)
            return buf_add_str(out, STR("off"));
        return show_time(*(const int64_t *)field, out);
    case KIND_SWITCH:
        return buf_add_str(out, *(const bool *)field ? STR("on") : STR("off"));
    case KIND_WORKERS:
        if (*(const int64_t *)field == 0)
            return buf_add_str(out, STR("auto"));
        return buf_addf(out, "%" PRId64, *(const int64_t *)field);
    case KIND_CHOICE:
        return buf_add_str(out, str_of(setting_words(setting)[*(const int *)field]));
    case KIND_TEXT:
    case KIND_LISTEN:
    case KIND_NETWORKS:
    case KIND_SOCKET:
    case KIND_ORIGIN:
        return show_text(str_of(text_of(settings, setting)), out);
    }
    return false;
}

static bool is_same(const struct setting *setting, const struct settings *a,
                    const struct settings *b)
{
    const void *left = const_field_of(a, setting);
    const void *right = const_field_of(b, setting);
    switch (setting->kind) {
    case KIND_SIZE:
    case KIND_COUNT:
    case KIND_TIME:
    case KIND_TIME_OR_OFF:
    case KIND_WORKERS:
        return *(const int64_t *)left == *(const int64_t *)right;
    case KIND_SWITCH:
        return *(const bool *)left == *(const bool *)right;
    case KIND_CHOICE:
        return *(const int *)left == *(const int *)right;
    case KIND_TEXT:
    case KIND_LISTEN:
    case KIND_NETWORKS:
    case KIND_SOCKET:
    case KIND_ORIGIN:
        return strcmp(text_of(a, setting), text_of(b, setting)) == 0;
    }
    return false;
}

bool setting_needs_restart(const struct setting *setting, const struct settings *now,
                           const struct settings *next)
{
    CHECK(setting != NULL && now != NULL && next != NULL);
    return setting->reload == START && !is_same(setting, now, next);
}

const struct setting *setting_at(unsigned i)
{
    return i < COUNT(table) ? &table[i] : NULL;
}

unsigned setting_index(const struct setting *setting)
{
    return (unsigned)(setting - table);
}

struct str setting_section(const struct setting *setting)
{
    return str_of(setting->section);
}

struct str setting_name(const struct setting *setting)
{
    return str_of(setting->name);
}

const char *setting_default(const struct setting *setting)
{
    return setting->default_;
}

const char *setting_text(const struct setting *setting)
{
    return setting->text;
}

bool setting_is_live(const struct setting *setting)
{
    return setting->reload == LIVE;
}
