#include "store/admin_run.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"

#define SECRET_MIN 4 /* long enough is the operator's affair; made keys have 285 bits */
#define SECRET_MAX 256
#define EXPIRES_MAX_S (INT64_C(100) * 366 * 86400)
#define NETWORKS_MAX 1000

static const char *state_of(const struct admin_run *run, const struct key_row *row)
{
    if (row->revoked_ms != 0)
        return "revoked";
    if (!row->enabled)
        return "disabled";
    bool is_over = row->expires_ms != 0 && row->expires_ms <= run->room->now_ms;
    return is_over ? "expired" : "enabled";
}

static json_t *key_json(struct admin_run *run, const struct key_row *row)
{
    struct account_row account;
    char period[PERIOD_TEXT_SIZE] = "";
    if (row->limit.nusd >= 0)
        period_format(row->limit.period, run->room->now_ms, period);
    (void)!account_find(run->db, ACCOUNT_KEY, row->id, period, &account);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     admin_id(row->id), "name", admin_string(row->name), "hint", row->hint, "user",
                     row->user_name, "group", row->group_name, "state", state_of(run, row),
                     "enabled", row->enabled, "expires", admin_time(row->expires_ms), "limit",
                     admin_quota(row->limit), "spent", admin_usd(account.spent), "models",
                     admin_list(run->db, LIST_KEY_MODELS, row->id), "networks",
                     admin_list(run->db, LIST_KEY_NETWORKS, row->id), "created",
                     admin_time(row->created_ms));
}

/* --- create ----------------------------------------------------------------------------------- */

static bool check_networks(struct admin_run *run)
{
    const json_t *list = json_object_get(run->arguments, "networks");
    struct network network;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!network_parse(str_of(text), &network)) {
            (void)admin_refuse(run, STORE_INVALID, "\"networks\": \"%.60s\" is no network", text);
            return false;
        }
    }
    if (json_array_size(list) <= NETWORKS_MAX)
        return true;
    (void)admin_refuse(run, STORE_INVALID, "\"networks\": at most %d entries", NETWORKS_MAX);
    return false;
}

/* A secret that the operator brings along (from another gateway) must fit a header and be long
 * enough that its plain hash cannot be searched. */
static bool read_secret(struct admin_run *run, char secret[SECRET_MAX + 1])
{
    struct str text = admin_text(run, "secret");
    if (!admin_has(run, "secret")) {
        secret_make_key(secret);
        return true;
    }
    bool ok = text.n >= SECRET_MIN && text.n <= SECRET_MAX;
    for (size_t i = 0; ok && i < text.n; i++)
        ok = text.p[i] >= ' ' && text.p[i] < 0x7f;
    if (ok)
        snprintf(secret, SECRET_MAX + 1, "%.*s", STR_ARG(text));
    else
        (void)admin_refuse(run, STORE_INVALID, "\"secret\": want %d to %d printable characters",
                           SECRET_MIN, SECRET_MAX);
    return ok;
}

static bool read_limits(struct admin_run *run, struct key_row *row)
{
    int64_t expires_s = admin_number(run, "expires_s", 0);
    if (admin_has(run, "name") && !admin_read_name(run, row->name))
        return false;
    if (expires_s > EXPIRES_MAX_S) {
        (void)admin_refuse(run, STORE_INVALID, "\"expires_s\": at most 100 years");
        return false;
    }
    if (admin_has(run, "expires_s"))
        row->expires_ms = expires_s > 0 ? run->room->now_ms + expires_s * 1000 : 0;
    return admin_check_patterns(run, "models") && check_networks(run) &&
           admin_read_quota(run, "limit", &row->limit);
}

/* In which group of its own it is. */
static enum store_code read_group(struct admin_run *run, struct key_row *row)
{
    struct group_row group;
    if (!admin_has(run, "group"))
        return STORE_OK;
    if (!group_by_name(run->db, admin_text(run, "group"), &group))
        return admin_refuse(run, STORE_NOTFOUND, "no group \"%s\"", admin_ztext(run, "group"));
    row->group_id = group.id;
    snprintf(row->group_name, sizeof row->group_name, "%s", group.name);
    return STORE_OK;
}

/* Whose key it is, and in which group. */
static enum store_code read_owner(struct admin_run *run, struct key_row *row)
{
    struct user_row user;
    if (!user_by_name(run->db, admin_text(run, "user"), &user))
        return admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", admin_ztext(run, "user"));
    row->user_id = user.id;
    snprintf(row->user_name, sizeof row->user_name, "%s", user.name);
    snprintf(row->group_name, sizeof row->group_name, "%s", user.group_name);
    return read_group(run, row);
}

static enum store_code insert_key(struct admin_run *run, struct key_row *row, struct str secret)
{
    struct key_row other;
    secret_hash(secret, row->hash);
    if (key_by_hash(run->db, row->hash, &other))
        return admin_refuse(run, STORE_CONFLICT, "a key with this secret exists (%s)", other.hint);
    struct str first = str_slice(secret, 0, 6);
    struct str last = str_from(secret, secret.n - 4);
    snprintf(row->hint, sizeof row->hint, "%.*s\xe2\x80\xa6%.*s", STR_ARG(first), STR_ARG(last));
    row->id = ident_next(run->room->ids, run->room->now_ms);
    row->created_ms = run->room->now_ms;
    key_insert(run->db, row);
    admin_store_list(run, LIST_KEY_MODELS, row->id, "models");
    admin_store_list(run, LIST_KEY_NETWORKS, row->id, "networks");
    memcpy(run->new_hash, row->hash, sizeof run->new_hash);
    run->has_new_hash = true;
    return STORE_OK;
}

enum store_code admin_key_create(struct admin_run *run)
{
    struct key_row row = {.enabled = true, .limit = {.nusd = -1}};
    char secret[SECRET_MAX + 1];
    if (!read_limits(run, &row) || !read_secret(run, secret))
        return STORE_INVALID;
    enum store_code code = read_owner(run, &row);
    if (code == STORE_OK)
        code = insert_key(run, &row, str_of(secret));
    if (code == STORE_OK) {
        run->result = key_json(run, &row);
        if (json_object_set_new(run->result, "secret", json_string(secret)) != 0) {
            json_decref(run->result);
            run->result = NULL;
        }
        code = admin_done(run);
    }
    secret_wipe(secret, sizeof secret);
    return code;
}

/* --- the rest --------------------------------------------------------------------------------- */

enum store_code admin_key_list(struct admin_run *run)
{
    struct user_row user = {0};
    struct key_row row;
    if (admin_has(run, "user") && !user_by_name(run->db, admin_text(run, "user"), &user))
        return admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", admin_ztext(run, "user"));
    int64_t most, after = admin_number(run, "after", 0);
    if (!admin_read_rows(run, ADMIN_ROWS_MAX, &most))
        return STORE_INVALID;
    if (after == 0 && admin_has(run, "after") &&
        !str_i64(admin_text(run, "after"), 1, INT64_MAX, &after))
        return admin_refuse(run, STORE_INVALID, "\"after\": want the id of a key");
    struct query *query = key_after(run->db, user.id, after, most);
    run->result = json_array();
    while (key_next(query, &row))
        (void)json_array_append_new(run->result, key_json(run, &row));
    return admin_done(run);
}

enum store_code admin_find_key(struct admin_run *run, struct str text, struct key_row *row)
{
    int64_t id = 0;
    bool is_id = str_i64(text, 1, INT64_MAX, &id);
    int n = key_by_name(run->db, text, row);
    if (n == 1)
        return STORE_OK;
    if (n > 1)
        return admin_refuse(run, STORE_CONFLICT, "%d keys look like \"%s\"; use the id", n, text.p);
    if (db_trouble(run->db) != DB_FINE)
        return STORE_DOWN;
    if (is_id)
        return admin_refuse(run, STORE_NOTFOUND, "no key %lld", (long long)id);
    if (secret_looks_like_key(text))
        return admin_refuse(
            run, STORE_NOTFOUND,
            "that looks like a key's secret: give its id or hint (gateway key list)");
    return admin_refuse(run, STORE_NOTFOUND, "no key \"%.40s\"", text.p);
}

/* By id, as a number or in digits, or by hint. */
static enum store_code find_key(struct admin_run *run, struct key_row *row)
{
    char digits[24];
    int64_t id = admin_number(run, "id", 0);
    snprintf(digits, sizeof digits, "%lld", (long long)id);
    return admin_find_key(run, id > 0 ? str_of(digits) : admin_text(run, "id"), row);
}

enum store_code admin_key_show(struct admin_run *run)
{
    struct key_row row;
    enum store_code code = find_key(run, &row);
    if (code != STORE_OK)
        return code;
    run->result = key_json(run, &row);
    return admin_done(run);
}

/* The key's new group, or with null or "none" its user's again. */
static enum store_code move_key(struct admin_run *run, struct key_row *row)
{
    struct user_row user;
    struct str name = admin_text(run, "group");
    if (!admin_has(run, "group") || (name.n > 0 && !str_eq(name, STR("none"))))
        return read_group(run, row);
    if (!user_by_id(run->db, row->user_id, &user))
        return STORE_DOWN;
    row->group_id = 0;
    snprintf(row->group_name, sizeof row->group_name, "%s", user.group_name);
    return STORE_OK;
}

enum store_code admin_key_set(struct admin_run *run)
{
    struct key_row row;
    enum store_code code = find_key(run, &row);
    if (code != STORE_OK)
        return code;
    if (row.revoked_ms != 0)
        return admin_refuse(run, STORE_CONFLICT, "key %s has been revoked; create a new one",
                            row.hint);
    run->before = key_json(run, &row);
    if (!admin_has_change(run, "a name, group, expiry, models, networks or a limit") ||
        !read_limits(run, &row))
        return STORE_INVALID;
    code = move_key(run, &row);
    if (code != STORE_OK)
        return code;
    key_update(run->db, &row);
    if (admin_has(run, "models"))
        admin_store_list(run, LIST_KEY_MODELS, row.id, "models");
    if (admin_has(run, "networks"))
        admin_store_list(run, LIST_KEY_NETWORKS, row.id, "networks");
    admin_effect(run, EFFECT_FORGET_KEY, row.id, 0);
    run->result = key_json(run, &row);
    return admin_done(run);
}

static enum store_code change_key(struct admin_run *run, bool enabled, bool revoke)
{
    struct key_row row;
    enum store_code code = find_key(run, &row);
    if (code != STORE_OK)
        return code;
    if (enabled && row.revoked_ms != 0)
        return admin_refuse(run, STORE_CONFLICT, "key %s has been revoked; create a new one",
                            row.hint);
    run->before = key_json(run, &row);
    row.enabled = enabled;
    if (revoke && row.revoked_ms == 0)
        row.revoked_ms = run->room->now_ms;
    key_update(run->db, &row);
    admin_effect(run, EFFECT_FORGET_KEY, row.id, 0);
    run->result = key_json(run, &row);
    return admin_done(run);
}

enum store_code admin_key_revoke(struct admin_run *run)
{
    return change_key(run, false, true);
}

enum store_code admin_key_disable(struct admin_run *run)
{
    return change_key(run, false, false);
}

enum store_code admin_key_enable(struct admin_run *run)
{
    return change_key(run, true, false);
}
