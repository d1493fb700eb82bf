#include "relay/references.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/fields.h"

/* What a body names, with '.' for the NUL behind each; the same for any pieces. */
static char unusable_of(const char *json, const char *expected)
{
    char unusable = 0;
    size_t n = strlen(json);
    for (size_t step = 1; step <= 9; step += 4) {
        struct fields *fields = fields_new(true);
        assert_non_null(fields);
        for (size_t at = 0; at < n; at += step)
            fields_feed(fields, json + at, n - at < step ? n - at : step);
        struct str ids = buf_str(&fields->references.ids);
        char text[400];
        assert_in_range(ids.n, 0, sizeof text - 1);
        for (size_t i = 0; i < ids.n; i++)
            text[i] = ids.p[i] == '\0' ? '.' : ids.p[i];
        text[ids.n] = '\0';
        if (strcmp(text, expected) != 0)
            fail_msg("%s: %s", json, text);
        unusable = fields->references.unusable;
        fields_free(&fields);
    }
    return unusable;
}

static void assert_named(const char *json, const char *expected)
{
    assert_int_equal(unusable_of(json, expected), 0);
}

static void objects_are_found_where_they_are_named(void **state)
{
    (void)state;
    assert_named("{\"input\":\"x\"}", "");
    assert_named("{\"previous_response_id\":null,\"conversation\":null,\"input\":[]}", "");
    assert_named("{\"previous_response_id\":\"r1\"}", "pr1.");
    assert_named("{\"conversation\":\"c1\",\"previous_response_id\":\"r\\u0031\"}", "cc1.pr1.");
    assert_named("{\"conversation\":{\"id\":\"c1\",\"x\":{\"id\":\"no\"}}}", "cc1.");
    assert_named("{\"conversation\":{\"id\":\"c1\",\"id\":\"c2\"}}", "cc1.cc2.");
    assert_named("{\"x\":{\"previous_response_id\":\"r1\"},\"metadata\":{\"id\":\"a\"}}", "");
}

static void items_that_are_references_count(void **state)
{
    (void)state;
    assert_named("{\"input\":[{\"type\":\"item_reference\",\"id\":\"i1\"}]}", "ii1.");
    assert_named("{\"input\":[{\"id\":\"i1\",\"type\":\"item_reference\"},{\"id\":\"i2\"}]}",
                 "ii1.ii2.");
    assert_named("{\"input\":[{\"id\":\"i1\",\"type\":null}]}", "ii1.");
    assert_named("{\"previous_response_id\":\"r\",\"input\":[{\"id\":\"i1\"}],\"store\":true}",
                 "pr.ii1.");
    assert_named("{\"input\":[{\"id\":\"i1\"}],\"previous_response_id\":\"r\"}", "ii1.pr.");
    /* Whatever a provider may read of a key given twice. */
    assert_named("{\"input\":[{\"type\":\"message\",\"id\":\"i1\",\"type\":\"item_reference\","
                 "\"id\":\"i2\"}]}",
                 "ii1.ii2.");
}

static void items_with_their_content_do_not(void **state)
{
    (void)state;
    assert_named("{\"input\":[{\"id\":\"i1\",\"type\":\"message\",\"content\":[{\"id\":\"i2\"}]}]}",
                 "");
    assert_named("{\"input\":[{\"id\":\"i1\",\"role\":\"user\"},{\"id\":\"i2\"},"
                 "{\"id\":\"i3\",\"type\":\"reasoning\"}]}",
                 "ii2.");
    assert_named("{\"input\":[\"x\",5,null,[{\"id\":\"i1\"}],{}]}", "");
    assert_named("{\"input\":{\"id\":\"i1\"}}", "");
    assert_named("{\"input\":[{\"id\":5,\"type\":\"message\"}]}", "");
}

static void what_cannot_be_looked_up_is_noted(void **state)
{
    (void)state;
    char json[800], id[600];
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    assert_int_equal(unusable_of("{\"previous_response_id\":5}", ""), 'p');
    assert_int_equal(unusable_of("{\"previous_response_id\":\"\"}", ""), 'p');
    assert_int_equal(unusable_of("{\"previous_response_id\":\"a\\u0000b\"}", ""), 'p');
    assert_int_equal(unusable_of("{\"conversation\":[]}", ""), 'c');
    assert_int_equal(unusable_of("{\"conversation\":{\"id\":null}}", ""), 'c');
    assert_int_equal(unusable_of("{\"input\":[{\"id\":5}]}", ""), 'i');
    assert_int_equal(
        unusable_of("{\"input\":[{\"id\":5,\"role\":\"user\"},{\"id\":\"i\"}]}", "ii."), 0);
    snprintf(json, sizeof json, "{\"previous_response_id\":\"%s\"}", id);
    assert_int_equal(unusable_of(json, ""), 'p');
    snprintf(json, sizeof json, "{\"input\":[{\"id\":\"%s\"},{\"id\":\"i\"}]}", id);
    assert_int_equal(unusable_of(json, "ii."), 'i');
}

static void too_many_are_noted(void **state)
{
    (void)state;
    struct fields *fields = fields_new(true);
    char item[64];
    assert_non_null(fields);
    fields_feed(fields, "{\"input\":[{}", 12);
    for (unsigned i = 0; i < REFERENCES_MAX / 20; i++) {
        int n = snprintf(item, sizeof item, ",{\"id\":\"item_%020u\"}", i);
        fields_feed(fields, item, (size_t)n);
    }
    assert_int_equal(fields->references.unusable, 'i');
    assert_true(fields->references.ids.n <= REFERENCES_MAX);
    fields_free(&fields);
}

static void entry_is_found_by_its_position(void **state)
{
    (void)state;
    struct references references;
    references_init(&references);
    assert_true(buf_add(&references.ids, "pr1\0ii1\0cc1", 12));
    assert_true(str_eq(reference_at(&references, 0), STR("pr1")));
    assert_true(str_eq(reference_at(&references, 2), STR("cc1")));
    assert_int_equal(reference_at(&references, 3).n, 0);
    assert_string_equal(reference_param('p'), "previous_response_id");
    assert_string_equal(reference_param('c'), "conversation");
    assert_string_equal(reference_param('i'), "input");
    references_release(&references);
}

/* Embeddings take an `input`, too, and chat may carry any member. */
static void other_endpoints_name_none(void **state)
{
    (void)state;
    static const char json[] = "{\"previous_response_id\":\"r\",\"input\":[{\"id\":\"i\"}]}";
    struct fields *fields = fields_new(false);
    assert_non_null(fields);
    fields_feed(fields, json, sizeof json - 1);
    assert_int_equal(fields->references.ids.n, 0);
    fields_free(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_found_where_they_are_named),
        cmocka_unit_test(items_that_are_references_count),
        cmocka_unit_test(items_with_their_content_do_not),
        cmocka_unit_test(what_cannot_be_looked_up_is_noted),
        cmocka_unit_test(too_many_are_noted),
        cmocka_unit_test(entry_is_found_by_its_position),
        cmocka_unit_test(other_endpoints_name_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
