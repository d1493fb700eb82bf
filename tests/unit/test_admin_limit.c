/* room: store */
#include "tests/unit/store_fixture.h"

#include "store/admin.h"

#define SECRET "sk-0123456789012345678901234567890123456789"

/* A fixture with a user in a group, and his key. */
static int filled_up(void **state)
{
    fixture_up(state);
    struct fixture *fixture = *state;
    json_decref(admin_ok(fixture, "group add", "{\"name\":\"vip\",\"models\":[\"*\"]}"));
    json_decref(
        admin_ok(fixture, "user add", "{\"name\":\"ann\",\"group\":\"vip\",\"credit\":\"10\"}"));
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"ann\",\"secret\":\"" SECRET "\"}"));
    return 0;
}

static void assert_list(struct fixture *fixture, const char *expected)
{
    json_t *list = admin_ok(fixture, "limit list", "{}");
    char *text = json_dumps(list, JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
    json_decref(list);
}

/* How many requests of the key pass, one after the other, up to `most`. */
static unsigned passes(struct fixture *fixture, unsigned most)
{
    struct key_record *record = NULL;
    struct book *book = store_book(fixture->store);
    unsigned n = 0;
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    for (; n < most; n++) {
        struct hold hold = {.n = 0};
        struct admission found = {0};
        if (book_admit(book, record, &(struct demand){.nusd = 0}, &hold, &found) != FAULT_NONE)
            break;
        book_settle(book, &hold, 0, 0);
        book_unpin(book, &hold);
    }
    key_record_drop(store_keyring(fixture->store), &record);
    return n;
}

static void set_is_in_force_at_once_and_after_a_restart(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(passes(fixture, 9), 9); /* the record is cached */
    json_decref(admin_ok(fixture, "limit set",
                         "{\"scope\":\"user\",\"name\":\"ann\",\"metric\":\"requests\","
                         "\"amount\":\"3/day\"}"));
    assert_int_equal(passes(fixture, 2), 2);
    json_decref(admin_ok(fixture, "limit set",
                         "{\"scope\":\"user\",\"name\":\"ann\",\"metric\":\"requests\","
                         "\"amount\":\"5/day\"}"));
    assert_int_equal(passes(fixture, 9), 3); /* what was used stays used */
    store_close(&fixture->store);
    store_start(fixture);
    assert_int_equal(passes(fixture, 9), 5);
    json_decref(admin_ok(fixture, "limit rm",
                         "{\"scope\":\"user\",\"name\":\"ann\",\"metric\":\"requests\"}"));
    assert_int_equal(passes(fixture, 9), 9);
    assert_list(fixture, "[]");
}

static void list_shows_each_as_it_was_set(void **state)
{
    struct fixture *fixture = *state;
    static const char *const sets[] = {
        "{\"scope\":\"group\",\"name\":\"vip\",\"metric\":\"requests\",\"amount\":\"60/min\","
        "\"burst\":\"10\"}",
        "{\"scope\":\"group_user\",\"name\":\"vip\",\"metric\":\"concurrent\",\"amount\":\"4\"}",
        "{\"scope\":\"model\",\"name\":\"m1\",\"metric\":\"tokens\",\"amount\":\"1000000/min\"}",
        "{\"scope\":\"provider\",\"name\":\"p1\",\"metric\":\"requests\",\"amount\":\"5/min\"}",
        "{\"scope\":\"user\",\"name\":\"*\",\"metric\":\"tokens\",\"amount\":\"9/day\","
        "\"model\":\"m1\"}",
    };
    for (size_t i = 0; i < COUNT(sets); i++)
        json_decref(admin_ok(fixture, "limit set", sets[i]));
    assert_list(
        fixture,
        "[{\"scope\":\"group\",\"name\":\"vip\",\"metric\":\"requests\",\"amount\":\"60/min\","
        "\"burst\":10,\"model\":null},"
        "{\"scope\":\"group_user\",\"name\":\"vip\",\"metric\":\"concurrent\",\"amount\":\"4\","
        "\"burst\":null,\"model\":null},"
        "{\"scope\":\"model\",\"name\":\"m1\",\"metric\":\"tokens\",\"amount\":\"1000000/min\","
        "\"burst\":1000000,\"model\":null},"
        "{\"scope\":\"provider\",\"name\":\"p1\",\"metric\":\"requests\",\"amount\":\"5/min\","
        "\"burst\":5,\"model\":null},"
        "{\"scope\":\"user\",\"name\":\"*\",\"metric\":\"tokens\",\"amount\":\"9/day\","
        "\"burst\":9,\"model\":\"m1\"}]");
}

static void rm_ends_the_period_that_it_names_or_all(void **state)
{
    struct fixture *fixture = *state;
    static const char *const amounts[] = {"2/min", "3/day"};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT(amounts); i++)
            assert_int_equal(
                admin_json(fixture, "limit set",
                           json_pack("{s:s, s:s, s:s, s:s}", "scope", "group", "name", "vip",
                                     "metric", "requests", "amount", amounts[i]),
                           NULL),
                STORE_OK);
        if (round == 0) {
            assert_int_equal(passes(fixture, 9), 2);
            assert_shown(fixture, "limit rm",
                         "{\"scope\":\"group\",\"name\":\"vip\",\"metric\":\"requests\","
                         "\"period\":\"min\"}",
                         "ended", "1");
            assert_int_equal(passes(fixture, 9), 1);
        }
    }
    assert_shown(fixture, "limit rm",
                 "{\"scope\":\"group\",\"name\":\"vip\",\"metric\":\"requests\"}", "ended", "2");
    assert_int_equal(passes(fixture, 9), 9);
}

static void key_is_named_by_id_or_hint(void **state)
{
    struct fixture *fixture = *state;
    json_t *keys = admin_ok(fixture, "key list", "{}");
    const json_t *key = json_array_get(keys, 0);
    static const char *const members[] = {"id", "hint"};
    for (size_t i = 0; i < COUNT(members); i++) {
        json_t *result = NULL;
        const char *name = json_string_value(json_object_get(key, members[i]));
        assert_int_equal(admin_json(fixture, "limit set",
                                    json_pack("{s:s, s:s, s:s, s:s}", "scope", "key", "name", name,
                                              "metric", "requests", "amount", "1/day"),
                                    &result),
                         STORE_OK);
        assert_string_equal(json_string_value(json_object_get(result, "name")),
                            json_string_value(json_object_get(key, "id")));
        json_decref(result);
    }
    json_decref(keys);
    assert_int_equal(passes(fixture, 9), 1);
}

static void what_is_wrong_is_refused_and_said(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *operation, *scope, *name, *metric, *extra, *value;
        enum store_code code;
        const char *why;
    } rows[] = {
        {"limit set", "world", "x", "requests", "amount", "1/min", STORE_INVALID, "\"scope\""},
        {"limit set", "user", "ann", "money", "amount", "1/min", STORE_INVALID, "\"metric\""},
        {"limit set", "user", "zed", "requests", "amount", "1/min", STORE_NOTFOUND, "no user"},
        {"limit set", "group", "zed", "requests", "amount", "1/min", STORE_NOTFOUND, "no group"},
        {"limit set", "group_user", "z", "requests", "amount", "1/min", STORE_NOTFOUND, "no group"},
        {"limit set", "key", "7", "requests", "amount", "1/min", STORE_NOTFOUND, "no key 7"},
        {"limit set", "key", "sk", "requests", "amount", "1/min", STORE_NOTFOUND, "no key"},
        {"limit set", "model", "", "requests", "amount", "1/min", STORE_INVALID, "\"name\""},
        {"limit set", "user", "ann", "requests", "amount", "0/min", STORE_INVALID, "\"amount\""},
        {"limit set", "user", "ann", "requests", "amount", "-1/min", STORE_INVALID, "\"amount\""},
        {"limit set", "user", "ann", "requests", "amount", "1", STORE_INVALID, "\"amount\""},
        {"limit set", "user", "ann", "requests", "amount", "1/week", STORE_INVALID, "\"amount\""},
        {"limit set", "user", "ann", "requests", "amount", "10000000001/min", STORE_INVALID,
         "\"amount\""},
        {"limit set", "user", "ann", "concurrent", "amount", "1/min", STORE_INVALID, "\"amount\""},
        {"limit rm", "user", "ann", "requests", NULL, NULL, STORE_NOTFOUND, "no such limit"},
        {"limit rm", "user", "ann", "requests", "period", "week", STORE_INVALID, "\"period\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *arguments = json_pack("{s:s, s:s, s:s}", "scope", rows[i].scope, "name",
                                      rows[i].name, "metric", rows[i].metric);
        if (rows[i].extra != NULL)
            assert_int_equal(
                json_object_set_new(arguments, rows[i].extra, json_string(rows[i].value)), 0);
        assert_int_equal(admin_json(fixture, rows[i].operation, arguments, NULL), rows[i].code);
        if (strstr(fixture->why, rows[i].why) == NULL)
            fail_msg("row %zu: %s", i, fixture->why);
    }
    assert_int_equal(admin_code(fixture, "limit set",
                                "{\"scope\":\"model\",\"name\":\"m\",\"metric\":\"requests\","
                                "\"amount\":\"1/min\",\"model\":\"m\"}"),
                     STORE_INVALID);
    assert_int_equal(admin_code(fixture, "limit set",
                                "{\"scope\":\"user\",\"name\":\"ann\",\"metric\":\"concurrent\","
                                "\"amount\":\"1\",\"burst\":\"1\"}"),
                     STORE_INVALID);
    assert_int_equal(admin_code(fixture, "limit set",
                                "{\"scope\":\"user\",\"name\":\"ann\",\"metric\":\"tokens\","
                                "\"amount\":\"1/min\",\"burst\":\"0\"}"),
                     STORE_INVALID);
    assert_list(fixture, "[]");
    assert_int_equal(passes(fixture, 9), 9);
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, filled_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(set_is_in_force_at_once_and_after_a_restart),
        STORE_TEST(list_shows_each_as_it_was_set),
        STORE_TEST(rm_ends_the_period_that_it_names_or_all),
        STORE_TEST(key_is_named_by_id_or_hint),
        STORE_TEST(what_is_wrong_is_refused_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
