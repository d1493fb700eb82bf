/* Keys of the named sections as rows of a table (provider.def, model.def). */
#ifndef CONFIG_KEY_H
#define CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "config/message.h"
#include "config/parse.h"
#include "config/value.h"

enum key_kind {
    KEY_BASE_URL,
    KEY_SECRET,
    KEY_CHOICE,
    KEY_HEADER,
    KEY_QUERY,
    KEY_TEXT,
    KEY_TIME,
    KEY_COUNT,
    KEY_SWITCH,
    KEY_WORDS,
    KEY_ENDPOINTS,
    KEY_OFFERS,
    KEY_PRICES,
    KEY_PATHS,
    KEY_HEADERS,
    KEY_VIDEO,
    KEY_ERRORS,
    KEY_NETWORKS
};

struct key {
    const char *name;
    const char *default_;
    const char *example;
    const char *text;
    struct range range;
    size_t offset; /* of the field in the section's struct */
    enum key_kind kind;
};

struct key_table {
    const struct key *keys;
    unsigned n;
};

#define KEYS_MAX 32 /* rows of a table */

bool key_is_list(const struct key *key);
/* The entry's row; NULL after reporting that the key is unknown in this section or, unless it is a
 * list, set before.  seen[] (KEYS_MAX, zeroed by the caller for each section) remembers the first
 * entry of each row. */
const struct key *key_of_entry(struct key_table table, const struct section *section,
                               const struct entry *entry, const struct entry **seen,
                               struct messages *messages);
/* Parses and stores a TIME, COUNT, SWITCH, CHOICE, HEADER, QUERY or TEXT (these a heap copy; the
 * old one is freed) into the struct at `object`; false with the reason in *why.  CHECK: no other
 * kind. */
MUST_USE bool key_set(const struct key *key, void *object, struct str value, struct buf *why);
/* Sets every default of those kinds.  False when memory is out. */
MUST_USE bool key_set_defaults(struct key_table table, void *object);
/* "name = value" for those kinds, WORDS, PATHS, HEADERS, VIDEO and ERRORS (a line each), nothing
 * for what is not set. */
MUST_USE bool key_show(const struct key *key, const void *object, struct buf *out);

/* The tables. */
struct key_table provider_keys(void);
struct key_table model_keys(void);

#endif
