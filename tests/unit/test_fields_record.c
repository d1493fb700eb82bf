#include "relay/fields_record.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "relay/fields.h"

static void assert_prompt(const char *json, size_t cut, const char *expected)
{
    struct fields *fields = fields_new(false);
    struct failure failure = {.fault = FAULT_NONE};
    assert_non_null(fields);
    assert_true(fields_keep_record(fields));
    for (size_t at = 0; at < strlen(json); at += cut)
        fields_feed(fields, json + at, strlen(json) - at < cut ? strlen(json) - at : cut);
    assert_int_equal(fields_finish(fields, &failure), FAULT_NONE);
    assert_string_equal(fields_record_prompt_end(fields->record), expected);
    fields_free(&fields);
}

static void prompt_is_kept_decoded_at_any_cut(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 60; cut++)
        assert_prompt(
            "{\"model\":\"m\",\"prompt\":\"a \\\"c\\u00e9\\n\xe7\x8c\xab\",\"seconds\":\"8\","
            "\"input\":\"other\"}",
            cut, "a \"c\xc3\xa9\n\xe7\x8c\xab");
}

static void long_prompt_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t before = 0; before < 4; before++) {
        struct fields_record *record = fields_record_new();
        assert_non_null(record);
        fields_record_prompt(record, str_slice(STR("abcd"), 0, before));
        for (size_t i = 0; i < FIELDS_RECORD_PROMPT_MAX; i += 4)
            fields_record_prompt(record, STR("\xf0\x9f\x90\x88"));
        size_t n = strlen(fields_record_prompt_end(record));
        assert_int_equal((n - before) % 4, 0);
        assert_in_range(n, FIELDS_RECORD_PROMPT_MAX - 3, FIELDS_RECORD_PROMPT_MAX);
        fields_record_free(&record);
    }
}

static void digest_of(const char *boundary, const char *format, uint8_t hash[SECRET_HASH_SIZE])
{
    struct fields *fields = boundary != NULL ? fields_new_form(boundary) : fields_new(false);
    struct buf body;
    const char *mark;
    buf_init(&body, 4096);
    assert_non_null(fields);
    assert_true(fields_keep_record(fields));
    for (const char *p = format; *p != '\0'; p = mark + (*mark == '@')) {
        mark = p + strcspn(p, "@");
        assert_true(buf_add(&body, p, (size_t)(mark - p)));
        assert_true(*mark == '\0' || buf_add_str(&body, str_of(boundary)));
    }
    fields_feed(fields, body.p, body.n);
    secret_digest_end(&fields->record->digest, hash);
    buf_release(&body);
    fields_free(&fields);
}

#define PART(name, value)                                                                          \
    "--@\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void assert_same(const char *boundary_a, const char *a, const char *boundary_b,
                        const char *b, bool expected)
{
    uint8_t hash_a[SECRET_HASH_SIZE], hash_b[SECRET_HASH_SIZE];
    digest_of(boundary_a, a, hash_a);
    digest_of(boundary_b, b, hash_b);
    assert_int_equal(memcmp(hash_a, hash_b, sizeof hash_a) == 0, expected);
}

static void same_form_is_known_by_any_boundary(void **state)
{
    (void)state;
    static const char form[] = PART("prompt", "a cat") PART("seconds", "8") "--@--\r\n";
    static const char longer[] = PART("prompt", "a cat") PART("seconds", "80") "--@--\r\n";
    static const char other[] = PART("prompt", "a cat") PART("second", "s8") "--@--\r\n";
    assert_same("one", form, "another", form, true);
    assert_same("one", form, "one", longer, false);
    assert_same("one", form, "one", other, false);
    assert_same(NULL, "{\"prompt\":\"a\"}", NULL, "{\"prompt\":\"a\"}", true);
    assert_same(NULL, "{\"prompt\":\"a\"}", NULL, "{\"prompt\":\"b\"}", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_is_kept_decoded_at_any_cut),
        cmocka_unit_test(long_prompt_is_cut_between_characters),
        cmocka_unit_test(same_form_is_known_by_any_boundary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
