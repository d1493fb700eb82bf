/* What the tests of the operators' operations share: a store with a group, two users and a key. */
#ifndef TESTS_UNIT_ADMIN_FIXTURE_H
#define TESTS_UNIT_ADMIN_FIXTURE_H

#include "tests/unit/store_fixture.h"

#include "store/admin.h"

#define SECRET "sk-0123456789012345678901234567890123456789"
#define USD INT64_C(1000000000)

/* A fixture with a group, two users and a key. */
UNUSED static int filled_up(void **state)
{
    fixture_up(state);
    struct fixture *fixture = *state;
    json_decref(admin_ok(fixture, "group add", "{\"name\":\"vip\",\"models\":[\"*\"]}"));
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"ann\",\"credit\":\"10\"}"));
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"bob\"}"));
    json_decref(admin_ok(fixture, "key create",
                         "{\"user\":\"ann\",\"name\":\"ci\",\"secret\":\"" SECRET "\"}"));
    return 0;
}

UNUSED static int64_t id_of_key(struct fixture *fixture)
{
    json_t *list = admin_ok(fixture, "key list", "{}");
    int64_t id = 0;
    assert_true(str_i64(str_of(json_string_value(json_object_get(json_array_get(list, 0), "id"))),
                        1, INT64_MAX, &id));
    json_decref(list);
    return id;
}

/* Operations on the key of the fixture. */
UNUSED static enum store_code on_key(struct fixture *fixture, const char *operation,
                                     json_t **result)
{
    return admin_json(fixture, operation, json_pack("{s:I}", "id", (json_int_t)id_of_key(fixture)),
                      result);
}

#endif
