#include "store/admin_run.h"

#include "config/price.h"
#include "store/bill.h"
#include "store/sqlite_ledger.h"

/* "in_text=3 out_text=2" -> {"in_text":3,"out_text":2}. */
static json_t *counters_json(const char *text)
{
    json_t *object = json_object();
    struct str rest = str_of(text);
    struct str word;
    while (str_cut(&rest, ' ', &word)) {
        size_t equals = str_index(word, '=');
        int64_t n;
        if (!str_i64(str_from(word, equals + 1), INT64_MIN, INT64_MAX, &n))
            continue;
        (void)json_object_setn_new(object, word.p, equals, json_integer(n));
    }
    return object;
}

static json_t *lines_json(const char *text)
{
    struct bill bill;
    bill_parse(str_of(text), &bill);
    return bill_json(&bill);
}

/* What the charge came from: counters by rates (the bill), times both ratios, rounded up. */
static json_t *arithmetic_json(const struct usage_row *row)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "counters",
                     counters_json(row->counters), "source", row->source, "bill",
                     lines_json(row->bill), "ratio", admin_ratio((uint32_t)row->group_ppm),
                     "user_ratio", admin_ratio((uint32_t)row->user_ppm), "hold",
                     admin_usd(row->hold_nusd), "charge", admin_usd(row->charge_nusd), "given_back",
                     admin_usd(row->given_back_nusd), "flags", admin_words(str_of(row->flags)));
}

static json_t *usage_json(const struct usage_row *row)
{
    char id[IDENT_TEXT_SIZE];
    ident_format(row->id, id);
    json_t *object = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:o, s:o, s:I}", "request_id", id,
        "ts", admin_time(row->ts_ms), "user", admin_string(row->user), "key_id",
        admin_id(row->key_id), "group", admin_string(row->group), "endpoint",
        admin_string(row->endpoint), "model", admin_string(row->model), "provider",
        admin_string(row->provider), "upstream_model", admin_string(row->upstream_model), "stream",
        row->stream, "status", (json_int_t)row->status, "reason", admin_string(row->reason), "end",
        admin_string(row->end), "attempts", (json_int_t)row->attempts);
    json_t *times = json_pack("{s:o, s:I}", "t_first_ms",
                              row->first_ms >= 0 ? json_integer(row->first_ms) : json_null(),
                              "t_total_ms", (json_int_t)row->total_ms);
    json_t *arithmetic = arithmetic_json(row);
    if (json_object_update(object, arithmetic) != 0 || json_object_update(object, times) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(arithmetic);
    json_decref(times);
    return object;
}

/* "req_" and base32, as ident_format writes it. */
static bool parse_request_id(struct str text, int64_t *id)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    char again[IDENT_TEXT_SIZE];
    uint64_t value = 0;
    if (text.n != IDENT_TEXT_SIZE - 1 || !str_starts(text, STR("req_")))
        return false;
    for (size_t i = 4; i < text.n; i++) {
        size_t digit = str_index((struct str){digits, sizeof digits - 1}, text.p[i]);
        if (digit == sizeof digits - 1)
            return false;
        value = value << 5 | digit;
    }
    if (value > INT64_MAX)
        return false;
    ident_format((int64_t)value, again);
    *id = (int64_t)value;
    return str_eq(text, str_of(again));
}

/* Rows of both lists: newest first, or for an export oldest first. */
static enum store_code list_usage(struct admin_run *run, bool oldest_first)
{
    struct usage_filter filter;
    struct usage_row row;
    if (!admin_read_filter(run, &filter))
        return run->code;
    struct usage_range range = {.user_id = filter.user_id,
                                .above_id = ident_first(filter.since_day * ADMIN_DAY_MS) - 1,
                                .below_id = ident_first((filter.until_day + 1) * ADMIN_DAY_MS)};
    struct str after = admin_text(run, "after");
    int64_t id = admin_number(run, "after", 0);
    if (!admin_read_rows(run, ADMIN_ROWS_DEFAULT, &range.most))
        return STORE_INVALID;
    if (after.n > 0 && !str_i64(after, 1, INT64_MAX, &id) && !parse_request_id(after, &id))
        return admin_refuse(run, STORE_INVALID, "\"after\": want a request id");
    if (id > 0 && oldest_first && id > range.above_id)
        range.above_id = id;
    if (id > 0 && !oldest_first && id < range.below_id)
        range.below_id = id;
    struct query *query = usage_each(run->db, &range, oldest_first);
    run->result = json_array();
    while (usage_next(query, &row))
        (void)json_array_append_new(run->result, usage_json(&row));
    return admin_done(run);
}

enum store_code admin_usage_list(struct admin_run *run)
{
    return list_usage(run, false);
}

enum store_code admin_usage_export(struct admin_run *run)
{
    return list_usage(run, true);
}

static bool has_word(const char *words, struct str wanted)
{
    struct str rest = str_of(words), word;
    while (str_cut(&rest, ' ', &word)) {
        if (str_eq(word, wanted))
            return true;
    }
    return false;
}

/* Why the charge is not what the lines of the bill come to. */
static json_t *note_json(const struct usage_row *row)
{
    if (has_word(row->flags, STR("unpriced")))
        return json_string("something has no price, or does not fit: what was held is charged");
    if (has_word(row->flags, STR("absurd_usage")))
        return json_string("the provider's report is not credible: at most twice what was held is "
                           "charged");
    return json_null();
}

enum store_code admin_usage_show(struct admin_run *run)
{
    struct usage_row row;
    int64_t id;
    if (!parse_request_id(admin_text(run, "id"), &id))
        return admin_refuse(run, STORE_INVALID, "\"id\": want a request id, such as req_...");
    struct query *query = usage_one(run->db, id);
    if (!usage_next(query, &row)) {
        if (db_trouble(run->db) != DB_FINE)
            return STORE_DOWN;
        return admin_refuse(run, STORE_NOTFOUND, "no request \"%s\"", admin_ztext(run, "id"));
    }
    run->result = usage_json(&row);
    (void)json_object_set_new(run->result, "note", note_json(&row));
    query_end(query);
    return admin_done(run);
}
