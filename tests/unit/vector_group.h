/* The vectors of kind "group": which group a key's request is of, and at what ratio. */
#ifndef TESTS_UNIT_VECTOR_GROUP_H
#define TESTS_UNIT_VECTOR_GROUP_H

#include "task_fixture.h"
#include "vector_read.h"

#define VECTOR_SECRET "sk-vector-000000000000"

UNUSED static void admin_packed(struct fixture *fixture, const char *operation, json_t *arguments)
{
    assert_non_null(arguments);
    assert_int_equal(admin_json(fixture, operation, arguments, NULL), STORE_OK);
}

/* The groups of the vector, that is those of its ratios; one that serves the model allows it. */
UNUSED static void make_groups(struct fixture *fixture, const json_t *in)
{
    const json_t *serving = json_object_get(in, "groups_serving_model");
    json_t *ratios = json_object_get(in, "ratios_ppm"), *ratio;
    const char *name;
    json_object_foreach(ratios, name, ratio)
    {
        bool serves = false;
        char text[RATIO_TEXT_SIZE];
        ratio_format((uint32_t)json_integer_value(ratio), text);
        for (size_t i = 0; i < json_array_size(serving); i++)
            serves = serves || strcmp(json_string_value(json_array_get(serving, i)), name) == 0;
        admin_packed(fixture, strcmp(name, "default") == 0 ? "group set" : "group add",
                     json_pack("{s:s, s:s, s:[s]}", "name", name, "ratio", text, "models",
                               serves ? "model" : "another"));
    }
}

/* Those of this release: no pair overrides (G03), no groups that a user may use (G04), no auto
 * (G05). */
UNUSED static void run_group(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in"), *expect = json_object_get(vector, "expect");
    const json_t *groups = json_object_get(in, "key_groups");
    const char *id = id_of(vector);
    if (strcmp(id, "G03") == 0 || strcmp(id, "G04") == 0 || strcmp(id, "G05") == 0)
        return;
    void *state;
    struct key_record *record = NULL;
    fixture_up(&state);
    struct fixture *fixture = state;
    make_groups(fixture, in);
    admin_packed(
        fixture, "user add",
        json_pack("{s:s, s:O}", "name", "ann", "group", json_object_get(in, "user_group")));
    json_t *key = json_pack("{s:s, s:s}", "user", "ann", "secret", VECTOR_SECRET);
    if (json_array_size(groups) > 0)
        assert_int_equal(json_object_set(key, "group", json_array_get(groups, 0)), 0);
    admin_packed(fixture, "key create", key);
    assert_int_equal(key_get(fixture, VECTOR_SECRET, &record), STORE_OK);
    enum fault fault = key_record_permits_model(record, STR("model"));
    const char *group = json_string_value(json_object_get(expect, "group"));
    if (group != NULL) {
        CHECK_VECTOR(vector, fault == FAULT_NONE);
        CHECK_VECTOR(vector, strcmp(record->group_name, group) == 0);
        CHECK_VECTOR(vector, record->group_ppm == (uint32_t)integer(expect, "ratio_ppm"));
    } else {
        CHECK_VECTOR(vector, fault_info(fault)->status == integer(expect, "status"));
        CHECK_VECTOR(vector, strcmp(fault_info(fault)->type,
                                    json_string_value(json_object_get(expect, "type"))) == 0);
    }
    key_record_drop(store_keyring(fixture->store), &record);
    fixture_down(&state);
}

#endif
