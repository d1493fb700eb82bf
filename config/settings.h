/* Typed settings of the unnamed sections, generated from settings.def. */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/value.h"

/* Values are always valid: the defaults, or what the operator said and the table allows.
 * SIZE and COUNT: bytes and numbers.  TIME: milliseconds.  SWITCH: 0 or 1.  WORKERS: 0 = auto.
 * TIME_OR_OFF: 0 = off.  LISTEN, NETWORKS, SOCKET, ORIGIN: texts, checked.  CHOICE: the index into
 * the setting's words. */
struct settings {
#define FIELD_SIZE(name) int64_t name;
#define FIELD_COUNT(name) int64_t name;
#define FIELD_TIME(name) int64_t name##_ms;
#define FIELD_TIME_OR_OFF(name) int64_t name##_ms;
#define FIELD_SWITCH(name) bool name;
#define FIELD_WORKERS(name) int64_t name;
#define FIELD_CHOICE(name) int name;
#define FIELD_TEXT(name) char *name;
#define FIELD_LISTEN(name) char *name;
#define FIELD_NETWORKS(name) char *name;
#define FIELD_SOCKET(name) char *name;
#define FIELD_ORIGIN(name) char *name;
#define SETTING(section, name, kind, default_, min, max, reload, text)                             \
    FIELD_##kind(section##_##name)
#include "config/settings.def"
#undef SETTING
#undef FIELD_SIZE
#undef FIELD_COUNT
#undef FIELD_TIME
#undef FIELD_TIME_OR_OFF
#undef FIELD_SWITCH
#undef FIELD_WORKERS
#undef FIELD_CHOICE
#undef FIELD_TEXT
#undef FIELD_LISTEN
#undef FIELD_NETWORKS
#undef FIELD_SOCKET
#undef FIELD_ORIGIN
};

enum { ERROR_DIALECT_DOCUMENTED, ERROR_DIALECT_OPENAI };
enum { DURABILITY_POWER, DURABILITY_PROCESS };

struct setting; /* one row of the table */

/* All defaults (texts are heap copies).  False when out of memory. */
MUST_USE bool settings_init(struct settings *settings);
void settings_release(struct settings *settings);

/* The row, or NULL; and the nearest name in that section for "did you mean" (NULL if none near). */
const struct setting *setting_find(struct str section, struct str name);
const char *setting_nearest(struct str section, struct str name);
bool setting_section_exists(struct str section);

/* Parses and stores.  On a bad value returns false and writes why ("\"abc\" is not a number of
 * threads (want 1..256, or auto)") into *why; the old value stays. */
MUST_USE bool setting_set(struct settings *settings, const struct setting *setting,
                          struct str value, struct buf *why);
/* Writes the current value as a file would spell it. */
MUST_USE bool setting_show(const struct settings *settings, const struct setting *setting,
                           struct buf *out);
/* True when the two hold different values of a setting that needs a restart. */
bool setting_needs_restart(const struct setting *setting, const struct settings *now,
                           const struct settings *next);
/* Walks the table: setting_at(0), setting_at(1)... until NULL. */
const struct setting *setting_at(unsigned i);
unsigned setting_index(const struct setting *setting);
struct str setting_section(const struct setting *setting);
struct str setting_name(const struct setting *setting);
/* As a file writes it; what it is for; whether SIGHUP applies it (else it needs a restart). */
const char *setting_default(const struct setting *setting);
const char *setting_text(const struct setting *setting);
bool setting_is_live(const struct setting *setting);
/* The words of a choice, ended by NULL; NULL for another kind. */
const char *const *setting_words(const struct setting *setting);

/* How many rows the table has. */
enum {
#define SETTING(section, name, kind, default_, min, max, reload, text)                             \
    SETTING_INDEX_##section##_##name,
#include "config/settings.def"
#undef SETTING
    SETTING_COUNT
};

#endif
