#include "tests/unit/admin_fixture.h"

static void assert_members(const json_t *object, const char *names)
{
    struct str rest = str_of(names);
    struct str name;
    size_t n = 0;
    while (str_cut(&rest, ',', &name)) {
        if (json_object_getn(object, name.p, name.n) == NULL)
            fail_msg("no member %.*s", STR_ARG(name));
        n++;
    }
    assert_int_equal(json_object_size(object), n);
}

static bool file_contains(const char *path, const char *text)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(n);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    bool found = memmem(bytes, n, text, strlen(text)) != NULL;
    free(bytes);
    return found;
}

/* --- the table -------------------------------------------------------------------------------- */

/* What is refused, by which code, and a part of the line that says why. */
static const struct refusal {
    const char *operation, *arguments;
    enum store_code code;
    const char *why;
} refusals[] = {
    {"no such", "{}", STORE_INVALID, "unknown operation"},
    {"user add", "[]", STORE_INVALID, "must be an object"},
    {"user add", "{}", STORE_INVALID, "needs \"name\""},
    {"user add", "{\"name\":7}", STORE_INVALID, "\"name\" must be a string"},
    {"user add", "{\"name\":\"\"}", STORE_INVALID, "\"name\""},
    {"user add", "{\"name\":\"a\\nb\"}", STORE_INVALID, "control"},
    {"user add", "{\"name\":\"a b\"}", STORE_INVALID, "without blanks"},
    {"user add", "{\"name\":\"a\\u00a0b\"}", STORE_INVALID, "without blanks"},
    {"user add", "{\"name\":\"a\\u0085b\"}", STORE_INVALID, "control"},
    {"group add", "{\"name\":\"g h\",\"models\":[\"*\"]}", STORE_INVALID, "without blanks"},
    {"key create", "{\"user\":\"ann\",\"name\":\"my key\"}", STORE_INVALID, "without blanks"},
    {"user add", "{\"name\":\"-x\"}", STORE_INVALID, "\"name\""},
    {"user add", "{\"name\":\"x\",\"colour\":\"red\"}", STORE_INVALID, "no argument \"colour\""},
    {"user add", "{\"name\":\"x\",\"ratio\":\"fast\"}", STORE_INVALID, "\"ratio\""},
    {"user add", "{\"name\":\"x\",\"ratio\":1}", STORE_INVALID, "must be a string"},
    {"user add", "{\"name\":\"x\",\"credit\":\"1,5\"}", STORE_INVALID, "\"credit\""},
    {"user add", "{\"name\":\"x\",\"credit\":\"0.0000000001\"}", STORE_INVALID, "\"credit\""},
    {"user add", "{\"name\":\"x\",\"credit\":\"-1\"}", STORE_INVALID, "negative"},
    {"user add", "{\"name\":\"x\",\"group\":\"none\"}", STORE_NOTFOUND, "no group \"none\""},
    {"user add", "{\"name\":\"ann\"}", STORE_CONFLICT, "exists"},
    {"user list", "{\"name\":\"ann\"}", STORE_INVALID, "no argument"},
    {"user show", "{\"name\":\"zed\"}", STORE_NOTFOUND, "no user \"zed\""},
    {"user set", "{\"name\":\"zed\"}", STORE_NOTFOUND, "no user \"zed\""},
    {"user set", "{\"name\":\"ann\",\"group\":\"none\"}", STORE_NOTFOUND, "no group"},
    {"user set", "{\"name\":\"ann\",\"ratio\":\"-1\"}", STORE_INVALID, "\"ratio\""},
    {"user set", "{\"name\":\"ann\",\"credit\":\"1\"}", STORE_INVALID, "no argument"},
    {"user credit", "{\"name\":\"zed\",\"amount\":\"1\"}", STORE_NOTFOUND, "no user"},
    {"user credit", "{\"name\":\"ann\"}", STORE_INVALID, "needs \"amount\""},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"0\"}", STORE_INVALID, "not be 0"},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"--1\"}", STORE_INVALID, "\"amount\""},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"1\",\"ref\":\"\"}", STORE_INVALID, "\"ref\""},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"9223372036\"}", STORE_INVALID, "fit"},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"-10.1\"}", STORE_SHORT, "10.000000000"},
    {"user credit", "{\"name\":\"ann\",\"amount\":\"1\",\"ref\":\"a\\nb\"}", STORE_INVALID,
     "\"ref\""},
    {"user credits", "{\"name\":\"zed\"}", STORE_NOTFOUND, "no user"},
    {"user list", "{\"limit\":1001}", STORE_INVALID, "at most 1000"},
    {"key list", "{\"limit\":1001}", STORE_INVALID, "at most 1000"},
    {"key list", "{\"after\":\"x\"}", STORE_INVALID, "\"after\""},
    {"user credits", "{\"name\":\"ann\",\"limit\":1001}", STORE_INVALID, "at most 1000"},
    {"user credits", "{\"name\":\"ann\",\"after\":\"x\"}", STORE_INVALID, "\"after\""},
    {"user add", "{\"name\":\"=1+1\"}", STORE_INVALID, "beginning with one of"},
    {"user add", "{\"name\":\"*\"}", STORE_INVALID, "beginning with one of"},
    {"user add", "{\"name\":\"a\\u200bb\"}", STORE_INVALID, "invisible"},
    {"user add", "{\"name\":\"a\\u202eb\"}", STORE_INVALID, "invisible"},
    {"user disable", "{\"name\":\"zed\"}", STORE_NOTFOUND, "no user"},
    {"user enable", "{\"name\":\"zed\"}", STORE_NOTFOUND, "no user"},
    {"key create", "{}", STORE_INVALID, "needs \"user\""},
    {"db backup", "{}", STORE_INVALID, "needs \"file\""},
    {"db backup", "{\"file\":\"copy.db\"}", STORE_INVALID, "absolute path"},
    {"key create", "{\"user\":\"zed\"}", STORE_NOTFOUND, "no user \"zed\""},
    {"key create", "{\"user\":\"ann\",\"group\":\"none\"}", STORE_NOTFOUND, "no group"},
    {"key create", "{\"user\":\"ann\",\"expires_s\":0}", STORE_INVALID, "above 0"},
    {"key create", "{\"user\":\"ann\",\"expires_s\":99999999999}", STORE_INVALID, "100 years"},
    {"key create", "{\"user\":\"ann\",\"models\":\"gpt\"}", STORE_INVALID, "array of strings"},
    {"key create", "{\"user\":\"ann\",\"models\":[\"!\"]}", STORE_INVALID, "pattern"},
    {"key create", "{\"user\":\"ann\",\"networks\":[\"10.0.0.0/33\"]}", STORE_INVALID, "network"},
    {"key create", "{\"user\":\"ann\",\"limit\":\"5/year\"}", STORE_INVALID, "\"limit\""},
    {"key create", "{\"user\":\"ann\",\"limit\":5}", STORE_INVALID, "string or null"},
    {"key create", "{\"user\":\"ann\",\"secret\":\"abc\"}", STORE_INVALID, "\"secret\""},
    {"key create", "{\"user\":\"ann\",\"secret\":\"with a \\u0001 control byte\"}", STORE_INVALID,
     "\"secret\""},
    {"key create", "{\"user\":\"bob\",\"secret\":\"" SECRET "\"}", STORE_CONFLICT, "exists"},
    {"key list", "{\"user\":\"zed\"}", STORE_NOTFOUND, "no user"},
    {"key show", "{\"id\":1}", STORE_NOTFOUND, "no key 1"},
    {"key show", "{\"id\":\"sk-xxx\"}", STORE_NOTFOUND, "looks like a key's secret"},
    {"key show", "{\"id\":\"sk-xxx\xe2\x80\xa6yyyy\"}", STORE_NOTFOUND, "no key \"sk-xxx"},
    {"key show", "{\"id\":-1}", STORE_INVALID, "\"id\""},
    {"key set", "{\"id\":1}", STORE_NOTFOUND, "no key"},
    {"key set",
     "{\"id\":\"sk-012\xe2\x80\xa6"
     "6789\",\"limit\":\"x\"}",
     STORE_INVALID, "\"limit\""},
    {"key revoke", "{\"id\":1}", STORE_NOTFOUND, "no key"},
    {"key disable", "{\"id\":1}", STORE_NOTFOUND, "no key"},
    {"key enable", "{\"id\":1}", STORE_NOTFOUND, "no key"},
    {"group add", "{\"name\":\"g\"}", STORE_INVALID, "needs \"models\""},
    {"group add", "{\"name\":\"g\",\"models\":[]}", STORE_INVALID, "at least one"},
    {"group add", "{\"name\":\"g\",\"models\":[7]}", STORE_INVALID, "array of strings"},
    {"group add", "{\"name\":\"g\",\"models\":[\"*\"],\"endpoints\":[\"fax\"]}", STORE_INVALID,
     "no endpoint"},
    {"group add", "{\"name\":\"g\",\"models\":[\"*\"],\"quota\":\"x\"}", STORE_INVALID,
     "\"quota\""},
    {"group add", "{\"name\":\"vip\",\"models\":[\"*\"]}", STORE_CONFLICT, "exists"},
    {"group set", "{\"name\":\"none\"}", STORE_NOTFOUND, "no group"},
    {"group set", "{\"name\":\"vip\",\"enabled\":\"yes\"}", STORE_INVALID, "true or false"},
    {"group set", "{\"name\":\"vip\",\"models\":[]}", STORE_INVALID, "at least one"},
    {"group set", "{\"name\":\"vip\",\"user_quota\":\"-1\"}", STORE_INVALID, "\"user_quota\""},
    {"group list", "{\"x\":1}", STORE_INVALID, "no argument"},
    {"group show", "{\"name\":\"none\"}", STORE_NOTFOUND, "no group"},
    {"usage list", "{\"limit\":1001}", STORE_INVALID, "\"limit\""},
    {"usage list", "{\"user\":\"zed\"}", STORE_NOTFOUND, "no user"},
    {"usage list", "{\"after\":\"req_nonsense\"}", STORE_INVALID, "\"after\""},
    {"db check", "{\"deep\":true}", STORE_INVALID, "no argument"},
};

static void wrong_arguments_are_refused_in_one_line(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *row = &refusals[i];
        enum store_code code = admin_code(fixture, row->operation, row->arguments);
        if (code != row->code || strstr(fixture->why, row->why) == NULL)
            fail_msg("%s %s: code %d, \"%s\"", row->operation, row->arguments, code, fixture->why);
        assert_null(strchr(fixture->why, '\n'));
    }
    /* Nothing was left behind. */
    json_t *users = admin_ok(fixture, "user list", "{}");
    assert_int_equal(json_array_size(users), 2);
    json_decref(users);
    json_t *groups = admin_ok(fixture, "group list", "{}");
    assert_int_equal(json_array_size(groups), 2);
    json_decref(groups);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "balance", "\"10.000000000\"");
    assert_shown(fixture, "db check", "{}", "ok", "true");
    store_close(&fixture->store);
    assert_int_equal(db_number(fixture, "SELECT COUNT(*) FROM audit"), 4);
}

static void knows_tells_changes_from_reads(void **state)
{
    bool changes = false;
    (void)state;
    assert_true(store_admin_knows(STR("user add"), &changes));
    assert_true(changes);
    assert_true(store_admin_knows(STR("db check"), &changes));
    assert_false(changes);
    assert_false(store_admin_knows(STR("user ad"), &changes));
}

/* --- users ------------------------------------------------------------------------------------ */

static void user_add_answers_the_user(void **state)
{
    struct fixture *fixture = *state;
    json_t *user = admin_ok(fixture, "user add",
                            "{\"name\":\"eve\",\"group\":\"vip\",\"ratio\":\"0.8\","
                            "\"credit\":\"12.5\"}");
    assert_members(user, "id,name,group,enabled,ratio,balance,held,spent,created");
    assert_member(user, "name", "\"eve\"");
    assert_member(user, "group", "\"vip\"");
    assert_member(user, "enabled", "true");
    assert_member(user, "ratio", "\"0.8\"");
    assert_member(user, "balance", "\"12.500000000\"");
    assert_member(user, "held", "\"0.000000000\"");
    assert_member(user, "spent", "\"0.000000000\"");
    json_decref(user);
    assert_shown(fixture, "user show", "{\"name\":\"bob\"}", "group", "\"default\"");
    assert_shown(fixture, "user show", "{\"name\":\"bob\"}", "ratio", "\"1\"");
    assert_shown(fixture, "db check", "{}", "ledger_rows", "2");
}

static void user_list_is_sorted_by_name(void **state)
{
    struct fixture *fixture = *state;
    json_t *users = admin_ok(fixture, "user list", "{}");
    assert_int_equal(json_array_size(users), 2);
    assert_member(json_array_get(users, 0), "name", "\"ann\"");
    assert_member(json_array_get(users, 1), "name", "\"bob\"");
    json_decref(users);
}

static void lists_come_in_pages(void **state)
{
    struct fixture *fixture = *state;
    json_t *first = admin_ok(fixture, "user list", "{\"limit\":1}");
    json_t *rest = admin_ok(fixture, "user list", "{\"after\":\"ann\"}");
    assert_int_equal(json_array_size(first), 1);
    assert_int_equal(json_array_size(rest), 1);
    assert_member(json_array_get(rest, 0), "name", "\"bob\"");
    json_decref(rest);
    json_decref(first);
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"bob\"}"));
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"ann\"}"));
    first = admin_ok(fixture, "key list", "{\"limit\":2}");
    assert_int_equal(json_array_size(first), 2);
    json_t *after = json_pack("{s:O}", "after", json_object_get(json_array_get(first, 0), "id"));
    assert_int_equal(admin_json(fixture, "key list", after, &rest), STORE_OK);
    assert_int_equal(json_array_size(rest), 2);
    assert_true(json_equal(json_array_get(rest, 0), json_array_get(first, 1)));
    json_decref(rest);
    after = json_pack("{s:s, s:O}", "user", "ann", "after",
                      json_object_get(json_array_get(first, 0), "id"));
    assert_int_equal(admin_json(fixture, "key list", after, &rest), STORE_OK);
    assert_int_equal(json_array_size(rest), 1);
    json_decref(rest);
    json_decref(first);
}

static void user_credit_with_repeated_ref_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    const char *arguments = "{\"name\":\"ann\",\"amount\":\"2.5\",\"ref\":\"bill 7\"}";
    assert_shown(fixture, "user credit", arguments, "balance", "\"12.500000000\"");
    assert_shown(fixture, "user credit", arguments, "balance", "\"12.500000000\"");
    assert_shown(fixture, "user credit", "{\"name\":\"bob\",\"amount\":\"1\",\"ref\":\"bill 7\"}",
                 "balance", "\"1.000000000\"");
    assert_shown(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"-0.5\"}", "balance",
                 "\"12.000000000\"");
    assert_shown(fixture, "db check", "{}", "ok", "true");
    assert_shown(fixture, "db check", "{}", "ledger_rows", "4");
}

static void user_credit_reaches_the_book_before_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    struct hold hold = {0};
    struct admission admission;
    struct book *book = store_book(fixture->store);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_int_equal(
        book_admit(book, record, &(struct demand){.nusd = 15 * USD}, &hold, &admission),
        FAULT_INSUFFICIENT_BALANCE);
    json_decref(admin_ok(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"5\"}"));
    assert_int_equal(
        book_admit(book, record, &(struct demand){.nusd = 15 * USD}, &hold, &admission),
        FAULT_NONE);
    assert_shown(fixture, "user show", "{\"name\":\"ann\"}", "held", "\"15.000000000\"");
    /* What is held cannot be taken away. */
    assert_int_equal(admin_code(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"-1\"}"),
                     STORE_SHORT);
    book_settle(book, &hold, 0, 0);
    book_unpin(book, &hold);
    assert_int_equal(admin_code(fixture, "user credit", "{\"name\":\"ann\",\"amount\":\"-1\"}"),
                     STORE_OK);
    struct hold next = {0};
    assert_int_equal(
        book_admit(book, record, &(struct demand){.nusd = 15 * USD}, &next, &admission),
        FAULT_INSUFFICIENT_BALANCE);
    assert_int_equal(admission.available_nusd, 14 * USD);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void user_disable_is_in_force_at_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
    assert_shown(fixture, "user disable", "{\"name\":\"ann\"}", "enabled", "false");
    assert_int_equal(keyring_count(store_keyring(fixture->store)), 0);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_false(record->user_enabled);
    key_record_drop(store_keyring(fixture->store), &record);
    assert_shown(fixture, "user enable", "{\"name\":\"ann\"}", "enabled", "true");
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_true(record->user_enabled);
    key_record_drop(store_keyring(fixture->store), &record);
}

/* --- keys ------------------------------------------------------------------------------------- */

static void key_create_shows_the_secret_once(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    json_t *key = admin_ok(fixture, "key create",
                           "{\"user\":\"bob\",\"group\":\"vip\",\"models\":[\"a*\",\"!ab\"],"
                           "\"networks\":[\"10.0.0.0/8\",\"::1\"],\"limit\":\"20/month\","
                           "\"expires_s\":3600}");
    assert_members(key, "id,name,hint,user,group,state,enabled,expires,limit,spent,models,networks,"
                        "created,secret");
    const char *secret = json_string_value(json_object_get(key, "secret"));
    const char *hint = json_string_value(json_object_get(key, "hint"));
    assert_int_equal(strlen(secret), SECRET_KEY_SIZE - 1);
    assert_memory_equal(hint, secret, 6);
    assert_string_equal(hint + 9, secret + SECRET_KEY_SIZE - 5);
    assert_member(key, "name", "null");
    assert_member(key, "user", "\"bob\"");
    assert_member(key, "group", "\"vip\"");
    assert_member(key, "limit", "\"20/month\"");
    assert_member(key, "models", "[\"a*\",\"!ab\"]");
    assert_member(key, "networks", "[\"10.0.0.0/8\",\"::1\"]");
    assert_true(json_is_string(json_object_get(key, "expires")));
    assert_int_equal(key_get(fixture, secret, &record), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);

    json_t *shown = NULL;
    assert_int_equal(admin_json(fixture, "key show", json_pack("{s:s}", "id", hint), &shown),
                     STORE_OK);
    assert_null(json_object_get(shown, "secret"));
    assert_true(json_equal(json_object_get(shown, "id"), json_object_get(key, "id")));
    json_decref(shown);
    /* Nowhere in the database, not even in the audit. */
    store_close(&fixture->store);
    assert_false(file_contains(fixture->path, secret));
    assert_true(file_contains(fixture->path, hint));
    json_decref(key);
}

static void key_list_can_be_one_users(void **state)
{
    struct fixture *fixture = *state;
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"bob\"}"));
    json_t *keys = admin_ok(fixture, "key list", "{}");
    assert_int_equal(json_array_size(keys), 2);
    json_decref(keys);
    keys = admin_ok(fixture, "key list", "{\"user\":\"ann\"}");
    assert_int_equal(json_array_size(keys), 1);
    assert_member(json_array_get(keys, 0), "name", "\"ci\"");
    assert_member(json_array_get(keys, 0), "limit", "null");
    assert_member(json_array_get(keys, 0), "expires", "null");
    json_decref(keys);
}

static void key_hint_of_two_is_a_conflict(void **state)
{
    struct fixture *fixture = *state;
    json_decref(admin_ok(fixture, "key create",
                         "{\"user\":\"bob\",\"secret\":\"sk-012xxxxxxxxxxxxxxxxxxx6789\"}"));
    assert_int_equal(admin_code(fixture, "key show",
                                "{\"id\":\"sk-012\xe2\x80\xa6"
                                "6789\"}"),
                     STORE_CONFLICT);
}

static void key_disable_and_enable_are_in_force_at_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
    assert_int_equal(on_key(fixture, "key disable", NULL), STORE_OK);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_false(record->enabled);
    key_record_drop(store_keyring(fixture->store), &record);
    assert_int_equal(on_key(fixture, "key enable", NULL), STORE_OK);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_true(record->enabled);
    key_record_drop(store_keyring(fixture->store), &record);
}

static void key_revoke_is_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    int64_t id = id_of_key(fixture);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
    json_t *key = NULL;
    assert_int_equal(on_key(fixture, "key revoke", &key), STORE_OK);
    assert_member(key, "enabled", "false");
    assert_member(key, "state", "\"revoked\"");
    json_decref(key);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_false(record->enabled);
    key_record_drop(store_keyring(fixture->store), &record);
    json_t *keys = admin_ok(fixture, "key list", "{}");
    assert_int_equal(json_array_size(keys), 1);
    assert_member(json_array_get(keys, 0), "state", "\"revoked\"");
    json_decref(keys);
    assert_int_equal(
        admin_json(fixture, "key enable", json_pack("{s:I}", "id", (json_int_t)id), NULL),
        STORE_CONFLICT);
    assert_int_equal(admin_json(fixture, "key set", json_pack("{s:I}", "id", (json_int_t)id), NULL),
                     STORE_CONFLICT);
    assert_int_equal(
        admin_code(fixture, "key create", "{\"user\":\"ann\",\"secret\":\"" SECRET "\"}"),
        STORE_CONFLICT);
}

/* --- groups ----------------------------------------------------------------------------------- */

static void group_add_answers_the_group(void **state)
{
    struct fixture *fixture = *state;
    json_t *group = admin_ok(fixture, "group add",
                             "{\"name\":\"g\",\"models\":[\"gpt-*\",\"!gpt-4.5*\"],"
                             "\"endpoints\":[\"images\",\"chat\"],\"ratio\":\"1.000001\","
                             "\"quota\":\"20/month\",\"user_quota\":\"0.25/day\"}");
    assert_members(group, "id,name,enabled,ratio,models,endpoints,quota,user_quota,spent");
    assert_member(group, "models", "[\"gpt-*\",\"!gpt-4.5*\"]");
    assert_member(group, "endpoints", "[\"chat\",\"images\"]");
    assert_member(group, "ratio", "\"1.000001\"");
    assert_member(group, "quota", "\"20/month\"");
    assert_member(group, "user_quota", "\"0.25/day\"");
    assert_member(group, "spent", "\"0.000000000\"");
    json_decref(group);
    assert_shown(fixture, "group show", "{\"name\":\"default\"}", "models", "[\"*\"]");
    assert_shown(fixture, "group show", "{\"name\":\"default\"}", "endpoints", "[\"*\"]");
    assert_shown(fixture, "group show", "{\"name\":\"default\"}", "quota", "null");
}

static void group_set_changes_only_what_is_given(void **state)
{
    struct fixture *fixture = *state;
    struct key_record *record;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    key_record_drop(store_keyring(fixture->store), &record);
    json_decref(
        admin_ok(fixture, "group set", "{\"name\":\"default\",\"quota\":\"5\",\"ratio\":\"2\"}"));
    json_t *group = admin_ok(fixture, "group set",
                             "{\"name\":\"default\",\"models\":[\"a\",\"b\"],\"enabled\":false}");
    assert_member(group, "quota", "\"5\"");
    assert_member(group, "ratio", "\"2\"");
    assert_member(group, "models", "[\"a\",\"b\"]");
    assert_member(group, "enabled", "false");
    json_decref(group);
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    assert_false(record->group_enabled);
    assert_int_equal(record->group_ppm, 2000000);
    assert_non_null(record->group_account);
    key_record_drop(store_keyring(fixture->store), &record);
    assert_shown(fixture, "group set", "{\"name\":\"default\",\"quota\":null}", "quota", "null");
    assert_shown(fixture, "group set", "{\"name\":\"default\",\"quota\":\"7/day\"}", "quota",
                 "\"7/day\"");
    assert_shown(fixture, "group set", "{\"name\":\"default\",\"quota\":\"none\"}", "quota",
                 "null");
}

/* --- usage -------------------------------------------------------------------------- */

static void usage_list_pages_from_new_to_old(void **state)
{
    struct fixture *fixture = *state;
    struct store_settle rows[5];
    memset(rows, 0, sizeof rows);
    for (size_t i = 0; i < COUNT(rows); i++) {
        entry_fill(fixture, &rows[i].entry, 0);
        assert_int_equal(settle(fixture, &rows[i]), STORE_OK);
    }
    char id[IDENT_TEXT_SIZE];
    ident_format(rows[4].entry.id, id);
    json_t *page = admin_ok(fixture, "usage list", "{\"limit\":2}");
    assert_int_equal(json_array_size(page), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(page, 0), "request_id")),
                        id);
    assert_members(json_array_get(page, 0),
                   "request_id,ts,user,key_id,group,endpoint,model,provider,upstream_model,stream,"
                   "status,reason,end,attempts,counters,source,bill,ratio,user_ratio,hold,charge,"
                   "given_back,flags,t_first_ms,t_total_ms");
    const char *last = json_string_value(json_object_get(json_array_get(page, 1), "request_id"));
    json_t *next = NULL;
    assert_int_equal(admin_json(fixture, "usage list", json_pack("{s:s}", "after", last), &next),
                     STORE_OK);
    json_decref(page);
    assert_int_equal(json_array_size(next), 3);
    ident_format(rows[2].entry.id, id);
    assert_string_equal(json_string_value(json_object_get(json_array_get(next, 0), "request_id")),
                        id);
    json_decref(next);
}

static void credit_with_a_ref_is_booked_once(void **state)
{
    struct fixture *fixture = *state;
    static const char five[] = "{\"name\":\"bob\",\"amount\":\"5\",\"ref\":\"inv-1\"}";
    assert_shown(fixture, "user credit", five, "repeated_ref", "null");
    json_t *again = admin_ok(fixture, "user credit", five);
    assert_member(again, "repeated_ref", "\"inv-1\"");
    assert_member(again, "balance", "\"5.000000000\"");
    json_decref(again);
    assert_int_equal(
        admin_code(fixture, "user credit", "{\"name\":\"bob\",\"amount\":\"7\",\"ref\":\"inv-1\"}"),
        STORE_CONFLICT);
    assert_non_null(strstr(fixture->why, "was booked before, with 5.000000000 USD"));
    json_decref(admin_ok(fixture, "user credit", "{\"name\":\"bob\",\"amount\":\"-2\"}"));
    json_t *rows = admin_ok(fixture, "user credits", "{\"name\":\"bob\"}");
    assert_int_equal(json_array_size(rows), 2);
    assert_members(json_array_get(rows, 0), "id,ts,amount,ref");
    assert_member(json_array_get(rows, 0), "amount", "\"-2.000000000\"");
    assert_member(json_array_get(rows, 0), "ref", "null");
    assert_member(json_array_get(rows, 1), "ref", "\"inv-1\"");
    json_t *next = NULL;
    json_t *after = json_pack("{s:s, s:O}", "name", "bob", "after",
                              json_object_get(json_array_get(rows, 0), "id"));
    assert_int_equal(admin_json(fixture, "user credits", after, &next), STORE_OK);
    assert_int_equal(json_array_size(next), 1);
    assert_true(json_equal(json_array_get(next, 0), json_array_get(rows, 1)));
    json_decref(next);
    json_decref(rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, filled_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_tells_changes_from_reads),
        TEST(wrong_arguments_are_refused_in_one_line),
        TEST(user_add_answers_the_user),
        TEST(user_list_is_sorted_by_name),
        TEST(lists_come_in_pages),
        TEST(user_credit_with_repeated_ref_changes_nothing),
        TEST(user_credit_reaches_the_book_before_the_answer),
        TEST(user_disable_is_in_force_at_the_answer),
        TEST(key_create_shows_the_secret_once),
        TEST(key_list_can_be_one_users),
        TEST(key_hint_of_two_is_a_conflict),
        TEST(key_disable_and_enable_are_in_force_at_the_answer),
        TEST(key_revoke_is_for_ever),
        TEST(group_add_answers_the_group),
        TEST(group_set_changes_only_what_is_given),
        TEST(usage_list_pages_from_new_to_old),
        TEST(credit_with_a_ref_is_booked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
