#include "relay/form.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/fields.h"

#define PART(head, value) "--x\r\nContent-Disposition: form-data; " head "\r\n\r\n" value "\r\n"
#define TEXT(name, value) PART("name=" name, value)
#define FILE_OF(name, value) PART("name=" name "; filename=a", value)
#define CLOSING "--x--\r\n"

/* Reads the body in pieces of `step`, each a block of its own. */
static struct fields *fed(struct str body, size_t step)
{
    struct fields *fields = fields_new_form("x");
    assert_non_null(fields);
    while (body.n > 0) {
        struct str piece = str_slice(body, 0, step);
        char *block = malloc(piece.n);
        assert_non_null(block);
        memcpy(block, piece.p, piece.n);
        fields_feed(fields, block, piece.n);
        free(block);
        body = str_from(body, step);
    }
    return fields;
}

/* The same for all cuts: what `check` finds in a form that is sound. */
static void with_form(struct str body, void (*check)(struct fields *fields, struct str body))
{
    for (size_t step = 1; step <= body.n; step++) {
        struct failure failure = {0};
        struct fields *fields = fed(body, step);
        assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
        check(fields, body);
        fields_free(&fields);
    }
}

/* --- fields --------------------------------------------------------------------------------------
 */

static void assert_field(const struct fields *fields, enum field_name name, struct str body,
                         const char *value)
{
    const struct field *field = &fields->field[name];
    assert_int_equal(field->seen, 1);
    assert_int_equal(field->count, strlen(value));
    assert_true(str_eq(str_slice(body, (size_t)field->begin, (size_t)field->end), str_of(value)));
    assert_string_equal(field->text, value);
}

static void check_fields(struct fields *fields, struct str body)
{
    assert_field(fields, FIELD_model, body, "cheap");
    assert_field(fields, FIELD_stream, body, "TRUE");
    assert_field(fields, FIELD_n, body, "2");
    assert_field(fields, FIELD_size, body, "");
    assert_string_equal(fields->model, "cheap");
    assert_int_equal(fields->field[FIELD_model].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_stream].type, JSPAN_TRUE);
    assert_int_equal(fields->field[FIELD_n].type, JSPAN_NUMBER);
    assert_int_equal(fields->field[FIELD_size].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_quality].seen, 0);
    assert_int_equal(fields->media_tokens, 0);
    assert_int_equal(form_insert_at(fields->form), 4);
    assert_string_equal(form_boundary(fields->form), "x");
}

static void parts_are_fields(void **state)
{
    (void)state;
    with_form(STR("\r\n\r\n" TEXT("other", "x") TEXT("\"stream\"", "TRUE") TEXT("n", "2")
                      TEXT("model", "cheap") TEXT("size", "") CLOSING "epilogue"),
              check_fields);
}

static void check_types(struct fields *fields, struct str body)
{
    (void)body;
    assert_int_equal(fields->field[FIELD_stream].type, JSPAN_FALSE);
    assert_int_equal(fields->field[FIELD_n].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_prompt].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_quality].type, JSPAN_STRING);
}

static void only_what_may_be_a_number_is_one(void **state)
{
    (void)state;
    with_form(STR(TEXT("stream", "false") TEXT("n", "2.0") TEXT("prompt", "3")
                      TEXT("quality", "true") CLOSING),
              check_types);
}

static void check_texts(struct fields *fields, struct str body)
{
    (void)body;
    struct estimate wanted = {0};
    estimate_feed(&wanted, "abc", 3);
    estimate_break(&wanted);
    estimate_feed(&wanted, "def", 3);
    estimate_break(&wanted);
    assert_int_equal(fields->prompt.weight, wanted.weight);
    assert_int_equal(fields->prompt.bytes, 6);
}

static void texts_are_estimated_each_by_itself(void **state)
{
    (void)state;
    with_form(STR(TEXT("prompt", "abc") TEXT("response_format", "def") TEXT("size", "big") CLOSING),
              check_texts);
}

static void check_nul(struct fields *fields, struct str body)
{
    (void)body;
    assert_int_equal(fields->field[FIELD_n].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_stream].type, JSPAN_STRING);
    assert_int_equal(fields->field[FIELD_n].count, 3);
}

static void number_with_a_nul_is_none(void **state)
{
    (void)state;
    with_form(STR(TEXT("n", "1\0"
                            "0") TEXT("stream", "true\0") CLOSING),
              check_nul);
}

static void check_long(struct fields *fields, struct str body)
{
    (void)body;
    const struct field *model = &fields->field[FIELD_model];
    assert_int_equal(model->count, 700);
    assert_true(model->text_cut);
    assert_int_equal(strlen(model->text), sizeof model->text - 1);
    assert_int_equal(strlen(fields->model), MODEL_NAME_MAX);
}

static void long_values_are_cut_not_overrun(void **state)
{
    (void)state;
    char body[1000], name[701];
    memset(name, 'm', 700);
    name[700] = '\0';
    int n = snprintf(body, sizeof body, TEXT("model", "%s") CLOSING, name);
    with_form((struct str){body, (size_t)n}, check_long);
}

static enum fault finished(struct str body, struct failure *failure)
{
    enum fault fault = FAULT_COUNT;
    for (size_t step = 1; step <= body.n; step += 5) {
        struct fields *fields = fed(body, step);
        enum fault found = fields_finish(fields, failure);
        assert_true(fault == FAULT_COUNT || fault == found);
        fault = found;
        fields_free(&fields);
    }
    return fault;
}

static void assert_refused(struct str body, enum fault fault, const char *param)
{
    struct failure failure = {0};
    assert_int_equal(finished(body, &failure), fault);
    assert_string_equal(failure.param, param);
    failure_release(&failure);
}

static void field_given_twice_or_in_another_case_is_refused(void **state)
{
    (void)state;
    enum fault twice = FAULT_DUPLICATE_PARAMETER;
    assert_refused(STR(TEXT("model", "a") TEXT("model", "a") CLOSING), twice, "model");
    assert_refused(STR(TEXT("N", "1") CLOSING), twice, "n");
    assert_refused(STR(TEXT("size", "1") TEXT("Size", "1") CLOSING), twice, "size");
    assert_refused(STR(TEXT("x", "1") TEXT("x", "2") CLOSING), FAULT_NONE, "");
}

static void form_that_is_none_is_refused(void **state)
{
    (void)state;
    enum fault fault = FAULT_INVALID_MULTIPART;
    assert_refused(STR(TEXT("model", "a")), fault, "");
    assert_refused(STR("{\"model\":\"a\"}"), fault, "");
    assert_refused(STR("--x\r\n\r\nno head\r\n" CLOSING), fault, "");
    assert_refused(STR(CLOSING), FAULT_NONE, "");
}

/* --- files ---------------------------------------------------------------------------------------
 */

static void check_files(struct fields *fields, struct str body)
{
    (void)body;
    assert_int_equal(fields->field[FIELD_prompt].seen, 0);
    assert_int_equal(fields->prompt.bytes, 0);
    assert_int_equal(fields->media_tokens, 3 * 1600);
}

static void files_are_counted_and_not_read(void **state)
{
    (void)state;
    with_form(STR(FILE_OF("image[]", "PNG") FILE_OF("mask", "") FILE_OF("prompt", "a cat")
                      TEXT("image_url", "x") CLOSING),
              check_files);
}

#define WAV_HEAD                                                                                   \
    "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"

static void check_sound(struct fields *fields, struct str body)
{
    (void)body;
    struct failure failure = {0};
    assert_int_equal(form_need_file(fields->form, &failure), FAULT_NONE);
    assert_int_equal(form_sound(fields->form)->bytes, 44 + 16);
    assert_int_equal(sound_ms(form_sound(fields->form)), 2); /* 16 bytes at 8,000 a second */
}

static void file_is_sound_and_nothing_else_is(void **state)
{
    (void)state;
    with_form(STR(FILE_OF("image", "RIFF") FILE_OF("file", WAV_HEAD "sixteen bytes...")
                      FILE_OF("other", "and more") TEXT("model", "a") CLOSING),
              check_sound);
}

static void assert_file(struct str body, enum fault fault)
{
    for (size_t step = 1; step < 60; step += 7) {
        struct failure failure = {0};
        struct fields *fields = fed(body, step);
        assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
        assert_int_equal(form_need_file(fields->form, &failure), fault);
        assert_int_equal(failure.fault, fault);
        assert_string_equal(failure.param, fault == FAULT_NONE ? "" : "file");
        failure_release(&failure);
        fields_free(&fields);
    }
}

static void file_must_be_there_once_and_hold_something(void **state)
{
    (void)state;
    char name[] =
        FILE_OF("fileeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "v")
            CLOSING;
    assert_file(STR(FILE_OF("file", "v") CLOSING), FAULT_NONE);
    assert_file(STR(TEXT("model", "a") CLOSING), FAULT_MISSING_PARAMETER);
    assert_file(STR(FILE_OF("files", "v") CLOSING), FAULT_MISSING_PARAMETER);
    assert_file(str_of(name), FAULT_MISSING_PARAMETER);
    assert_file(STR(FILE_OF("file", "v") FILE_OF("file", "w") CLOSING), FAULT_DUPLICATE_PARAMETER);
    assert_file(STR(FILE_OF("file", "v") TEXT("file", "w") CLOSING), FAULT_DUPLICATE_PARAMETER);
    assert_file(STR(FILE_OF("FILE", "v") CLOSING), FAULT_DUPLICATE_PARAMETER);
    assert_file(STR(TEXT("file", "v") CLOSING), FAULT_INVALID_TYPE);
    assert_file(STR(FILE_OF("file", "") CLOSING), FAULT_INVALID_VALUE);
}

static void assert_reference(struct str body, enum fault fault)
{
    for (size_t step = 1; step < 60; step += 7) {
        struct failure failure = {0};
        struct fields *fields = fed(body, step);
        assert_int_equal(fields_finish(fields, &failure), fault);
        assert_string_equal(failure.param, fault == FAULT_NONE ? "" : "file_id");
        failure_release(&failure);
        fields_free(&fields);
    }
}

/* What lies at a provider under an id was not issued to this caller. */
static void part_that_names_a_file_of_the_provider_is_refused(void **state)
{
    (void)state;
    static const enum fault no = FAULT_REFERENCE_NOT_FOUND;
    assert_reference(STR(TEXT("\"input_reference[file_id]\"", "file-1") CLOSING), no);
    assert_reference(STR(TEXT("input_reference.file_id", "file-1") CLOSING), no);
    assert_reference(
        STR(TEXT("model", "a") TEXT("\"image[0][file_id]\"", "f") TEXT("n", "1") CLOSING), no);
    assert_reference(STR(TEXT("prompt", "input_reference[file_id]") CLOSING), FAULT_NONE);
    assert_reference(STR(TEXT("\"file_ids[]\"", "a") TEXT("my_file_id", "b") CLOSING), FAULT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_fields),
        cmocka_unit_test(only_what_may_be_a_number_is_one),
        cmocka_unit_test(texts_are_estimated_each_by_itself),
        cmocka_unit_test(number_with_a_nul_is_none),
        cmocka_unit_test(long_values_are_cut_not_overrun),
        cmocka_unit_test(field_given_twice_or_in_another_case_is_refused),
        cmocka_unit_test(form_that_is_none_is_refused),
        cmocka_unit_test(files_are_counted_and_not_read),
        cmocka_unit_test(file_is_sound_and_nothing_else_is),
        cmocka_unit_test(file_must_be_there_once_and_hold_something),
        cmocka_unit_test(part_that_names_a_file_of_the_provider_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
