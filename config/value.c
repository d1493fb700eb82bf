#include "config/value.h"

#include <inttypes.h>
#include <stdarg.h>

struct unit {
    const char *suffix;
    int64_t factor;
};

/* Largest first: showing takes the first that divides. */
static const struct unit size_units[] = {{"g", 1 << 30}, {"m", 1 << 20}, {"k", 1 << 10}};
static const struct unit time_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool explain(struct buf *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_clear(why);
    /* A reason that does not fit is left empty: the place of the message still tells. */
    bool added = buf_addv(why, format, args);
    va_end(args);
    if (!added)
        buf_clear(why);
    return false;
}

/* All digits, then exactly one of the suffixes.  "1.5m" and "1 m" are refused: one way to write a
 * value means that two files compare. */
static bool parse_unit(struct str text, const struct unit *units, size_t n, int64_t *out)
{
    size_t digits = 0;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    struct str suffix = str_from(text, digits);
    for (size_t i = 0; i < n; i++) {
        int64_t number = 0;
        if (!str_eq(suffix, str_of(units[i].suffix)))
            continue;
        if (!str_i64(str_slice(text, 0, digits), 0, INT64_MAX / units[i].factor, &number))
            return false;
        *out = number * units[i].factor;
        return true;
    }
    return false;
}

bool parse_size(struct str text, int64_t *bytes)
{
    return parse_unit(text, size_units, COUNT(size_units), bytes);
}

bool parse_time(struct str text, int64_t *ms)
{
    return parse_unit(text, time_units, COUNT(time_units), ms);
}

bool parse_decimal(struct str text, unsigned decimals_max, uint64_t *digits, unsigned *decimals)
{
    struct str whole = str_slice(text, 0, str_index(text, '.'));
    struct str fraction = str_from(text, whole.n + 1);
    bool has_point = whole.n < text.n;
    if (whole.n == 0 || (has_point && fraction.n == 0) || fraction.n > decimals_max)
        return false;
    uint64_t value = 0;
    size_t count = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (i == whole.n)
            continue;
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.p[i] - '0');
        count += value > 0;
        if (count > 18)
            return false;
    }
    *digits = value;
    *decimals = (unsigned)fraction.n;
    return true;
}

/* The commonest mistake, with a message of its own. */
static bool is_bare_number(struct str text)
{
    int64_t number = 0;
    return str_i64(text, INT64_MIN, INT64_MAX, &number);
}

static bool show_unit(int64_t value, const struct unit *units, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        if ((value != 0 && value % units[i].factor == 0) || i + 1 == n)
            return buf_addf(out, "%" PRId64 "%s", value / units[i].factor, units[i].suffix);
    return false;
}

bool show_size(int64_t bytes, struct buf *out)
{
    return show_unit(bytes, size_units, COUNT(size_units), out);
}

bool show_time(int64_t ms, struct buf *out)
{
    /* "120s" reads as well as "2m", and is how the defaults are written. */
    if (ms % 1000 == 0 && ms < 600000)
        return buf_addf(out, "%" PRId64 "s", ms / 1000);
    return show_unit(ms, time_units, COUNT(time_units), out);
}

/* A function type, not a struct: its pointers read better with a name. */
typedef bool show_fn(int64_t value, struct buf *out);

/* "(want 100ms..10m)": the limits in the unit that the operator writes. */
static bool explain_range(struct str text, struct range range, show_fn *show, struct buf *why)
{
    buf_clear(why);
    bool added = buf_addf(why, "\"%.*s\" is out of range (want ", SHORT_ARG(text)) &&
                 show(range.min, why) && buf_add_str(why, STR("..")) && show(range.max, why) &&
                 buf_add_char(why, ')');
    if (!added)
        buf_clear(why);
    return false;
}

static bool show_count(int64_t n, struct buf *out)
{
    return buf_addf(out, "%" PRId64, n);
}

bool value_size(struct str text, struct range range, int64_t *out, struct buf *why)
{
    int64_t bytes = 0;
    if (is_bare_number(text))
        return explain(why, "\"%.*s\" has no unit (want a size like 512k, 64m or 2g)",
                       SHORT_ARG(text));
    if (!parse_size(text, &bytes))
        return explain(why, "\"%.*s\" is not a size (want one like 512k, 64m or 2g)",
                       SHORT_ARG(text));
    if (bytes < range.min || bytes > range.max)
        return explain_range(text, range, show_size, why);
    *out = bytes;
    return true;
}

bool value_time(struct str text, struct range range, int64_t *out, struct buf *why)
{
    int64_t ms = 0;
    if (is_bare_number(text))
        return explain(why, "\"%.*s\" has no unit (want a time like %.*ss or 250ms)",
                       SHORT_ARG(text), SHORT_ARG(text));
    if (!parse_time(text, &ms))
        return explain(why, "\"%.*s\" is not a time (want one like 250ms, 30s, 5m or 1h)",
                       SHORT_ARG(text));
    if (ms < range.min || ms > range.max)
        return explain_range(text, range, show_time, why);
    *out = ms;
    return true;
}

bool value_count(struct str text, struct range range, int64_t *out, struct buf *why)
{
    int64_t n = 0;
    if (!str_i64(text, INT64_MIN, INT64_MAX, &n))
        return explain(why, "\"%.*s\" is not a number (want %" PRId64 "..%" PRId64 ")",
                       SHORT_ARG(text), range.min, range.max);
    if (n < range.min || n > range.max)
        return explain_range(text, range, show_count, why);
    *out = n;
    return true;
}

bool value_switch(struct str text, bool *out, struct buf *why)
{
    bool on = str_eq(text, STR("on"));
    if (!on && !str_eq(text, STR("off")))
        return explain(why, "\"%.*s\" is not a switch (want on or off)", SHORT_ARG(text));
    *out = on;
    return true;
}

static bool explain_choice(struct str text, const char *const *words, struct buf *why)
{
    struct nearest nearest = {.word = text};
    buf_clear(why);
    bool added = buf_addf(why, "\"%.*s\" is not one of ", SHORT_ARG(text));
    for (size_t i = 0; words[i] != NULL; i++) {
        nearest_offer(&nearest, words[i]);
        added = added && buf_addf(why, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    if (nearest.name != NULL)
        added = added && buf_addf(why, "; did you mean \"%s\"?", nearest.name);
    if (!added)
        buf_clear(why);
    return false;
}

bool value_choice(struct str text, const char *const *words, int *out, struct buf *why)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (str_eq(text, str_of(words[i]))) {
            *out = i;
            return true;
        }
    }
    return explain_choice(text, words, why);
}

bool value_text(struct str text, struct range range, struct buf *why)
{
    if (text.n == 0 && range.min > 0)
        return explain(why, "the value is empty");
    if ((int64_t)text.n < range.min || (int64_t)text.n > range.max)
        return explain(why, "the value is %zu bytes long (want %" PRId64 "..%" PRId64 ")", text.n,
                       range.min, range.max);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return explain(why, "the value holds a control character");
    return true;
}

bool show_text(struct str text, struct buf *out)
{
    bool plain = text.n == 0 || (text.p[0] != '"' && str_trim(text).n == text.n);
    for (size_t i = 0; i < text.n; i++)
        plain = plain && text.p[i] != '\n' && text.p[i] != '\t';
    if (plain)
        return buf_add_str(out, text);
    if (!buf_add_char(out, '"'))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        char escape = c == '\n' ? 'n' : c == '\t' ? 't' : c;
        bool escaped = c == '"' || c == '\\' || escape != c;
        if ((escaped && !buf_add_char(out, '\\')) || !buf_add_char(out, escape))
            return false;
    }
    return buf_add_char(out, '"');
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

bool next_word(struct str *rest, struct str *word)
{
    size_t from = 0;
    while (from < rest->n && is_space(rest->p[from]))
        from++;
    size_t to = from;
    while (to < rest->n && !is_space(rest->p[to]))
        to++;
    if (to == from)
        return false;
    *word = str_slice(*rest, from, to);
    *rest = str_from(*rest, to);
    return true;
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    struct str candidate = str_of(name);
    unsigned distance = str_distance(nearest->word, candidate);
    /* A third of the word may be wrong; further off is a guess that misleads. */
    size_t limit = (nearest->word.n > candidate.n ? nearest->word.n : candidate.n) / 3;
    if (distance > 3 || distance > (limit < 1 ? 1 : limit))
        return;
    if (nearest->name != NULL && nearest->distance <= distance)
        return;
    nearest->name = name;
    nearest->distance = distance;
}
