#include "store/admin_run.h"

#include <stdio.h>

#include "config/model.h"

static json_t *endpoints_json(uint32_t bits)
{
    json_t *array = json_array();
    if (bits == ENDPOINTS_ALL)
        (void)json_array_append_new(array, json_string("*"));
    for (unsigned i = 0; bits != ENDPOINTS_ALL && i < ENDPOINT_COUNT; i++) {
        if (bits >> i & 1)
            (void)json_array_append_new(array, json_string(endpoint_name((enum endpoint)i)));
    }
    return array;
}

static json_t *group_json(struct admin_run *run, const struct group_row *row)
{
    struct account_row account;
    char period[PERIOD_TEXT_SIZE] = "";
    if (row->quota.nusd >= 0)
        period_format(row->quota.period, run->room->now_ms, period);
    (void)!account_find(run->db, ACCOUNT_GROUP, row->id, period, &account);
    return json_pack("{s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "id", admin_id(row->id),
                     "name", row->name, "enabled", row->enabled, "ratio",
                     admin_ratio(row->ratio_ppm), "models",
                     admin_list(run->db, LIST_GROUP_MODELS, row->id), "endpoints",
                     endpoints_json(row->endpoints), "quota", admin_quota(row->quota), "user_quota",
                     admin_quota(row->user_quota), "spent", admin_usd(account.spent));
}

static enum store_code no_group(struct admin_run *run)
{
    if (db_trouble(run->db) != DB_FINE)
        return STORE_DOWN;
    return admin_refuse(run, STORE_NOTFOUND, "no group \"%s\"", admin_ztext(run, "name"));
}

/* What `add` and `set` share. */
static bool read_settings(struct admin_run *run, struct group_row *row)
{
    return admin_check_patterns(run, "models") && admin_read_endpoints(run, &row->endpoints) &&
           admin_read_ratio(run, "ratio", &row->ratio_ppm) &&
           admin_read_quota(run, "quota", &row->quota) &&
           admin_read_quota(run, "user_quota", &row->user_quota);
}

static bool has_empty_models(const struct admin_run *run)
{
    return admin_has(run, "models") &&
           json_array_size(json_object_get(run->arguments, "models")) == 0;
}

enum store_code admin_group_add(struct admin_run *run)
{
    struct group_row row = {.enabled = true,
                            .ratio_ppm = 1000000,
                            .endpoints = ENDPOINTS_ALL,
                            .quota = {.nusd = -1},
                            .user_quota = {.nusd = -1}};
    struct group_row other;
    if (!admin_read_name(run, row.name) || !read_settings(run, &row))
        return STORE_INVALID;
    if (has_empty_models(run))
        return admin_refuse(run, STORE_INVALID, "\"models\": want at least one pattern");
    if (group_by_name(run->db, str_of(row.name), &other))
        return admin_refuse(run, STORE_CONFLICT, "group \"%s\" exists", row.name);
    row.id = ident_next(run->room->ids, run->room->now_ms);
    row.created_ms = run->room->now_ms;
    group_insert(run->db, &row);
    admin_store_list(run, LIST_GROUP_MODELS, row.id, "models");
    run->result = group_json(run, &row);
    return admin_done(run);
}

enum store_code admin_group_set(struct admin_run *run)
{
    struct group_row row;
    if (!group_by_name(run->db, admin_text(run, "name"), &row))
        return no_group(run);
    run->before = group_json(run, &row);
    if (!admin_has_change(run, "models, endpoints, a ratio, a quota, a user quota or enabled") ||
        !read_settings(run, &row))
        return STORE_INVALID;
    if (has_empty_models(run))
        return admin_refuse(run, STORE_INVALID, "\"models\": want at least one pattern");
    if (admin_has(run, "enabled"))
        row.enabled = json_is_true(json_object_get(run->arguments, "enabled"));
    group_update(run->db, &row);
    if (admin_has(run, "models"))
        admin_store_list(run, LIST_GROUP_MODELS, row.id, "models");
    admin_effect(run, EFFECT_FORGET_GROUP, row.id, 0);
    run->result = group_json(run, &row);
    return admin_done(run);
}

enum store_code admin_group_list(struct admin_run *run)
{
    struct group_row row;
    struct query *query = group_each(run->db);
    run->result = json_array();
    while (group_next(query, &row))
        (void)json_array_append_new(run->result, group_json(run, &row));
    return admin_done(run);
}

enum store_code admin_group_show(struct admin_run *run)
{
    struct group_row row;
    if (!group_by_name(run->db, admin_text(run, "name"), &row))
        return no_group(run);
    run->result = group_json(run, &row);
    return admin_done(run);
}
