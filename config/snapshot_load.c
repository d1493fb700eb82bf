#include "config/snapshot.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/address_text.h"
#include "config/message.h"
#include "config/parse.h"
#include "config/section_load.h"
#include "config/source.h"

/* Of a setting's variable with its NUL: GATEWAY_, a section, a key. */
#define VARIABLE_SIZE 64

struct load {
    struct snapshot *snapshot;
    struct parse parse;
    struct messages messages;
    struct buf why;
};

static bool is_kind(const struct section *section, struct str kind)
{
    return section->named && str_eq(section->kind, kind);
}

/* A section of no known kind, or of a known one with or without a name where it must not be. */
static void report_section(struct load *load, const struct section *section)
{
    struct messages *messages = &load->messages;
    struct nearest nearest = {.word = section->kind};
    bool takes_name = str_eq(section->kind, STR("provider")) || str_eq(section->kind, STR("model"));
    if (takes_name) {
        messages_error(messages, &section->at, "[%.*s] needs a name (want [%.*s \"name\"])",
                       STR_ARG(section->kind), STR_ARG(section->kind));
        return;
    }
    if (setting_section_exists(section->kind)) {
        messages_error(messages, &section->at, "[%.*s] takes no name", STR_ARG(section->kind));
        return;
    }
    nearest_offer(&nearest, "provider");
    nearest_offer(&nearest, "model");
    const struct setting *setting;
    const char *last = "";
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (setting_section(setting).p != last)
            nearest_offer(&nearest, setting_section(setting).p);
        last = setting_section(setting).p;
    }
    if (nearest.name == NULL)
        messages_error(messages, &section->at, "unknown section [%.*s]", SHORT_ARG(section->kind));
    else
        messages_error(messages, &section->at, "unknown section [%.*s]; did you mean [%s]?",
                       SHORT_ARG(section->kind), nearest.name);
}

static bool set_origin(struct load *load, const struct setting *setting, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool set_origin(struct load *load, const struct setting *setting, const char *format, ...)
{
    char text[4200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char **origin = &load->snapshot->origins[setting_index(setting)];
    free(*origin);
    *origin = str_dup(str_of(text));
    if (*origin == NULL)
        messages_no_memory(&load->messages);
    return *origin != NULL;
}

static void report_setting(struct load *load, const struct section *section,
                           const struct entry *entry)
{
    const char *nearest = setting_nearest(section->kind, entry->key);
    if (nearest == NULL)
        messages_error(&load->messages, &entry->at, "unknown key \"%.*s\" in [%.*s]",
                       SHORT_ARG(entry->key), STR_ARG(section->kind));
    else
        messages_error(&load->messages, &entry->at,
                       "unknown key \"%.*s\" in [%.*s]; did you mean \"%s\"?",
                       SHORT_ARG(entry->key), STR_ARG(section->kind), nearest);
}

static void load_setting(struct load *load, const struct section *section,
                         const struct entry *entry, const struct entry **seen)
{
    const struct setting *setting = setting_find(section->kind, entry->key);
    if (setting == NULL) {
        report_setting(load, section, entry);
        return;
    }
    const struct entry **first = &seen[setting_index(setting)];
    if (*first != NULL) {
        messages_error(&load->messages, &entry->at,
                       "\"%.*s\" is set twice; the first is at line %u", STR_ARG(entry->key),
                       (*first)->at.line);
        return;
    }
    *first = entry;
    if (setting_set(&load->snapshot->settings, setting, entry->value, &load->why))
        (void)!set_origin(load, setting, "%s:%u", entry->at.file, entry->at.line);
    else
        messages_error(&load->messages, &entry->value_at, "%.*s", STR_ARG(buf_str(&load->why)));
}

/* A section may stand once in each file; a later file wins key by key. */
static void load_settings(struct load *load, const struct section *section)
{
    const struct entry *seen[SETTING_COUNT] = {NULL};
    for (unsigned i = 0; i < section->entry_count; i++)
        load_setting(load, section, &section->entries[i], seen);
}

static void variable_of(const struct setting *setting, char *name, size_t size)
{
    snprintf(name, size, "GATEWAY_%.*s_%.*s", STR_ARG(setting_section(setting)),
             STR_ARG(setting_name(setting)));
    for (char *p = name; *p != '\0'; p++)
        *p = (char)toupper((unsigned char)*p);
}

/* After all files: the environment wins.  An empty variable counts as set. */
static void load_environment(struct load *load)
{
    const struct place place = {.file = "environment", .order = PARSE_FILES_MAX};
    const struct setting *setting;
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        char name[VARIABLE_SIZE];
        variable_of(setting, name, sizeof name);
        const char *value = getenv(name);
        if (value == NULL)
            continue;
        if (setting_set(&load->snapshot->settings, setting, str_of(value), &load->why))
            (void)!set_origin(load, setting, "environment");
        else
            messages_error(&load->messages, &place, "%s: %.*s", name, STR_ARG(buf_str(&load->why)));
    }
}

/* Whether `name` is a setting's variable; else *near is the one it nearly is, or empty. */
static bool is_variable(struct str name, char near[VARIABLE_SIZE])
{
    const struct setting *setting;
    near[0] = '\0';
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        char known[VARIABLE_SIZE];
        variable_of(setting, known, sizeof known);
        unsigned distance = str_distance(name, str_of(known));
        if (distance == 0)
            return true;
        if (distance == 1)
            memcpy(near, known, sizeof known);
    }
    return false;
}

/* A variable that is nearly a setting's is most likely a typo.  Only a warning: others name
 * variables too. */
static void warn_of_variables(struct load *load)
{
    const struct place place = {.file = "environment", .order = PARSE_FILES_MAX};
    for (char **variable = environ; *variable != NULL; variable++) {
        struct str whole = str_of(*variable);
        struct str name = str_slice(whole, 0, str_index(whole, '='));
        char near[VARIABLE_SIZE];
        if (!str_starts(name, STR("GATEWAY_")) || is_variable(name, near) || near[0] == '\0')
            continue;
        messages_add(&load->messages, SEVERITY_WARNING, &place,
                     "%.*s is no setting; did you mean %s?", SHORT_ARG(name), near);
    }
}

static unsigned count_kind(const struct parse *parse, struct str kind)
{
    unsigned n = 0;
    for (unsigned i = 0; i < parse->section_count; i++)
        n += is_kind(&parse->sections[i], kind);
    return n;
}

/* The arrays have their final size first: offers keep pointers into the providers. */
static bool make_arrays(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    size_t providers = count_kind(&load->parse, STR("provider"));
    size_t models = count_kind(&load->parse, STR("model"));
    snapshot->providers = calloc(providers + 1, sizeof *snapshot->providers);
    snapshot->models = calloc(models + 1, sizeof *snapshot->models);
    return snapshot->providers != NULL && snapshot->models != NULL;
}

static const struct entry *entry_of(const struct section *section, struct str key)
{
    for (unsigned i = 0; i < section->entry_count; i++)
        if (str_eq(section->entries[i].key, key))
            return &section->entries[i];
    return NULL;
}

/* Which of two defaults a request without a model gets would be chance. */
static void check_defaults(struct load *load)
{
    const struct entry *first[ENDPOINT_COUNT] = {NULL};
    const struct model *model = load->snapshot->models;
    for (unsigned i = 0; i < load->parse.section_count; i++) {
        const struct section *section = &load->parse.sections[i];
        if (!is_kind(section, STR("model")))
            continue;
        const struct entry *entry = entry_of(section, STR("default_for"));
        for (unsigned e = 0; entry != NULL && e < ENDPOINT_COUNT; e++) {
            if ((model->default_for & 1u << e) == 0)
                continue;
            if (first[e] == NULL)
                first[e] = entry;
            else
                messages_error(
                    &load->messages, &entry->value_at, "%s has a default model already, at %s:%u",
                    endpoint_name((enum endpoint)e), first[e]->at.file, first[e]->at.line);
        }
        model++;
    }
}

static void load_sections(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    for (unsigned i = 0; i < load->parse.section_count; i++) {
        const struct section *section = &load->parse.sections[i];
        if (is_kind(section, STR("provider"))) {
            struct provider *provider = &snapshot->providers[snapshot->provider_count];
            provider->index = snapshot->provider_count++;
            provider_load(provider, section, &load->messages);
        } else if (!section->named && setting_section_exists(section->kind)) {
            load_settings(load, section);
        } else if (!is_kind(section, STR("model"))) {
            report_section(load, section);
        }
    }
    /* Models come last: a provider may stand behind the models that name it. */
    for (unsigned i = 0; i < load->parse.section_count; i++) {
        const struct section *section = &load->parse.sections[i];
        if (is_kind(section, STR("model")))
            model_load(&snapshot->models[snapshot->model_count++], section, snapshot,
                       &load->messages);
    }
    check_defaults(load);
}

static int compare_models(const void *a, const void *b)
{
    return strcmp(((const struct model *)a)->name, ((const struct model *)b)->name);
}

/* The place of a setting that only shows to be wrong as a whole. */
static void report_origin(struct load *load, const struct setting *setting, const char *text)
{
    const struct place place = {.file = load->snapshot->file};
    const char *origin = load->snapshot->origins[setting_index(setting)];
    messages_error(&load->messages, &place, "[%.*s] %.*s (%s): %s",
                   STR_ARG(setting_section(setting)), STR_ARG(setting_name(setting)),
                   origin != NULL ? origin : "default", text);
}

/* A relative path is taken from the main file's folder, whichever file it stands in, so that it
 * does not move when a line moves into conf.d. */
static void resolve_paths(struct load *load)
{
    struct snapshot *snapshot = load->snapshot;
    const struct settings *settings = &snapshot->settings;
    snapshot->database_path = path_beside(snapshot->file, str_of(settings->database_path));
    snapshot->socket_path = path_beside(snapshot->file, str_of(settings->admin_socket));
    if (snapshot->database_path == NULL || snapshot->socket_path == NULL) {
        messages_no_memory(&load->messages);
        return;
    }
    size_t n = strlen(snapshot->socket_path);
    if (n > SOCKET_PATH_MAX) {
        (void)explain(&load->why, "%s is %zu bytes long; a unix socket takes %d",
                      snapshot->socket_path, n, SOCKET_PATH_MAX);
        char text[1024];
        snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&load->why)));
        report_origin(load, setting_find(STR("admin"), STR("socket")), text);
    }
}

static void check_whole(struct load *load)
{
    const struct place place = {.file = load->snapshot->file};
    if (load->messages.errors == 0 && load->snapshot->model_count == 0)
        messages_add(&load->messages, SEVERITY_WARNING, &place,
                     "no [model \"name\"] section: every request is refused");
}

/* Goes on after faults as long as there is something to check: the operator sees all of them. */
static void load_all(struct load *load, const char *file)
{
    struct snapshot *snapshot = load->snapshot;
    snapshot->file = str_dup(str_of(file));
    if (snapshot->file == NULL || !settings_init(&snapshot->settings)) {
        messages_no_memory(&load->messages);
        return;
    }
    parse_files(&load->parse, file, &load->messages);
    if (!make_arrays(load)) {
        messages_no_memory(&load->messages);
        return;
    }
    load_sections(load);
    load_environment(load);
    warn_of_variables(load);
    resolve_paths(load);
    check_whole(load);
}

/* Only for a snapshot without faults: then every model has a name to sort by. */
static void finish(struct snapshot *snapshot)
{
    if (snapshot->model_count > 1)
        qsort(snapshot->models, snapshot->model_count, sizeof *snapshot->models, compare_models);
    for (unsigned i = 0; i < snapshot->model_count; i++)
        for (unsigned e = 0; e < ENDPOINT_COUNT; e++)
            if ((snapshot->models[i].default_for & 1u << e) != 0)
                snapshot->default_models[e] = &snapshot->models[i];
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        snapshot->allows_headers |= snapshot->providers[i].header_allow.n > 0;
    clock_tick();
    snapshot->loaded_ms = clock_wall_ms();
    /* No counter: that would be a global.  Two loads never share a microsecond. */
    snapshot->generation = (uint64_t)clock_precise_us();
}

struct snapshot *snapshot_load(const char *file, struct buf *messages)
{
    CHECK(file != NULL && messages != NULL);
    struct load load = {.snapshot = calloc(1, sizeof *load.snapshot)};
    messages_init(&load.messages);
    buf_init(&load.why, 8192);
    if (load.snapshot != NULL) {
        atomic_init(&load.snapshot->references, 1);
        load_all(&load, file);
    } else {
        messages_no_memory(&load.messages);
    }
    bool told = messages_write(&load.messages, messages);
    if (!told || load.messages.errors > 0 || load.messages.out_of_memory)
        snapshot_drop(&load.snapshot);
    if (load.snapshot != NULL)
        finish(load.snapshot);
    parse_release(&load.parse);
    messages_release(&load.messages);
    buf_release(&load.why);
    return load.snapshot;
}
