/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "tests/unit/sandbox_client.h"

static json_t *vector_at(json_t *json, size_t i)
{
    return json_object_get(json_array_get(json_object_get(json, "data"), i), "embedding");
}

static double product(json_t *a, json_t *b)
{
    double sum = 0;
    assert_int_equal(json_array_size(a), json_array_size(b));
    for (size_t i = 0; i < json_array_size(a); i++)
        sum += json_real_value(json_array_get(a, i)) * json_real_value(json_array_get(b, i));
    return sum;
}

static void embeddings_have_length_one_and_like_is_near_like(void **state)
{
    (void)state;
    json_t *json =
        answer("/v1/embeddings",
               "{\"model\":\"e\",\"input\":[\"the red apple\",\"a red apple\",\"zzz\"]}", 200);
    json_t *first = vector_at(json, 0);
    assert_int_equal(json_array_size(first), 1536);
    for (size_t i = 0; i < 3; i++)
        assert_true(fabs(product(vector_at(json, i), vector_at(json, i)) - 1) < 1e-5);
    assert_true(product(first, vector_at(json, 1)) > 0.5);
    assert_true(product(first, vector_at(json, 2)) < 0.2);
    json_decref(json);
}

static void embeddings_in_base64_are_the_same_floats(void **state)
{
    (void)state;
    struct buf floats;
    buf_init(&floats, 1024);
    json_t *plain =
        answer("/v1/embeddings", "{\"model\":\"e\",\"input\":\"hello\",\"dimensions\":4}", 200);
    json_t *packed = answer("/v1/embeddings",
                            "{\"model\":\"e\",\"input\":\"hello\",\"dimensions\":4,"
                            "\"encoding_format\":\"base64\"}",
                            200);
    add_base64(&floats, json_string_value(vector_at(packed, 0)));
    assert_int_equal(floats.n, 4 * sizeof(float));
    for (size_t i = 0; i < 4; i++) {
        float one;
        memcpy(&one, floats.p + i * sizeof one, sizeof one);
        json_t *same = json_array_get(vector_at(plain, 0), i);
        assert_true(fabs((double)one - json_real_value(same)) < 1e-6);
    }
    buf_release(&floats);
    json_decref(plain);
    json_decref(packed);
}

static void embeddings_of_token_ids_count_them(void **state)
{
    (void)state;
    json_t *one = answer("/v1/embeddings", "{\"model\":\"e\",\"input\":[1,2,3]}", 200);
    json_t *two = answer("/v1/embeddings", "{\"model\":\"e\",\"input\":[[1,2],[3]]}", 200);
    assert_int_equal(json_array_size(json_object_get(one, "data")), 1);
    assert_int_equal(json_array_size(json_object_get(two, "data")), 2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(one, "usage"), "total_tokens")), 3);
    json_decref(one);
    json_decref(two);
}

static void embeddings_of_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"model\":\"e\"}", "{\"model\":\"e\",\"input\":[]}",
                                         "{\"model\":\"e\",\"input\":[{}]}",
                                         "{\"model\":\"e\",\"input\":\"x\",\"dimensions\":0}"};
    for (size_t i = 0; i < COUNT(bodies); i++)
        json_decref(answer("/v1/embeddings", bodies[i], 400));
}

static void rerank_puts_the_matching_document_first(void **state)
{
    (void)state;
    json_t *json = answer("/v1/rerank",
                          "{\"model\":\"r\",\"query\":\"red apple\",\"top_n\":2,"
                          "\"return_documents\":true,\"documents\":[\"green pear\","
                          "{\"text\":\"a Red apple\"},\"red\"]}",
                          200);
    json_t *results = json_object_get(json, "results");
    assert_int_equal(json_array_size(results), 2);
    json_t *best = json_array_get(results, 0);
    assert_int_equal(json_integer_value(json_object_get(best, "index")), 1);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(best, "document"), "text")),
        "a Red apple");
    json_t *billed = json_object_get(json_object_get(json, "meta"), "billed_units");
    assert_int_equal(json_integer_value(json_object_get(billed, "search_units")), 1);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "usage"), "total_tokens")), 12);
    json_decref(json);
    json_decref(answer("/v1/rerank", "{\"model\":\"r\",\"query\":\"q\",\"documents\":[]}", 400));
}

static void moderation_flags_only_what_asks_for_it(void **state)
{
    (void)state;
    json_t *json =
        answer("/v1/moderations", "{\"model\":\"m\",\"input\":[\"hi\",\"sandbox-flag\"]}", 200);
    assert_int_equal(json_array_size(at(json, "results")), 2);
    assert_true(json_is_false(at(json, "results.0.flagged")));
    assert_true(json_is_true(at(json, "results.1.flagged")));
    static const char *const members[] = {"categories", "category_scores",
                                          "category_applied_input_types"};
    for (size_t i = 0; i < COUNT(members); i++) {
        json_t *of_first = json_object_get(at(json, "results.0"), members[i]);
        assert_int_equal(json_object_size(of_first), 13);
        assert_non_null(json_object_get(of_first, "self-harm/intent"));
    }
    assert_true(json_is_false(at(json, "results.0.categories.violence")));
    assert_true(json_is_true(at(json, "results.1.categories.violence")));
    assert_true(json_real_value(at(json, "results.1.category_scores.hate")) > 0.5);
    json_decref(json);
}

static void moderation_of_parts_is_one_result(void **state)
{
    (void)state;
    json_t *json = answer("/v1/moderations",
                          "{\"model\":\"m\",\"input\":[{\"type\":\"text\",\"text\":\"hi\"},"
                          "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\"}}]}",
                          200);
    assert_int_equal(json_array_size(at(json, "results")), 1);
    assert_int_equal(json_array_size(at(json, "results.0.category_applied_input_types.violence")),
                     2);
    assert_int_equal(json_array_size(at(json, "results.0.category_applied_input_types.hate")), 1);
    json_decref(json);
}

static void moderation_of_nothing_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\"}",
        "{\"model\":\"m\",\"input\":[]}",
        "{\"model\":\"m\",\"input\":[1]}",
        "{\"model\":\"m\",\"input\":[\"a\",{\"type\":\"text\",\"text\":\"b\"}]}",
        "{\"model\":\"m\",\"input\":[{\"type\":\"text\"}]}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        json_decref(answer("/v1/moderations", bodies[i], 400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeddings_have_length_one_and_like_is_near_like),
        cmocka_unit_test(embeddings_in_base64_are_the_same_floats),
        cmocka_unit_test(embeddings_of_token_ids_count_them),
        cmocka_unit_test(embeddings_of_nothing_are_refused),
        cmocka_unit_test(rerank_puts_the_matching_document_first),
        cmocka_unit_test(moderation_flags_only_what_asks_for_it),
        cmocka_unit_test(moderation_of_parts_is_one_result),
        cmocka_unit_test(moderation_of_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
