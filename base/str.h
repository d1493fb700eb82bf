/* struct str: a borrowed view of bytes (pointer, length); never NUL-terminated by contract. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    } /* of a static table */
#define STR_EMPTY ((struct str){"", 0})
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p

/* The view of a NUL-terminated string; NULL gives the empty view. */
struct str str_of(const char *z);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII case only, whatever the locale */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains_nocase(struct str s, struct str needle);
/* <0, 0, >0 by bytes, the shorter first on a tie. */
int str_cmp(struct str a, struct str b);

/* The position of the first `c`, or s.n. */
size_t str_index(struct str s, char c);
/* Without leading and trailing spaces and tabs. */
struct str str_trim(struct str s);
/* s[from..] and s[from, to); positions past the end are clamped. */
struct str str_from(struct str s, size_t from);
struct str str_slice(struct str s, size_t from, size_t to);

/* Cuts the next piece before `separator` (or the rest) off *rest into *piece.  False, both
 * untouched, when *rest is used up; "a,,b" gives "a", "", "b". */
MUST_USE bool str_cut(struct str *rest, char separator, struct str *piece);

/* Writes the decimal digits of n without a NUL, at most 20 bytes; how many. */
size_t str_put_i64(char *into, int64_t n);
/* Decimal digits only (an optional leading '-' for i64), the whole of `s`, at most `max`.
 * False leaves *out untouched. */
MUST_USE bool str_u64(struct str s, uint64_t max, uint64_t *out);
MUST_USE bool str_i64(struct str s, int64_t min, int64_t max, int64_t *out);
/* A number as JSON spells it, the whole of `s`, at most 63 bytes (no number of a reasonable sender
 * is longer); one beyond the range of a double is infinite.  False leaves *out untouched. */
MUST_USE bool str_number(struct str s, double *out);

/* `pattern` may hold '*' (any run of bytes); ASCII case matters. */
bool str_matches(struct str s, struct str pattern);

/* How many edits (insert, delete, replace, swap of neighbours) turn a into b, counted up to 4; for
 * "did you mean". */
unsigned str_distance(struct str a, struct str b);

/* A heap copy with a NUL behind it; NULL when out of memory.  The caller frees it. */
MUST_USE char *str_dup(struct str s);

#endif
