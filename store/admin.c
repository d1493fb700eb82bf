#include "store/admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/admin_run.h"

/* Arguments of an operation: "name:type", '!' behind those that must be there.  Types: s text,
 * i positive integer, n positive integer or null, b boolean, l array of texts, q text or null,
 * k key (integer or text). */
struct operation {
    const char *name;
    bool changes;
    enum store_code (*run)(struct admin_run *run); /* NULL: only a job (store/store_job) */
    const char *arguments;
};

static const struct operation operations[] = {
    {"user add", true, admin_user_add, "name:s! group:s ratio:s credit:s"},
    {"user list", false, admin_user_list, "limit:i after:s"},
    {"user show", false, admin_user_show, "name:s!"},
    {"user credit", true, admin_user_credit, "name:s! amount:s! ref:s"},
    {"user credits", false, admin_user_credits, "name:s! limit:i after:s"},
    {"user set", true, admin_user_set, "name:s! group:s ratio:s"},
    {"user disable", true, admin_user_disable, "name:s!"},
    {"user enable", true, admin_user_enable, "name:s!"},
    {"key create", true, admin_key_create,
     "user:s! name:s group:s expires_s:n models:l networks:l limit:q secret:s"},
    {"key list", false, admin_key_list, "user:s limit:i after:k"},
    {"key show", false, admin_key_show, "id:k!"},
    {"key set", true, admin_key_set,
     "id:k! name:s group:q expires_s:n models:l networks:l limit:q"},
    {"key revoke", true, admin_key_revoke, "id:k!"},
    {"key disable", true, admin_key_disable, "id:k!"},
    {"key enable", true, admin_key_enable, "id:k!"},
    {"group add", true, admin_group_add,
     "name:s! models:l! endpoints:l ratio:s quota:q user_quota:q"},
    {"group set", true, admin_group_set,
     "name:s! models:l endpoints:l ratio:s quota:q user_quota:q enabled:b"},
    {"group list", false, admin_group_list, ""},
    {"group show", false, admin_group_show, "name:s!"},
    {"limit set", true, admin_limit_set, "scope:s! name:s! metric:s! amount:s! burst:s model:s"},
    {"limit rm", true, admin_limit_rm, "scope:s! name:s! metric:s! period:s model:s"},
    {"limit list", false, admin_limit_list, ""},
    {"task list", false, admin_task_list, "limit:i user:s state:s after:s"},
    {"task show", false, admin_task_show, "id:s!"},
    {"task cancel", true, admin_task_cancel, "id:s!"},
    {"usage list", false, admin_usage_list, "limit:i user:s after:k since:s until:s"},
    {"usage export", false, admin_usage_export, "limit:i user:s after:k since:s until:s"},
    {"usage summary", false, NULL, "by:l user:s since:s until:s"},
    {"usage show", false, admin_usage_show, "id:s!"},
    {"db check", false, admin_db_check, ""},
    {"db backup", false, NULL, "file:s!"},
};

static const struct operation *find(struct str name)
{
    for (size_t i = 0; i < COUNT(operations); i++) {
        if (str_eq(name, str_of(operations[i].name)))
            return &operations[i];
    }
    return NULL;
}

bool store_admin_knows(struct str operation, bool *changes)
{
    const struct operation *found = find(operation);
    if (found != NULL)
        *changes = found->changes;
    return found != NULL;
}

/* --- checking the arguments ------------------------------------------------------------------- */

static bool is_text_array(const json_t *value)
{
    size_t i;
    const json_t *item;
    if (!json_is_array(value))
        return false;
    for (i = 0; i < json_array_size(value); i++) {
        item = json_array_get(value, i);
        if (!json_is_string(item))
            return false;
    }
    return true;
}

static bool is_integer_above_0(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) > 0;
}

/* NULL when the value has the type, else what the type is called. */
static const char *mistyped(char type, const json_t *value)
{
    switch (type) {
    case 's':
        return json_is_string(value) ? NULL : "a string";
    case 'i':
        return is_integer_above_0(value) ? NULL : "an integer above 0";
    case 'n':
        return is_integer_above_0(value) || json_is_null(value) ? NULL
                                                                : "an integer above 0 or null";
    case 'b':
        return json_is_boolean(value) ? NULL : "true or false";
    case 'l':
        return is_text_array(value) ? NULL : "an array of strings";
    case 'q':
        return json_is_string(value) || json_is_null(value) ? NULL : "a string or null";
    case 'k':
        return json_is_string(value) || is_integer_above_0(value)
                   ? NULL
                   : "an integer above 0 or a string";
    default:
        CHECK(!"a type of the table");
        return "";
    }
}

/* Looks `name` up in "name:s! group:s"; false when it is not there. */
static bool argument_find(struct str table, struct str name, char *type)
{
    struct str word;
    while (str_cut(&table, ' ', &word)) {
        size_t colon = str_index(word, ':');
        if (str_eq(str_slice(word, 0, colon), name)) {
            *type = word.p[colon + 1];
            return true;
        }
    }
    return false;
}

static enum store_code check_present(struct admin_run *run, struct str table)
{
    struct str word;
    while (str_cut(&table, ' ', &word)) {
        struct str name = str_slice(word, 0, str_index(word, ':'));
        if (!str_ends(word, STR("!")))
            continue;
        if (json_object_getn(run->arguments, name.p, name.n) == NULL)
            return admin_refuse(run, STORE_INVALID, "%s needs \"%.*s\"", run->call->operation,
                                STR_ARG(name));
    }
    return STORE_OK;
}

static enum store_code check_arguments(struct admin_run *run, const struct operation *operation)
{
    struct str table = str_of(operation->arguments);
    void *at;
    if (run->arguments == NULL)
        return check_present(run, table);
    if (!json_is_object(run->arguments))
        return admin_refuse(run, STORE_INVALID, "the arguments must be an object");
    json_t *arguments = run->call->arguments;
    for (at = json_object_iter(arguments); at; at = json_object_iter_next(arguments, at)) {
        const char *name = json_object_iter_key(at);
        char type = '\0';
        if (!argument_find(table, str_of(name), &type))
            return admin_refuse(run, STORE_INVALID, "%s has no argument \"%.60s\"", operation->name,
                                name);
        const char *wanted = mistyped(type, json_object_iter_value(at));
        if (wanted != NULL)
            return admin_refuse(run, STORE_INVALID, "\"%s\" must be %s", name, wanted);
    }
    return check_present(run, table);
}

/* --- running ---------------------------------------------------------------------------------- */

/* The name or id that the operation was about. */
static char *object_text(const struct admin_run *run)
{
    static const char *const names[] = {"name", "id", "user"};
    for (size_t i = 0; i < COUNT(names); i++) {
        const json_t *value = json_object_get(run->arguments, names[i]);
        if (json_is_string(value))
            return str_dup(str_of(json_string_value(value)));
        if (json_is_integer(value))
            return json_dumps(value, JSON_ENCODE_ANY);
    }
    return str_dup(STR_EMPTY);
}

/* What the object was and is, without a new key's secret. */
static bool write_audit(struct admin_run *run)
{
    json_t *after = json_copy(run->result);
    (void)json_object_del(after, "secret");
    char *before_text = run->before != NULL ? json_dumps(run->before, JSON_COMPACT) : NULL;
    char *after_text = json_dumps(after, JSON_COMPACT);
    char *object = object_text(run);
    bool ok = after_text != NULL && object != NULL;
    if (ok) {
        struct query *query =
            db_query(run->db, "INSERT INTO audit (id, ts, who, action, object, before, after) "
                              "VALUES (?1, ?2, 'operator', ?3, ?4, ?5, ?6)");
        query_i64(query, 1, ident_next(run->room->ids, run->room->now_ms));
        query_i64(query, 2, run->room->now_ms);
        query_text(query, 3, run->call->operation);
        query_text(query, 4, object);
        query_text(query, 5, before_text);
        query_text(query, 6, after_text);
        ok = query_run(query);
    }
    json_decref(after);
    free(before_text);
    free(after_text);
    free(object);
    return ok;
}

static void undo_credits(struct admin_run *run)
{
    for (unsigned i = 0; i < run->effect_count; i++) {
        struct admin_effect *effect = &run->effects[i];
        if (!effect->applied)
            continue;
        book_lock(run->room->book);
        book_credit(run->room->book, effect->id, -effect->nusd);
        book_unlock(run->room->book);
        effect->applied = false;
    }
    run->effect_count = 0;
}

static void change(struct admin_run *run, const struct operation *operation)
{
    struct task_tally tally = run->room->tasks->tally;
    if (!db_savepoint(run->db)) {
        run->code = STORE_DOWN;
        return;
    }
    run->code = operation->run(run);
    if (run->code == STORE_OK && !write_audit(run))
        run->code = STORE_DOWN;
    if (run->code == STORE_OK) {
        db_keep(run->db);
        return;
    }
    undo_credits(run);
    run->room->tasks->tally = tally;
    run->give_back = (struct give_back){0};
    run->limit_change = ADMIN_LIMIT_NONE;
    db_undo(run->db);
}

static const struct operation *check(struct admin_run *run, const struct admin_room *room,
                                     struct store_admin *call)
{
    run->room = room;
    run->db = room->db;
    run->call = call;
    run->arguments = call->arguments;
    const struct operation *operation = find(str_of(call->operation));
    if (operation != NULL)
        run->code = check_arguments(run, operation);
    else
        run->code =
            admin_refuse(run, STORE_INVALID, "unknown operation \"%.60s\"", call->operation);
    return operation;
}

bool admin_run_check(struct admin_run *run, const struct admin_room *room, struct store_admin *call)
{
    (void)check(run, room, call);
    return run->code == STORE_OK;
}

void admin_run(struct admin_run *run, const struct admin_room *room, struct store_admin *call)
{
    const struct operation *operation = check(run, room, call);
    if (run->code != STORE_OK)
        return;
    CHECK(operation->run != NULL);
    if (operation->changes)
        change(run, operation);
    else
        run->code = operation->run(run);
}

static void apply(const struct admin_room *room, const struct admin_effect *effect)
{
    switch (effect->kind) {
    case EFFECT_FORGET_KEY:
        keyring_forget_key(room->keyring, effect->id);
        return;
    case EFFECT_FORGET_USER:
        keyring_forget_user(room->keyring, effect->id);
        return;
    case EFFECT_FORGET_GROUP:
        keyring_forget_group(room->keyring, effect->id);
        return;
    case EFFECT_CREDIT:
        if (effect->applied)
            return;
        book_lock(room->book);
        book_credit(room->book, effect->id, effect->nusd);
        book_unlock(room->book);
        return;
    }
}

static void apply_limit(struct admin_run *run)
{
    struct book *book = run->room->book;
    bool ok = true;
    if (run->limit_change == ADMIN_LIMIT_NONE)
        return;
    book_lock(book);
    if (run->limit_change == ADMIN_LIMIT_SET)
        ok = meters_set(book_meters(book), &run->limit);
    else
        meters_remove(book_meters(book), &run->limit);
    book_unlock(book);
    if (!ok)
        log_write(LOG_ERROR, "store",
                  "memory is out: a limit that was set is not in force before "
                  "it is set again or the server restarts");
}

void admin_run_apply(struct admin_run *run)
{
    for (unsigned i = 0; i < run->effect_count; i++)
        apply(run->room, &run->effects[i]);
    book_give_back(run->room->book, &run->give_back);
    apply_limit(run);
    if (run->has_new_hash)
        keyring_forget_hash(run->room->keyring, run->new_hash);
}

void admin_run_abandon(struct admin_run *run)
{
    /* After a failed fsync the change may yet be found on disk: what is cached is read again. */
    for (unsigned i = 0; i < run->effect_count; i++) {
        if (run->effects[i].kind != EFFECT_CREDIT)
            apply(run->room, &run->effects[i]);
    }
    undo_credits(run);
    if (run->code == STORE_OK)
        run->code = STORE_DOWN;
}

void admin_run_finish(struct admin_run *run)
{
    struct store_admin *call = run->call;
    if (run->code == STORE_OK)
        call->result = json_incref(run->result);
    if (run->code == STORE_DOWN && call->why.n == 0)
        (void)admin_refuse(run, STORE_DOWN, "the database cannot be written or read now");
    json_decref(run->result);
    json_decref(run->before);
    run->result = NULL;
    run->before = NULL;
}
