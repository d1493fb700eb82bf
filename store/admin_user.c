#include "store/admin_run.h"

#include <stdio.h>

#include "config/price.h"
#include "store/sqlite_ledger.h"

#define REF_MAX 200

static json_t *user_json(struct admin_run *run, const struct user_row *row)
{
    struct account_row account;
    int64_t held = 0;
    int64_t spent;
    (void)!account_find(run->db, ACCOUNT_USER, row->id, "", &account);
    book_lock(run->room->book);
    (void)book_peek(run->room->book, ACCOUNT_USER, row->id, "", &held, &spent);
    book_unlock(run->room->book);
    return json_pack("{s:o, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "id", admin_id(row->id),
                     "name", row->name, "group", row->group_name, "enabled", row->enabled, "ratio",
                     admin_ratio(row->ratio_ppm), "balance",
                     admin_usd(account.credited - account.spent), "held", admin_usd(held), "spent",
                     admin_usd(account.spent), "created", admin_time(row->created_ms));
}

static enum store_code no_user(struct admin_run *run, struct str name)
{
    if (db_trouble(run->db) != DB_FINE)
        return STORE_DOWN;
    return admin_refuse(run, STORE_NOTFOUND, "no user \"%.*s\"", STR_ARG(name));
}

/* A credit that was booked before is not booked again; another amount is another credit. */
static enum store_code repeat(struct admin_run *run, const char *ref, int64_t nusd, int64_t booked)
{
    char text[USD_TEXT_SIZE];
    usd_format(booked, text);
    if (nusd == booked)
        return STORE_OK;
    return admin_refuse(run, STORE_CONFLICT,
                        "\"%s\" was booked before, with %s USD; nothing was changed", ref, text);
}

/* Money moves by a ledger row and the account's sum, in one step. */
static enum store_code credit(struct admin_run *run, int64_t user_id, int64_t nusd, const char *ref)
{
    struct account_row account;
    int64_t sum;
    if (!admin_user_account(run, user_id, &account))
        return STORE_DOWN;
    if (ref != NULL && ledger_find_ref(run->db, account.id, ref, &sum))
        return repeat(run, ref, nusd, sum);
    if (__builtin_add_overflow(account.credited, nusd, &sum))
        return admin_refuse(run, STORE_INVALID, "\"amount\": the sum of credits would not fit");
    ledger_credit(run->db, ident_next(run->room->ids, run->room->now_ms), run->room->now_ms,
                  account.id, nusd, ref);
    admin_effect(run, EFFECT_CREDIT, user_id, nusd);
    if (db_trouble(run->db) != DB_FINE)
        return STORE_DOWN;
    if (nusd > 0)
        return STORE_OK;
    /* What is taken away must be there and not held, by the book's words if the account is cached:
     * they are ahead of the database. */
    int64_t held = 0;
    int64_t spent = account.spent;
    book_lock(run->room->book);
    (void)book_peek(run->room->book, ACCOUNT_USER, user_id, "", &held, &spent);
    bool is_there = account.credited - spent - held + nusd >= 0;
    if (is_there) {
        book_credit(run->room->book, user_id, nusd);
        run->effects[run->effect_count - 1].applied = true;
    }
    book_unlock(run->room->book);
    if (is_there)
        return STORE_OK;
    char text[USD_TEXT_SIZE];
    usd_format(account.credited - spent - held, text);
    return admin_refuse(run, STORE_SHORT, "only %s USD are available", text);
}

enum store_code admin_user_add(struct admin_run *run)
{
    struct user_row row = {.enabled = true, .ratio_ppm = 1000000};
    struct group_row group;
    int64_t nusd = 0;
    if (!admin_read_name(run, row.name) || !admin_read_ratio(run, "ratio", &row.ratio_ppm) ||
        !admin_read_usd(run, "credit", &nusd))
        return STORE_INVALID;
    if (nusd < 0)
        return admin_refuse(run, STORE_INVALID, "\"credit\": must not be negative");
    struct str group_name = admin_has(run, "group") ? admin_text(run, "group") : STR("default");
    if (!group_by_name(run->db, group_name, &group))
        return admin_refuse(run, STORE_NOTFOUND, "no group \"%.*s\"", STR_ARG(group_name));
    struct user_row other;
    if (user_by_name(run->db, str_of(row.name), &other))
        return admin_refuse(run, STORE_CONFLICT, "user \"%s\" exists", row.name);
    row.id = ident_next(run->room->ids, run->room->now_ms);
    row.group_id = group.id;
    row.created_ms = run->room->now_ms;
    snprintf(row.group_name, sizeof row.group_name, "%s", group.name);
    user_insert(run->db, &row);
    if (nusd > 0) {
        enum store_code code = credit(run, row.id, nusd, NULL);
        if (code != STORE_OK)
            return code;
    }
    run->result = user_json(run, &row);
    return admin_done(run);
}

enum store_code admin_user_list(struct admin_run *run)
{
    struct user_row row;
    int64_t most;
    if (!admin_read_rows(run, ADMIN_ROWS_MAX, &most))
        return STORE_INVALID;
    struct query *query = user_after(run->db, admin_text(run, "after"), most);
    run->result = json_array();
    while (user_next(query, &row))
        (void)json_array_append_new(run->result, user_json(run, &row));
    return admin_done(run);
}

enum store_code admin_user_show(struct admin_run *run)
{
    struct user_row row;
    if (!user_by_name(run->db, admin_text(run, "name"), &row))
        return no_user(run, admin_text(run, "name"));
    run->result = user_json(run, &row);
    return admin_done(run);
}

static bool is_ref(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    }
    return text.n > 0 && text.n <= REF_MAX;
}

enum store_code admin_user_credit(struct admin_run *run)
{
    struct user_row row;
    int64_t nusd = 0;
    const char *ref = admin_ztext(run, "ref");
    if (!user_by_name(run->db, admin_text(run, "name"), &row))
        return no_user(run, admin_text(run, "name"));
    if (!admin_read_usd(run, "amount", &nusd))
        return STORE_INVALID;
    if (nusd == 0)
        return admin_refuse(run, STORE_INVALID, "\"amount\": must not be 0");
    if (ref != NULL && !is_ref(str_of(ref)))
        return admin_refuse(run, STORE_INVALID,
                            "\"ref\": want 1 to %d bytes without control characters", REF_MAX);
    run->before = user_json(run, &row);
    unsigned effects = run->effect_count;
    enum store_code code = credit(run, row.id, nusd, ref);
    if (code != STORE_OK)
        return code;
    run->result = user_json(run, &row);
    bool is_repeated = run->effect_count == effects;
    (void)json_object_set_new(run->result, "repeated_ref",
                              is_repeated ? json_string(ref) : json_null());
    return admin_done(run);
}

enum store_code admin_user_credits(struct admin_run *run)
{
    struct user_row user;
    struct account_row account;
    struct credit_row row;
    int64_t most, below = INT64_MAX;
    if (!admin_read_rows(run, ADMIN_ROWS_DEFAULT, &most))
        return STORE_INVALID;
    if (admin_has(run, "after") && !str_i64(admin_text(run, "after"), 1, INT64_MAX, &below))
        return admin_refuse(run, STORE_INVALID, "\"after\": want the id of a credit");
    if (!user_by_name(run->db, admin_text(run, "name"), &user))
        return no_user(run, admin_text(run, "name"));
    (void)!account_find(run->db, ACCOUNT_USER, user.id, "", &account);
    struct query *query = credits_of(run->db, account.id, below, most);
    run->result = json_array();
    while (credit_next(query, &row))
        (void)json_array_append_new(run->result,
                                    json_pack("{s:o, s:o, s:o, s:o}", "id", admin_id(row.id), "ts",
                                              admin_time(row.ts_ms), "amount", admin_usd(row.nusd),
                                              "ref", admin_string(row.ref)));
    return admin_done(run);
}

enum store_code admin_user_set(struct admin_run *run)
{
    struct user_row row;
    struct group_row group;
    if (!user_by_name(run->db, admin_text(run, "name"), &row))
        return no_user(run, admin_text(run, "name"));
    run->before = user_json(run, &row);
    if (!admin_has_change(run, "a group or a ratio") ||
        !admin_read_ratio(run, "ratio", &row.ratio_ppm))
        return STORE_INVALID;
    if (admin_has(run, "group")) {
        if (!group_by_name(run->db, admin_text(run, "group"), &group))
            return admin_refuse(run, STORE_NOTFOUND, "no group \"%s\"", admin_ztext(run, "group"));
        row.group_id = group.id;
        snprintf(row.group_name, sizeof row.group_name, "%s", group.name);
    }
    user_update(run->db, &row);
    admin_effect(run, EFFECT_FORGET_USER, row.id, 0);
    run->result = user_json(run, &row);
    return admin_done(run);
}

static enum store_code enable(struct admin_run *run, bool enabled)
{
    struct user_row row;
    if (!user_by_name(run->db, admin_text(run, "name"), &row))
        return no_user(run, admin_text(run, "name"));
    run->before = user_json(run, &row);
    row.enabled = enabled;
    user_update(run->db, &row);
    admin_effect(run, EFFECT_FORGET_USER, row.id, 0);
    run->result = user_json(run, &row);
    return admin_done(run);
}

enum store_code admin_user_disable(struct admin_run *run)
{
    return enable(run, false);
}

enum store_code admin_user_enable(struct admin_run *run)
{
    return enable(run, true);
}
