#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define DISTANCE_MAX 4
#define DISTANCE_TEXT_MAX 64 /* names are shorter; longer texts are compared by their beginning */

struct str str_of(const char *z)
{
    return z ? (struct str){z, strlen(z)} : STR_EMPTY;
}

/* tolower() would follow the locale. */
static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
    return a.n == b.n && str_starts_nocase(a, b);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++) {
        if (lower(s.p[i]) != lower(prefix.p[i]))
            return false;
    }
    return true;
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq(str_from(s, s.n - suffix.n), suffix);
}

bool str_contains_nocase(struct str s, struct str needle)
{
    while (s.n > needle.n && !str_starts_nocase(s, needle))
        s = str_from(s, 1);
    return str_starts_nocase(s, needle);
}

int str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;
    if (order != 0)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

size_t str_index(struct str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_from(struct str s, size_t from)
{
    return str_slice(s, from, s.n);
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    /* An empty view may hold NULL, to which nothing may be added. */
    return from == 0 ? (struct str){s.p, to} : (struct str){s.p + from, to - from};
}

bool str_cut(struct str *rest, char separator, struct str *piece)
{
    CHECK(rest && piece);
    if (rest->n == 0)
        return false;
    size_t at = str_index(*rest, separator);
    *piece = str_slice(*rest, 0, at);
    *rest = str_from(*rest, at < rest->n ? at + 1 : at);
    return true;
}

size_t str_put_i64(char *into, int64_t n)
{
    char digits[20];
    size_t count = 0, at = 0;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    do
        digits[count++] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (n < 0)
        into[at++] = '-';
    while (count > 0)
        into[at++] = digits[--count];
    return at;
}

bool str_u64(struct str s, uint64_t max, uint64_t *out)
{
    CHECK(out);
    uint64_t value = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (digit > max || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

bool str_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
    CHECK(out);
    bool negative = s.n > 0 && s.p[0] == '-';
    uint64_t magnitude = 0;
    uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (!str_u64(str_from(s, negative ? 1 : 0), most, &magnitude))
        return false;
    /* -INT64_MIN does not exist: the sign is set on one less. */
    int64_t value = !negative        ? (int64_t)magnitude
                    : magnitude == 0 ? 0
                                     : -(int64_t)(magnitude - 1) - 1;
    if (value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool str_number(struct str s, double *out)
{
    CHECK(out);
    char text[64];
    /* strtod reads more than JSON writes: blanks, hexadecimal, inf and nan. */
    struct str digits = str_from(s, s.n > 0 && s.p[0] == '-' ? 1 : 0);
    bool begins = digits.n > 0 && digits.p[0] >= '0' && digits.p[0] <= '9';
    if (!begins || s.n >= sizeof text || str_index(s, 'x') < s.n || str_index(s, 'X') < s.n)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    char *end;
    double number = strtod(text, &end);
    if (end != text + s.n)
        return false;
    *out = number;
    return true;
}

bool str_matches(struct str s, struct str pattern)
{
    size_t at = 0, want = 0;
    size_t star = SIZE_MAX, retry = 0; /* behind the last '*', and what it has not yet eaten */
    while (at < s.n) {
        if (want < pattern.n && pattern.p[want] == '*') {
            star = ++want;
            retry = at;
        } else if (want < pattern.n && pattern.p[want] == s.p[at]) {
            want++;
            at++;
        } else if (star != SIZE_MAX) {
            want = star;
            at = ++retry;
        } else {
            return false;
        }
    }
    while (want < pattern.n && pattern.p[want] == '*')
        want++;
    return want == pattern.n;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* One row of the table of distances; `above` and `two_above` are the rows before it. */
static void distance_row(struct str a, struct str b, size_t i, unsigned *rows[3])
{
    unsigned *two_above = rows[0], *above = rows[1], *row = rows[2];
    row[0] = (unsigned)i;
    for (size_t j = 1; j <= b.n; j++) {
        unsigned change = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
        row[j] = least(above[j - 1] + change, least(above[j], row[j - 1]) + 1);
        if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
            row[j] = least(row[j], two_above[j - 2] + 1);
    }
}

unsigned str_distance(struct str a, struct str b)
{
    size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n;
    if (gap >= DISTANCE_MAX)
        return DISTANCE_MAX;
    a = str_slice(a, 0, DISTANCE_TEXT_MAX);
    b = str_slice(b, 0, DISTANCE_TEXT_MAX);
    unsigned memory[3][DISTANCE_TEXT_MAX + 1];
    unsigned *rows[3] = {memory[0], memory[1], memory[2]};
    for (size_t j = 0; j <= b.n; j++)
        rows[2][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *oldest = rows[0];
        rows[0] = rows[1];
        rows[1] = rows[2];
        rows[2] = oldest;
        distance_row(a, b, i, rows);
    }
    return least(rows[2][b.n], DISTANCE_MAX);
}

char *str_dup(struct str s)
{
    size_t size = 0;
    char *copy = size_add(s.n, 1, &size) ? malloc(size) : NULL;
    if (!copy)
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}
