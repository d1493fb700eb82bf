#include "store/admin_run.h"

#include <string.h>
#include <time.h>

#include "store/sqlite_rollup.h"

#define SUMMARY_ROWS_MAX 10000
#define STEP_REQUESTS 5000
#define STEPS_MAX 20            /* some 0.5 s of the thread that charges */
#define DAY_LAST INT64_C(73049) /* 2169-12-31 */

/* "2026-11-27" as days since 1970; absent: *day stays.  False: `why` is written. */
static bool read_day(struct admin_run *run, const char *name, int64_t *day)
{
    struct str text = admin_text(run, name);
    int64_t year, month, date;
    if (!admin_has(run, name))
        return true;
    if (text.n == 10 && text.p[4] == '-' && text.p[7] == '-' &&
        str_i64(str_slice(text, 0, 4), 1970, 2169, &year) &&
        str_i64(str_slice(text, 5, 7), 1, 12, &month) &&
        str_i64(str_slice(text, 8, 10), 1, 31, &date)) {
        struct tm tm = {
            .tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)date};
        *day = timegm(&tm) / (ADMIN_DAY_MS / 1000);
        if (tm.tm_mday == (int)date)
            return true;
    }
    (void)admin_refuse(run, STORE_INVALID, "\"%s\": want a day (UTC), such as 2026-11-27", name);
    return false;
}

bool admin_read_filter(struct admin_run *run, struct usage_filter *filter)
{
    struct user_row user = {0};
    *filter = (struct usage_filter){.until_day = DAY_LAST};
    run->code = STORE_INVALID;
    if (!read_day(run, "since", &filter->since_day) || !read_day(run, "until", &filter->until_day))
        return false;
    if (admin_has(run, "user") && !user_by_name(run->db, admin_text(run, "user"), &user)) {
        run->code = admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", admin_ztext(run, "user"));
        return false;
    }
    filter->user_id = user.id;
    run->code = STORE_OK;
    return true;
}

/* Goes on with the sums until they are of every request that has ended; false: not yet, or there is
 * trouble. */
static bool catch_up(struct admin_run *run)
{
    bool left = true;
    for (unsigned i = 0; left && i < STEPS_MAX; i++) {
        bool ok = db_begin(run->db);
        if (ok)
            rollup_step(run->db, run->room->rollup, INT64_MAX, STEP_REQUESTS, &left);
        if (!ok || !db_commit(run->db)) {
            run->room->rollup->known = false;
            db_rollback(run->db);
            return false;
        }
    }
    return !left;
}

/* False for a word that is none of them. */
static bool read_by(struct admin_run *run, struct rollup_ask *ask)
{
    const json_t *list = json_object_get(run->arguments, "by");
    struct {
        const char *name;
        bool *by;
    } const words[] = {{"day", &ask->by_day},     {"user", &ask->by_user},
                       {"key", &ask->by_key},     {"group", &ask->by_group},
                       {"model", &ask->by_model}, {"provider", &ask->by_provider}};
    ask->by_day = list == NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        size_t at = 0;
        while (at < COUNT(words) && strcmp(words[at].name, word) != 0)
            at++;
        if (at == COUNT(words)) {
            (void)admin_refuse(
                run, STORE_INVALID,
                "\"by\": \"%.40s\" is none of day, user, key, group, model, provider", word);
            return false;
        }
        *words[at].by = true;
    }
    return true;
}

static bool set(json_t *object, bool asked, const char *name, json_t *value)
{
    if (asked)
        return json_object_set_new(object, name, value) == 0;
    json_decref(value);
    return true;
}

static json_t *day_json(int64_t day)
{
    char text[16];
    struct tm tm;
    time_t seconds = (time_t)(day * (ADMIN_DAY_MS / 1000));
    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d", &tm) == 0)
        return NULL;
    return json_string(text);
}

static json_t *sum_json(const struct rollup_row *row, const struct rollup_ask *ask)
{
    json_t *sums =
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "requests", (json_int_t)row->requests,
                  "failed", (json_int_t)row->failed, "input_tokens", (json_int_t)row->tokens_in,
                  "output_tokens", (json_int_t)row->tokens_out, "charged",
                  admin_usd(row->charged_nusd), "given_back", admin_usd(row->given_back_nusd),
                  "spent", admin_usd(row->charged_nusd - row->given_back_nusd));
    json_t *object = json_object();
    bool ok = set(object, ask->by_day, "day", day_json(row->day)) &&
              set(object, ask->by_user, "user", admin_string(row->user)) &&
              set(object, ask->by_key, "key_id", admin_id(row->key_id)) &&
              set(object, ask->by_group, "group", admin_string(row->group)) &&
              set(object, ask->by_model, "model", admin_string(row->model)) &&
              set(object, ask->by_provider, "provider", admin_string(row->provider)) &&
              json_object_update(object, sums) == 0;
    json_decref(sums);
    if (!ok) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

enum store_code admin_usage_summary(struct admin_run *run)
{
    struct usage_filter filter;
    struct rollup_ask ask = {.most = SUMMARY_ROWS_MAX + 1};
    struct rollup_row row;
    if (!admin_read_filter(run, &filter))
        return run->code;
    if (!read_by(run, &ask))
        return STORE_INVALID;
    if (!catch_up(run)) {
        if (db_trouble(run->db) != DB_FINE)
            return STORE_DOWN;
        return admin_refuse(run, STORE_BUSY, "usage is still being added up; ask again");
    }
    ask.user_id = filter.user_id;
    ask.since_day = filter.since_day;
    ask.until_day = filter.until_day;
    struct query *query = rollup_each(run->db, &ask);
    run->result = json_array();
    while (rollup_next(query, &row))
        (void)json_array_append_new(run->result, sum_json(&row, &ask));
    if (json_array_size(run->result) > SUMMARY_ROWS_MAX)
        return admin_refuse(run, STORE_INVALID, "more than %d rows: ask for fewer days, or by less",
                            SUMMARY_ROWS_MAX);
    return admin_done(run);
}
