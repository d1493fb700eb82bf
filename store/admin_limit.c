#include "store/admin_run.h"

#include <stdio.h>
#include <string.h>

#include "store/sqlite_limits.h"

#define LIMITS_MAX 100000 /* all of them are in memory */

static const char amounts_wanted[] =
    "\"amount\": want 1 to 10000000000 a minute or day, such as 60/min or 100000/day; of "
    "concurrent a number alone";

/* --- whose ------------------------------------------------------------------------------------ */

static enum store_code read_group(struct admin_run *run, struct str name, struct limit *limit)
{
    struct group_row row;
    if (!group_by_name(run->db, name, &row))
        return admin_refuse(run, STORE_NOTFOUND, "no group \"%s\"", name.p);
    limit->owner = row.id;
    return STORE_OK;
}

static enum store_code read_user(struct admin_run *run, struct str name, struct limit *limit)
{
    struct user_row row;
    if (!user_by_name(run->db, name, &row))
        return admin_refuse(run, STORE_NOTFOUND, "no user \"%s\"", name.p);
    limit->owner = row.id;
    return STORE_OK;
}

static enum store_code read_key(struct admin_run *run, struct str name, struct limit *limit)
{
    struct key_row row;
    enum store_code code = admin_find_key(run, name, &row);
    if (code == STORE_OK)
        limit->owner = row.id;
    return code;
}

/* A name of the configuration, which the store does not know. */
static enum store_code read_text(struct admin_run *run, struct str name, char *text, size_t size)
{
    if (name.n == 0 || name.n >= size)
        return admin_refuse(run, STORE_INVALID, "\"name\": want 1 to %zu bytes", size - 1);
    snprintf(text, size, "%.*s", STR_ARG(name));
    return STORE_OK;
}

static enum store_code read_owner(struct admin_run *run, struct limit *limit)
{
    struct str name = admin_text(run, "name");
    if (str_eq(name, STR("*")))
        return STORE_OK;
    switch (limit->scope) {
    case LIMIT_key:
        return read_key(run, name, limit);
    case LIMIT_user:
        return read_user(run, name, limit);
    case LIMIT_group:
    case LIMIT_group_user:
        return read_group(run, name, limit);
    case LIMIT_model:
        return read_text(run, name, limit->model, sizeof limit->model);
    case LIMIT_provider:
        return read_text(run, name, limit->provider, sizeof limit->provider);
    case LIMIT_SCOPE_COUNT:
        break;
    }
    return STORE_INVALID;
}

static enum store_code read_model(struct admin_run *run, struct limit *limit)
{
    struct str model = admin_text(run, "model");
    if (!admin_has(run, "model"))
        return STORE_OK;
    if (limit->scope == LIMIT_model)
        return admin_refuse(run, STORE_INVALID, "\"model\": the name is the model");
    if (model.n == 0 || model.n > MODEL_NAME_MAX)
        return admin_refuse(run, STORE_INVALID, "\"model\": want a model's name");
    snprintf(limit->model, sizeof limit->model, "%.*s", STR_ARG(model));
    return STORE_OK;
}

/* What tells limits apart, but for the period. */
static enum store_code read_name(struct admin_run *run, struct limit *limit)
{
    *limit = (struct limit){.owner = 0};
    if (!limit_scope_find(admin_text(run, "scope"), &limit->scope))
        return admin_refuse(run, STORE_INVALID,
                            "\"scope\": want key, user, group, group_user, model or provider");
    if (!limit_metric_find(admin_text(run, "metric"), &limit->metric))
        return admin_refuse(run, STORE_INVALID, "\"metric\": want requests, tokens or concurrent");
    enum store_code code = read_model(run, limit);
    return code == STORE_OK ? read_owner(run, limit) : code;
}

/* --- shown ------------------------------------------------------------------------------------ */

static json_t *name_json(struct admin_run *run, const struct limit *limit)
{
    struct key_row key;
    struct user_row user;
    struct group_row group;
    switch (limit->scope) {
    case LIMIT_key:
        if (limit->owner != 0 && key_by_id(run->db, limit->owner, &key))
            return admin_id(key.id);
        break;
    case LIMIT_user:
        if (limit->owner != 0 && user_by_id(run->db, limit->owner, &user))
            return json_string(user.name);
        break;
    case LIMIT_group:
    case LIMIT_group_user:
        if (limit->owner != 0 && group_by_id(run->db, limit->owner, &group))
            return json_string(group.name);
        break;
    case LIMIT_model:
        return json_string(limit->model[0] != '\0' ? limit->model : "*");
    case LIMIT_provider:
        return json_string(limit->provider[0] != '\0' ? limit->provider : "*");
    case LIMIT_SCOPE_COUNT:
        break;
    }
    return json_string("*");
}

static json_t *limit_json(struct admin_run *run, const struct limit *limit)
{
    struct buf amount;
    buf_init(&amount, 64);
    bool ok = limit_amount_format(limit, &amount) && buf_add_char(&amount, '\0');
    bool has_burst = limit->metric != LIMIT_CONCURRENT;
    const char *model = limit->scope == LIMIT_model ? "" : limit->model;
    json_t *json =
        !ok ? NULL
            : json_pack("{s:s, s:o, s:s, s:s, s:o, s:o}", "scope", limit_scope_name(limit->scope),
                        "name", name_json(run, limit), "metric", limit_metric_name(limit->metric),
                        "amount", amount.p, "burst",
                        has_burst ? json_integer(limit->size.burst) : json_null(), "model",
                        admin_string(model));
    buf_release(&amount);
    return json;
}

/* --- operations ------------------------------------------------------------------------------- */

static enum store_code read_size(struct admin_run *run, struct limit *limit)
{
    if (!limit_amount_parse(admin_text(run, "amount"), limit->metric, &limit->size))
        return admin_refuse(run, STORE_INVALID, "%s", amounts_wanted);
    if (!admin_has(run, "burst"))
        return STORE_OK;
    if (limit->metric == LIMIT_CONCURRENT)
        return admin_refuse(run, STORE_INVALID, "\"burst\": concurrent has none");
    if (!str_i64(admin_text(run, "burst"), 1, BUCKET_AMOUNT_MAX, &limit->size.burst))
        return admin_refuse(run, STORE_INVALID, "\"burst\": want 1 to 10000000000");
    return STORE_OK;
}

enum store_code admin_limit_set(struct admin_run *run)
{
    struct limit limit;
    enum store_code code = read_name(run, &limit);
    if (code == STORE_OK)
        code = read_size(run, &limit);
    if (code == STORE_OK && limit_count(run->db) >= LIMITS_MAX)
        code = admin_refuse(run, STORE_CONFLICT, "there are %d limits, which is as many as fit",
                            LIMITS_MAX);
    if (code != STORE_OK)
        return db_trouble(run->db) == DB_FINE ? code : STORE_DOWN;
    limit_put(run->db, &limit);
    run->limit = limit;
    run->limit_change = ADMIN_LIMIT_SET;
    run->result = limit_json(run, &limit);
    return admin_done(run);
}

enum store_code admin_limit_rm(struct admin_run *run)
{
    struct limit limit;
    enum store_code code = read_name(run, &limit);
    if (code != STORE_OK)
        return db_trouble(run->db) == DB_FINE ? code : STORE_DOWN;
    limit.size.period_us = -1;
    if (admin_has(run, "period") &&
        !limit_period_find(admin_text(run, "period"), &limit.size.period_us))
        return admin_refuse(run, STORE_INVALID, "\"period\": want min or day");
    int64_t ended = limit_delete(run->db, &limit);
    if (db_trouble(run->db) != DB_FINE)
        return STORE_DOWN;
    if (ended == 0)
        return admin_refuse(run, STORE_NOTFOUND, "no such limit (gateway limit list)");
    run->limit = limit;
    run->limit_change = ADMIN_LIMIT_END;
    run->result = json_pack("{s:s, s:o, s:s, s:I}", "scope", limit_scope_name(limit.scope), "name",
                            name_json(run, &limit), "metric", limit_metric_name(limit.metric),
                            "ended", (json_int_t)ended);
    return admin_done(run);
}

enum store_code admin_limit_list(struct admin_run *run)
{
    struct limit limit;
    struct query *query = limit_each(run->db);
    run->result = json_array();
    while (limit_next(query, &limit))
        (void)json_array_append_new(run->result, limit_json(run, &limit));
    return admin_done(run);
}
