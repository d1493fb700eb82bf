#include "store/admin_run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "config/model.h"

#define PATTERNS_MAX 1000
#define DECIMAL_SIZE 48

/* --- outcomes --------------------------------------------------------------------------------- */

enum store_code admin_refuse(struct admin_run *run, enum store_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_clear(&run->call->why);
    (void)!buf_addv(&run->call->why, format, args);
    va_end(args);
    return code;
}

enum store_code admin_done(struct admin_run *run)
{
    return db_trouble(run->db) == DB_FINE && run->result != NULL ? STORE_OK : STORE_DOWN;
}

void admin_effect(struct admin_run *run, enum admin_effect_kind kind, int64_t id, int64_t nusd)
{
    CHECK(run->effect_count < ADMIN_EFFECTS_MAX);
    run->effects[run->effect_count++] = (struct admin_effect){.kind = kind, .id = id, .nusd = nusd};
}

/* --- arguments -------------------------------------------------------------------------------- */

bool admin_has(const struct admin_run *run, const char *name)
{
    return json_object_get(run->arguments, name) != NULL;
}

bool admin_read_rows(struct admin_run *run, int64_t absent, int64_t *most)
{
    *most = admin_number(run, "limit", absent);
    if (*most <= ADMIN_ROWS_MAX)
        return true;
    (void)admin_refuse(run, STORE_INVALID, "\"limit\": at most %d", ADMIN_ROWS_MAX);
    return false;
}

bool admin_has_change(struct admin_run *run, const char *wanted)
{
    if (json_object_size(run->arguments) > 1)
        return true;
    (void)admin_refuse(run, STORE_INVALID, "nothing to change: give %s", wanted);
    return false;
}

const char *admin_ztext(const struct admin_run *run, const char *name)
{
    return json_string_value(json_object_get(run->arguments, name));
}

struct str admin_text(const struct admin_run *run, const char *name)
{
    return str_of(admin_ztext(run, name));
}

int64_t admin_number(const struct admin_run *run, const char *name, int64_t absent)
{
    const json_t *value = json_object_get(run->arguments, name);
    return json_is_integer(value) ? json_integer_value(value) : absent;
}

bool admin_read_ratio(struct admin_run *run, const char *name, uint32_t *ppm)
{
    if (!admin_has(run, name) || ratio_parse(admin_text(run, name), ppm))
        return true;
    (void)admin_refuse(run, STORE_INVALID, "\"%s\": want a decimal from 0 to 1000", name);
    return false;
}

bool admin_read_usd(struct admin_run *run, const char *name, int64_t *nusd)
{
    if (!admin_has(run, name))
        return true;
    struct str text = admin_text(run, name);
    bool is_negative = str_starts(text, STR("-"));
    int64_t amount;
    if (!usd_parse(is_negative ? str_from(text, 1) : text, &amount)) {
        (void)admin_refuse(run, STORE_INVALID, "\"%s\": want USD like \"12.5\"", name);
        return false;
    }
    *nusd = is_negative ? -amount : amount;
    return true;
}

bool admin_read_quota(struct admin_run *run, const char *name, struct quota *quota)
{
    if (!admin_has(run, name))
        return true;
    struct str text = admin_text(run, name);
    if (json_is_null(json_object_get(run->arguments, name)) || str_eq(text, STR("none"))) {
        *quota = (struct quota){.nusd = -1, .period = PERIOD_EVER};
        return true;
    }
    size_t slash = str_index(text, '/');
    struct str period = str_from(text, slash);
    struct quota read = {.period = PERIOD_EVER};
    bool ok = usd_parse(str_slice(text, 0, slash), &read.nusd);
    if (str_eq(period, STR("/day")))
        read.period = PERIOD_DAY;
    else if (str_eq(period, STR("/month")))
        read.period = PERIOD_MONTH;
    else
        ok = ok && period.n == 0;
    if (!ok) {
        (void)admin_refuse(run, STORE_INVALID,
                           "\"%s\": want none, or USD like \"5\", \"5/day\" or \"20/month\"", name);
        return false;
    }
    *quota = read;
    return true;
}

bool admin_read_endpoints(struct admin_run *run, uint32_t *bits)
{
    const json_t *list = json_object_get(run->arguments, "endpoints");
    uint32_t found = 0;
    if (list == NULL)
        return true;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        uint32_t more;
        if (!endpoints_parse(str_of(word), &more) || more == 0) {
            (void)admin_refuse(run, STORE_INVALID, "\"endpoints\": \"%.40s\" is no endpoint", word);
            return false;
        }
        found |= more;
    }
    *bits = json_array_size(list) > 0 ? found : ENDPOINTS_ALL;
    return true;
}

/* Of UTF-8: controls and a blank (U+0080 to U+00A0), and what cannot be seen or turns the direction
 * of writing, so that two names look alike. */
static bool is_invisible(struct str rest)
{
    static const struct {
        const char first[4], last[4];
    } ranges[] = {{"\xc2\x80", "\xc2\xa0"},
                  {"\xe2\x80\x8b", "\xe2\x80\x8f"},
                  {"\xe2\x80\xa8", "\xe2\x80\xae"},
                  {"\xe2\x81\xa0", "\xe2\x81\xaf"},
                  {"\xef\xbb\xbf", "\xef\xbb\xbf"}};
    for (size_t i = 0; i < COUNT(ranges); i++) {
        size_t n = strlen(ranges[i].first);
        if (rest.n >= n && memcmp(rest.p, ranges[i].first, n) >= 0 &&
            memcmp(rest.p, ranges[i].last, n) <= 0)
            return true;
    }
    return false;
}

/* Names appear in tables, logs, command lines and spreadsheets, where = + - @ begin a formula; * is
 * everybody. */
static bool is_name(struct str text)
{
    if (text.n == 0 || text.n >= ROW_NAME_SIZE || strchr("=+-@*", text.p[0]) != NULL)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c <= ' ' || c == 0x7f || is_invisible(str_from(text, i)))
            return false;
    }
    return true;
}

bool admin_read_name(struct admin_run *run, char name[ROW_NAME_SIZE])
{
    struct str text = admin_text(run, "name");
    if (!is_name(text)) {
        (void)admin_refuse(
            run, STORE_INVALID,
            "\"name\": want 1 to %d bytes without blanks, control and invisible characters, not "
            "beginning with one of = + - @ *",
            ROW_NAME_SIZE - 1);
        return false;
    }
    snprintf(name, ROW_NAME_SIZE, "%.*s", STR_ARG(text));
    return true;
}

bool admin_check_patterns(struct admin_run *run, const char *name)
{
    const json_t *list = json_object_get(run->arguments, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str text = str_of(json_string_value(json_array_get(list, i)));
        struct str pattern = str_starts(text, STR("!")) ? str_from(text, 1) : text;
        if (pattern.n == 0 || pattern.n > MODEL_NAME_MAX) {
            (void)admin_refuse(run, STORE_INVALID, "\"%s\": \"%.40s\" is no model pattern", name,
                               text.p);
            return false;
        }
    }
    if (json_array_size(list) <= PATTERNS_MAX)
        return true;
    (void)admin_refuse(run, STORE_INVALID, "\"%s\": at most %d entries", name, PATTERNS_MAX);
    return false;
}

/* --- values ----------------------------------------------------------------------------------- */

json_t *admin_usd(int64_t nusd)
{
    char text[USD_TEXT_SIZE];
    usd_format(nusd, text);
    return json_string(text);
}

/* "5.000000000" -> "5". */
static void cut_zeros(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '0')
        n--;
    if (n > 0 && text[n - 1] == '.')
        n--;
    text[n] = '\0';
}

json_t *admin_ratio(uint32_t ppm)
{
    char text[RATIO_TEXT_SIZE];
    ratio_format(ppm, text);
    return json_string(text);
}

json_t *admin_quota(struct quota quota)
{
    static const char *const suffixes[] = {
        [PERIOD_EVER] = "", [PERIOD_DAY] = "/day", [PERIOD_MONTH] = "/month"};
    char text[DECIMAL_SIZE];
    if (quota.nusd < 0)
        return json_null();
    usd_format(quota.nusd, text);
    cut_zeros(text);
    return json_sprintf("%s%s", text, suffixes[quota.period]);
}

json_t *admin_id(int64_t id)
{
    return json_sprintf("%" PRId64, id);
}

json_t *admin_time(int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (wall_ms == 0)
        return json_null();
    clock_format_utc(wall_ms, text);
    return json_string(text);
}

json_t *admin_string(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_string(text) : json_null();
}

json_t *admin_words(struct str text)
{
    json_t *array = json_array();
    struct str word;
    while (str_cut(&text, ' ', &word))
        (void)json_array_append_new(array, json_stringn(word.p, word.n));
    return array;
}

json_t *admin_list(struct db *db, enum row_list list, int64_t owner_id)
{
    json_t *array = json_array();
    struct str text;
    bool deny;
    struct query *query = list_each(db, list, owner_id);
    while (list_next(query, &text, &deny)) {
        json_t *item = json_sprintf("%s%s", deny ? "!" : "", text.p);
        (void)json_array_append_new(array, item);
    }
    return array;
}

void admin_store_list(struct admin_run *run, enum row_list list, int64_t owner_id,
                      const char *argument)
{
    const json_t *items = json_object_get(run->arguments, argument);
    list_clear(run->db, list, owner_id);
    for (size_t i = 0; i < json_array_size(items); i++)
        list_add(run->db, list, owner_id, (int)i,
                 str_of(json_string_value(json_array_get(items, i))));
}

bool admin_user_account(struct admin_run *run, int64_t user_id, struct account_row *row)
{
    if (account_find(run->db, ACCOUNT_USER, user_id, "", row))
        return true;
    row->id = ident_next(run->room->ids, run->room->now_ms);
    account_insert(run->db, ACCOUNT_USER, user_id, "", row->id);
    return db_trouble(run->db) == DB_FINE;
}
