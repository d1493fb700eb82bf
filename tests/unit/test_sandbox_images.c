/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/png_reader.h"
#include "tests/unit/sandbox_client.h"

#define GENERATIONS "/v1/images/generations"
#define EDITS "/v1/images/edits"
#define DATA_URL "data:image/png;base64,"

static json_t *generate(const char *body)
{
    return answer(GENERATIONS, body, 200);
}

/* The picture's sides, once every check of its format has passed. */
static void assert_picture(const char *base64, unsigned width, unsigned height)
{
    struct buf file;
    buf_init(&file, REPLY_MAX);
    add_base64(&file, base64);
    struct png_read png = png_read(buf_str(&file));
    assert_int_equal(png.width, width);
    assert_int_equal(png.height, height);
    free(png.indexes);
    buf_release(&file);
}

static void picture_is_a_png_of_that_size_with_its_usage(void **state)
{
    (void)state;
    json_t *json = generate("{\"model\":\"m\",\"prompt\":\"a cat\",\"size\":\"1536x1024\","
                            "\"quality\":\"low\"}");
    assert_picture(text_at(json, "data.0.b64_json"), 1536, 1024);
    assert_int_equal(json_array_size(at(json, "data")), 1);
    assert_string_equal(text_at(json, "size"), "1536x1024");
    assert_string_equal(text_at(json, "quality"), "low");
    assert_string_equal(text_at(json, "output_format"), "png");
    assert_int_equal(number_at(json, "usage.input_tokens"), 2);
    assert_int_equal(number_at(json, "usage.input_tokens_details.text_tokens"), 2);
    assert_int_equal(number_at(json, "usage.output_tokens"), 408);
    assert_int_equal(number_at(json, "usage.output_tokens_details.image_tokens"), 408);
    assert_int_equal(number_at(json, "usage.total_tokens"), 410);
    json_decref(json);
}

static void picture_without_a_size_is_1024_and_medium(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"prompt\":\"a cat\"}",
        "{\"model\":\"m\",\"prompt\":\"a cat\",\"size\":\"auto\",\"quality\":\"auto\"}"};
    for (size_t i = 0; i < COUNT(bodies); i++) {
        json_t *json = generate(bodies[i]);
        assert_string_equal(text_at(json, "size"), "1024x1024");
        assert_string_equal(text_at(json, "quality"), "medium");
        assert_int_equal(number_at(json, "usage.output_tokens"), 1056);
        json_decref(json);
    }
    /* The largest takes no more than the largest of the model that it counts as. */
    json_t *json = generate("{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"4096x4096\","
                            "\"quality\":\"high\"}");
    assert_int_equal(number_at(json, "usage.output_tokens"), 6240);
    json_decref(json);
}

static void picture_follows_from_the_prompt(void **state)
{
    (void)state;
    json_t *json = generate("{\"model\":\"m\",\"prompt\":\"a cat\",\"n\":2,\"size\":\"64x64\"}");
    json_t *same = generate("{\"model\":\"m\",\"prompt\":\"a cat\",\"n\":2,\"size\":\"64x64\"}");
    json_t *other = generate("{\"model\":\"m\",\"prompt\":\"a dog\",\"n\":2,\"size\":\"64x64\"}");
    assert_true(json_equal(at(json, "data"), at(same, "data")));
    assert_false(json_equal(at(json, "data.0"), at(other, "data.0")));
    assert_false(json_equal(at(json, "data.0"), at(json, "data.1")));
    assert_int_equal(number_at(json, "usage.output_tokens"), 2 * 5);
    json_decref(json);
    json_decref(same);
    json_decref(other);
}

static void picture_as_url_is_a_data_url(void **state)
{
    (void)state;
    json_t *json = generate("{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"16x32\","
                            "\"response_format\":\"url\"}");
    const char *url = text_at(json, "data.0.url");
    assert_memory_equal(url, DATA_URL, strlen(DATA_URL));
    assert_picture(url + strlen(DATA_URL), 16, 32);
    json_decref(json);
}

static void picture_stream_has_previews_and_tells_all_usage_at_last(void **state)
{
    (void)state;
#define ASKED "\"prompt\":\"x\",\"size\":\"64x64\",\"n\":2"
    bool whole;
    json_t *json = generate("{\"model\":\"m\"," ASKED "}");
    json_t *list = events(
        GENERATIONS, "{\"model\":\"m:tps=100000\",\"stream\":true,\"partial_images\":2," ASKED "}",
        &whole);
    assert_true(whole);
    assert_int_equal(json_array_size(list), 6);
    for (size_t i = 0; i < 6; i++) {
        json_t *event = json_array_get(list, i);
        bool preview = i % 3 < 2;
        assert_string_equal(text_at(event, "type"), preview ? "image_generation.partial_image"
                                                            : "image_generation.completed");
        assert_picture(text_at(event, "b64_json"), 64, 64);
        assert_string_equal(text_at(event, "size"), "64x64");
        if (preview)
            assert_int_equal(number_at(event, "partial_image_index"), i % 3);
        else
            assert_true(json_equal(at(event, "b64_json"),
                                   at(json, i < 3 ? "data.0.b64_json" : "data.1.b64_json")));
    }
    assert_true(json_equal(at(last_of(list), "usage"), at(json, "usage")));
    json_decref(list);
    json_decref(json);
#undef ASKED
}

static void picture_stream_is_cut_on_demand(void **state)
{
    (void)state;
    bool whole;
    json_t *list = events(GENERATIONS,
                          "{\"model\":\"sandbox-cut\",\"prompt\":\"x\",\"size\":\"16x16\","
                          "\"stream\":true,\"partial_images\":1}",
                          &whole);
    assert_false(whole);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
}

static void picture_mistakes_are_answered_with_400(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"model\":\"m\"}",
        "{\"model\":\"m\",\"prompt\":\"\"}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"n\":11}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"n\":\"1\"}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"15x64\"}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"64x4097\"}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"4K\"}",
        "{\"model\":\"m\",\"prompt\":\"x\",\"output_format\":\"webp\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++)
        json_decref(answer(GENERATIONS, bodies[i], 400));
    json_decref(answer(EDITS, "{\"model\":\"m\",\"prompt\":\"x\"}", 400));
    json_decref(answer(EDITS, "{\"model\":\"m\",\"prompt\":\"x\",\"images\":[]}", 400));
}

/* --- edits --------------------------------------------------------------------------------- */

static struct buf form_of(const char *image, const char *n)
{
    struct buf form;
    buf_init(&form, REPLY_MAX);
    add_part(&form, "model", NULL, STR("m:tps=100000"));
    add_part(&form, "prompt", NULL, STR("a cat"));
    add_part(&form, "size", NULL, STR("64x64"));
    add_part(&form, "n", NULL, str_of(n));
    add_part(&form, "image", "a.png", str_of(image));
    return form;
}

static json_t *edit(const char *image, const char *n, int status)
{
    struct buf form = form_of(image, n);
    struct reply reply = ask_form(EDITS, &form);
    return json_of(&reply, status);
}

static void edit_by_form_follows_from_the_picture_too(void **state)
{
    (void)state;
    json_t *json = edit("one", "2", 200), *same = edit("one", "2", 200);
    json_t *other = edit("two", "2", 200);
    assert_int_equal(json_array_size(at(json, "data")), 2);
    assert_picture(text_at(json, "data.0.b64_json"), 64, 64);
    assert_true(json_equal(at(json, "data"), at(same, "data")));
    assert_false(json_equal(at(json, "data.0"), at(other, "data.0")));
    assert_int_equal(number_at(json, "usage.input_tokens_details.text_tokens"), 2);
    assert_int_equal(number_at(json, "usage.input_tokens_details.image_tokens"), 194);
    assert_int_equal(number_at(json, "usage.input_tokens"), 196);
    assert_int_equal(number_at(json, "usage.output_tokens"), 2 * 5);
    json_decref(json);
    json_decref(same);
    json_decref(other);
    json_decref(edit("one", "0", 400));
    json_decref(edit("one", "two", 400));
}

static void edit_by_json_counts_the_references(void **state)
{
    (void)state;
    json_t *json = answer(EDITS,
                          "{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"16x16\",\"images\":["
                          "{\"image_url\":\"https://x/a.png\"},{\"file_id\":\"file-1\"}]}",
                          200);
    assert_int_equal(number_at(json, "usage.input_tokens_details.image_tokens"), 2 * 194);
    json_decref(json);
}

static void edit_stream_has_its_own_types(void **state)
{
    (void)state;
    bool whole;
    struct buf form = form_of("one", "1");
    add_part(&form, "stream", NULL, STR("true"));
    add_part(&form, "partial_images", NULL, STR("1"));
    struct reply reply = ask_form(EDITS, &form);
    json_t *list = events_of(&reply, &whole);
    assert_true(whole);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(text_at(list, "0.type"), "image_edit.partial_image");
    assert_string_equal(text_at(list, "1.type"), "image_edit.completed");
    json_decref(list);
}

static void form_that_is_broken_or_not_taken_is_refused(void **state)
{
    (void)state;
    struct buf form;
    buf_init(&form, REPLY_MAX);
    assert_true(buf_add_str(&form, STR("nothing\r\n")));
    struct reply reply = ask_form(EDITS, &form);
    json_decref(json_of(&reply, 400));
    form = form_of("one", "1");
    reply = ask_form(GENERATIONS, &form);
    json_decref(json_of(&reply, 400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_is_a_png_of_that_size_with_its_usage),
        cmocka_unit_test(picture_without_a_size_is_1024_and_medium),
        cmocka_unit_test(picture_follows_from_the_prompt),
        cmocka_unit_test(picture_as_url_is_a_data_url),
        cmocka_unit_test(picture_stream_has_previews_and_tells_all_usage_at_last),
        cmocka_unit_test(picture_stream_is_cut_on_demand),
        cmocka_unit_test(picture_mistakes_are_answered_with_400),
        cmocka_unit_test(edit_by_form_follows_from_the_picture_too),
        cmocka_unit_test(edit_by_json_counts_the_references),
        cmocka_unit_test(edit_stream_has_its_own_types),
        cmocka_unit_test(form_that_is_broken_or_not_taken_is_refused),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
