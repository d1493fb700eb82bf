#include "server/sandbox/upload.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

#define TYPE STR("multipart/form-data; boundary=\"b\"")
#define PART(more, value) "--b\r\nContent-Disposition: form-data; " more "\r\n\r\n" value "\r\n"
#define END "--b--\r\n"

static const char *text_of(const json_t *fields, const char *name)
{
    return json_string_value(json_object_get(fields, name));
}

static void upload_gives_fields_and_files(void **state)
{
    (void)state;
    struct upload upload;
    json_t *fields =
        upload_read(&upload, TYPE,
                    STR(PART("name=\"model\"", "m") PART("name=prompt", "你好\r\n--")
                            PART("name=\"image[]\"; filename=\"a.png\"", "\x00\xff\r\n1")
                                PART("name=\"mask\"; filename=\"\"", "") PART("name=\"size\"", "")
                                    PART("name=\"image[]\"; filename=\"b\"", "2") END));
    assert_non_null(fields);
    assert_int_equal(json_object_size(fields), 3);
    assert_string_equal(text_of(fields, "model"), "m");
    assert_string_equal(text_of(fields, "prompt"), "你好\r\n--");
    assert_string_equal(text_of(fields, "size"), "");
    assert_int_equal(upload.count, 3);
    assert_true(str_eq(upload_file(&upload, STR("image"), 0)->bytes, STR("\x00\xff\r\n1")));
    assert_true(str_eq(upload_file(&upload, STR("image"), 1)->bytes, STR("2")));
    assert_null(upload_file(&upload, STR("image"), 2));
    assert_int_equal(upload_file(&upload, STR("mask"), 0)->bytes.n, 0);
    assert_null(upload_file(&upload, STR("ima"), 0));
    json_decref(fields);
}

static void upload_makes_lists_of_names_with_brackets(void **state)
{
    (void)state;
    struct upload upload;
    json_t *fields =
        upload_read(&upload, TYPE,
                    STR(PART("name=\"include[]\"", "a") PART("name=\"include[]\"", "b")
                            PART("name=\"twice\"", "a") PART("name=\"twice\"", "b") END));
    const json_t *list = json_object_get(fields, "include[]");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_array_get(list, 1)), "b");
    assert_string_equal(text_of(fields, "twice"), "b");
    json_decref(fields);
}

static void upload_of_something_else_is_none(void **state)
{
    (void)state;
    struct upload upload;
    static const struct {
        struct str type, body;
    } cases[] = {
        {{"application/json", 16}, {"{}", 2}},
        {{"multipart/form-data", 19}, {"--b--\r\n", 7}},
        {{"multipart/form-data; boundary=b", 31}, {"--b\r\n", 5}},
        {{"multipart/form-data; boundary=b", 31}, {"", 0}},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_null(upload_read(&upload, cases[i].type, cases[i].body));
    assert_null(upload_read(&upload, TYPE, STR(PART("name=\"a\"", "\xff") END)));
}

static void upload_of_too_many_files_is_none(void **state)
{
    (void)state;
    struct upload upload;
    struct buf body;
    buf_init(&body, 65536);
    for (unsigned i = 0; i < UPLOAD_FILES_MAX; i++)
        assert_true(buf_add_str(&body, STR(PART("name=\"f\"; filename=\"f\"", "x"))));
    struct buf more;
    buf_init(&more, 65536);
    assert_true(buf_add_str(&more, buf_str(&body)) && buf_add_str(&body, STR(END)) &&
                buf_add_str(&more, STR(PART("name=\"f\"; filename=\"f\"", "x") END)));
    json_t *fields = upload_read(&upload, TYPE, buf_str(&body));
    assert_non_null(fields);
    assert_int_equal(upload.count, UPLOAD_FILES_MAX);
    json_decref(fields);
    assert_null(upload_read(&upload, TYPE, buf_str(&more)));
    buf_release(&body);
    buf_release(&more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upload_gives_fields_and_files),
        cmocka_unit_test(upload_makes_lists_of_names_with_brackets),
        cmocka_unit_test(upload_of_something_else_is_none),
        cmocka_unit_test(upload_of_too_many_files_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
