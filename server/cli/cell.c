#include "server/cli/cell.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "config/value.h"

#define VALUE_BYTES_MAX 8192

static bool add_clean(struct buf *out, struct str text)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        ok = buf_add_char(out, c < 0x20 || c == 0x7f ? '?' : text.p[i]);
    }
    return ok;
}

/* "2026-11-24T19:00:00Z" becomes local time; anything else is left to the caller. */
static bool add_time(struct buf *out, struct str text, bool *ok)
{
    char copy[21];
    struct tm utc, local;
    if (text.n != sizeof copy - 1 || text.p[10] != 'T' || text.p[19] != 'Z')
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    memset(&utc, 0, sizeof utc);
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (!end || *end != '\0')
        return false;
    time_t seconds = timegm(&utc);
    char shown[32];
    if (!localtime_r(&seconds, &local) || strftime(shown, sizeof shown, "%F %T", &local) == 0)
        return false;
    *ok = buf_add_str(out, str_of(shown));
    return true;
}

/* Money comes with nine digits; people want two, and more only where they say something. */
static struct str without_zeros(struct str text)
{
    size_t dot = str_index(text, '.');
    if (dot == 0 || text.n != dot + 10)
        return text;
    for (size_t i = 0; i < text.n; i++)
        if (i != dot && !(text.p[i] >= '0' && text.p[i] <= '9') && !(i == 0 && text.p[i] == '-'))
            return text;
    while (text.n > dot + 3 && text.p[text.n - 1] == '0')
        text.n--;
    return text;
}

static bool add_string(struct buf *out, const json_t *value)
{
    struct str text = {json_string_value(value), json_string_length(value)};
    bool ok = true;
    if (text.n == 0)
        return buf_add_char(out, '-');
    if (add_time(out, text, &ok))
        return ok;
    return add_clean(out, without_zeros(text));
}

static bool add_scalar(struct buf *out, const json_t *value)
{
    if (json_is_string(value))
        return add_string(out, value);
    if (json_is_integer(value))
        return buf_addf(out, "%" PRId64, (int64_t)json_integer_value(value));
    if (json_is_real(value))
        return buf_addf(out, "%g", json_real_value(value));
    if (json_is_boolean(value))
        return buf_add_str(out, json_is_true(value) ? STR("yes") : STR("no"));
    return buf_add_char(out, '-');
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static bool is_time(const char *counter)
{
    return str_ends(str_of(counter), STR("_ms"));
}

/* Milliseconds as seconds of at most three decimals, without useless zeros. */
static bool add_seconds(struct buf *out, int64_t ms)
{
    int decimals = 3;
    int64_t part = ms % 1000;
    for (; decimals > 0 && part % 10 == 0; decimals--)
        part /= 10;
    return buf_addf(out, "%" PRId64, ms / 1000) &&
           (decimals == 0 || buf_addf(out, ".%0*" PRId64, decimals, part)) &&
           buf_add_str(out, STR(" s"));
}

/* "in_text 3 x 2.5 per 1M tokens = 0.0000075": what is counted in milliseconds is priced by the
 * second, and shown so. */
static bool add_bill_line(struct buf *out, const json_t *line)
{
    const char *counter = text_of(line, "counter");
    int64_t quantity = (int64_t)json_integer_value(json_object_get(line, "quantity"));
    return buf_addf(out, "%s ", counter) &&
           (is_time(counter) ? add_seconds(out, quantity) : buf_addf(out, "%" PRId64, quantity)) &&
           buf_addf(out, " x %s = %s", text_of(line, "price"), text_of(line, "cost"));
}

/* "in_text 2.5/1M tokens above=200000": its conditions as the configuration writes them. */
static bool add_price(struct buf *out, const json_t *price)
{
    static const struct {
        const char *name;
        bool is_counted; /* in what the counter counts */
    } conditions[] = {{"above", false}, {"tier", false},   {"quality", false},
                      {"size", false},  {"quantum", true}, {"minimum", true}};
    const char *counter = text_of(price, "counter");
    bool ok = buf_addf(out, "%s %s/%s", counter, text_of(price, "usd"), text_of(price, "per"));
    for (size_t i = 0; ok && i < COUNT(conditions); i++) {
        const json_t *value = json_object_get(price, conditions[i].name);
        if (value != NULL)
            ok = buf_addf(out, " %s=", conditions[i].name) &&
                 (conditions[i].is_counted && is_time(counter)
                      ? show_time((int64_t)json_integer_value(value), out)
                      : add_scalar(out, value));
    }
    return ok;
}

/* Offers and prices have a short form of their own. */
static bool add_known_object(struct buf *out, const json_t *object, bool *ok)
{
    if (json_object_get(object, "upstream_model")) {
        *ok = add_clean(out, str_of(text_of(object, "provider"))) && buf_add_char(out, '/') &&
              add_clean(out, str_of(text_of(object, "upstream_model")));
        return true;
    }
    if (json_object_get(object, "cost")) {
        *ok = add_bill_line(out, object);
        return true;
    }
    if (json_object_get(object, "counter")) {
        *ok = add_price(out, object);
        return true;
    }
    return false;
}

/* The inside of a list: scalars and flat objects; what lies deeper shows only with --json. */
static bool add_flat(struct buf *out, const json_t *value)
{
    bool ok = true;
    if (!json_is_object(value))
        return json_is_array(value) ? buf_add_str(out, STR("[...]")) : add_scalar(out, value);
    if (add_known_object(out, value, &ok))
        return ok;
    void *at = json_object_iter((json_t *)(uintptr_t)value);
    for (bool first = true; ok && at;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at), first = false) {
        const json_t *member = json_object_iter_value(at);
        ok = (first || buf_add_char(out, ' ')) &&
             add_clean(out, str_of(json_object_iter_key(at))) && buf_add_char(out, '=') &&
             (json_is_object(member) || json_is_array(member) ? buf_add_str(out, STR("..."))
                                                              : add_scalar(out, member));
    }
    return ok;
}

bool cell_add(struct buf *out, const json_t *value)
{
    if (!json_is_array(value))
        return json_is_object(value) && json_object_size(value) == 0 ? buf_add_char(out, '-')
                                                                     : add_flat(out, value);
    bool ok = json_array_size(value) > 0 || buf_add_char(out, '-');
    bool objects = json_is_object(json_array_get(value, 0));
    for (size_t i = 0; ok && i < json_array_size(value); i++)
        ok = (i == 0 || buf_add_str(out, objects ? STR(", ") : STR(","))) &&
             add_flat(out, json_array_get(value, i));
    return ok;
}

/* --- talk --- */

/* The value of the "{member}" that *rest begins with, which is cut off. */
static const json_t *take_member(struct str *rest, const json_t *object)
{
    char member[32];
    size_t close = str_index(*rest, '}');
    struct str name = str_slice(*rest, 1, close);
    CHECK(close < rest->n && name.n < sizeof member);
    memcpy(member, name.p, name.n);
    member[name.n] = '\0';
    *rest = str_from(*rest, close + 1);
    return json_object_get(object, member);
}

static bool has_members(struct str part, const json_t *object)
{
    bool all = true;
    for (part = str_from(part, str_index(part, '{')); all && part.n > 0;
         part = str_from(part, str_index(part, '{'))) {
        const json_t *value = take_member(&part, object);
        all = value != NULL && !json_is_null(value);
    }
    return all;
}

/* In a sentence a bare '-' says nothing; a list that is empty restricts nothing. */
static bool add_value(struct buf *out, const json_t *value)
{
    if (value == NULL || json_is_null(value))
        return buf_add_str(out, STR("none"));
    if (json_is_array(value) && json_array_size(value) == 0)
        return buf_add_str(out, STR("any"));
    return cell_add(out, value);
}

bool cell_add_word(struct buf *out, struct str text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_./:@%+=,-";
    bool is_plain = text.n > 0;
    for (size_t i = 0; is_plain && i < text.n; i++)
        is_plain = memchr(plain, text.p[i], sizeof plain - 1) != NULL;
    if (is_plain)
        return buf_add_str(out, text);
    bool ok = buf_add_char(out, '\'');
    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] == '\'' ? buf_add_str(out, STR("'\\''")) : buf_add_char(out, text.p[i]);
    return ok && buf_add_char(out, '\'');
}

/* As it was given: a name that looks like money is none. */
static bool add_argument(struct buf *out, const json_t *value)
{
    struct str text = {json_string_value(value), json_string_length(value)};
    return json_is_string(value) ? add_clean(out, text) : add_scalar(out, value);
}

bool cell_expand_command(struct buf *out, const char *text, const json_t *object)
{
    struct str rest = str_of(text);
    struct buf value;
    bool ok = true;
    buf_init(&value, VALUE_BYTES_MAX);
    while (ok && rest.n > 0) {
        size_t open = str_index(rest, '{');
        ok = buf_add_str(out, str_slice(rest, 0, open));
        rest = str_from(rest, open);
        buf_clear(&value);
        if (ok && rest.n > 0)
            ok = add_argument(&value, take_member(&rest, object)) &&
                 cell_add_word(out, buf_str(&value));
    }
    buf_release(&value);
    return ok;
}

static bool expand(struct buf *out, struct str part, const json_t *object)
{
    bool ok = true;
    while (ok && part.n > 0) {
        size_t open = str_index(part, '{');
        ok = buf_add_str(out, str_slice(part, 0, open));
        part = str_from(part, open);
        if (ok && part.n > 0)
            ok = add_value(out, take_member(&part, object));
    }
    return ok;
}

bool cell_expand(struct buf *out, const char *text, const json_t *object)
{
    struct str rest = str_of(text);
    bool ok = true;
    while (ok && rest.n > 0) {
        bool may_miss = rest.p[0] == '[';
        struct str part = may_miss ? str_slice(rest, 1, str_index(rest, ']'))
                                   : str_slice(rest, 0, str_index(rest, '['));
        rest = str_from(rest, part.n + (may_miss ? 2 : 0));
        if (!may_miss || has_members(part, object))
            ok = expand(out, part, object);
    }
    return ok;
}
