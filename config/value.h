/* Typed values of the configuration grammar: units, ranges, switches, and why a text is not one. */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

struct range {
    int64_t min;
    int64_t max;
};

/* Values are quoted in messages up to this many bytes: for "%.*s". */
#define SHORT_ARG(s) (int)((s).n < 80 ? (s).n : 80), (s).p

/* Replaces *why by the text; always false, so that a check can end with `return explain(...)`. */
bool explain(struct buf *why, const char *format, ...) PRINTF_LIKE(2, 3);

/* Units of the grammar: "512k", "2g" (bytes); "250ms", "5m" (milliseconds).  A bare number where a
 * unit belongs is false. */
MUST_USE bool parse_size(struct str text, int64_t *bytes);
MUST_USE bool parse_time(struct str text, int64_t *ms);
/* "12.5" as digits 125 and decimals 1: digits only, one point, at most `decimals_max` behind it and
 * 18 in all. */
MUST_USE bool parse_decimal(struct str text, unsigned decimals_max, uint64_t *digits,
                            unsigned *decimals);

/* Each parses and checks the range; false with the reason in *why, *out untouched. */
MUST_USE bool value_size(struct str text, struct range range, int64_t *out, struct buf *why);
MUST_USE bool value_time(struct str text, struct range range, int64_t *out, struct buf *why);
MUST_USE bool value_count(struct str text, struct range range, int64_t *out, struct buf *why);
MUST_USE bool value_switch(struct str text, bool *out, struct buf *why);
/* `words` ends with NULL; *out is the index. */
MUST_USE bool value_choice(struct str text, const char *const *words, int *out, struct buf *why);
/* Length within the range and no control bytes. */
MUST_USE bool value_text(struct str text, struct range range, struct buf *why);

/* As a file would spell them: in the largest exact unit, times below 10 minutes in seconds. */
MUST_USE bool show_size(int64_t bytes, struct buf *out);
MUST_USE bool show_time(int64_t ms, struct buf *out);
/* In double quotes with escapes where the grammar needs them (spaces at the ends, quotes). */
MUST_USE bool show_text(struct str text, struct buf *out);

/* The next word of *rest (spaces and tabs separate) into *word; false when there is none. */
MUST_USE bool next_word(struct str *rest, struct str *word);

/* The nearest of several names, for "did you mean": start with {word, NULL, 0}. */
struct nearest {
    struct str word;
    const char *name; /* NULL: none is near enough */
    unsigned distance;
};
void nearest_offer(struct nearest *nearest, const char *name);

#endif
