/* What the tests of the store begin and end with: one user, one key, and sound books. */
#ifndef TESTS_UNIT_STORE_KEY_H
#define TESTS_UNIT_STORE_KEY_H

#include "tests/unit/store_fixture.h"

#define SECRET "sk-0123456789012345678901234567890123456789"
#define USD INT64_C(1000000000)

/* A user with 10 USD and a key with this secret; gives its record. */
UNUSED static struct key_record *make_key(struct fixture *fixture)
{
    struct key_record *record;
    json_decref(admin_ok(fixture, "user add", "{\"name\":\"ann\",\"credit\":\"10\"}"));
    json_decref(admin_ok(fixture, "key create", "{\"user\":\"ann\",\"secret\":\"" SECRET "\"}"));
    assert_int_equal(key_get(fixture, SECRET, &record), STORE_OK);
    return record;
}

UNUSED static void assert_sound(struct fixture *fixture)
{
    json_t *check = admin_ok(fixture, "db check", "{}");
    assert_member(check, "errors", "[]");
    assert_member(check, "ok", "true");
    json_decref(check);
}

#endif
