#include "base/base64.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10. */
static void base64_add_gives_the_texts_of_the_rfc(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct buf out;
        buf_init(&out, 64);
        assert_true(base64_add(&out, pairs[i][0], strlen(pairs[i][0])));
        assert_true(str_eq(buf_str(&out), str_of(pairs[i][1])));
        buf_release(&out);
    }
}

static void base64_add_leaves_a_full_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 7);
    assert_false(base64_add(&out, "foobar", 6));
    assert_int_equal(out.n, 0);
    buf_release(&out);
}

static void base64_read_is_the_way_back_and_takes_nothing_else(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"", ""},
                                           {"Zg==", "f"},
                                           {"Zm9vYmE=", "fooba"},
                                           {"Zm9vYmFy", "foobar"},
                                           {"Zm9v\r\nYmFy\n", "foobar"},
                                           {"Zg", NULL},
                                           {"Zm9v!", NULL},
                                           {"Zm9v=", NULL},
                                           {"Z", NULL},
                                           {"Zg==Zg==", NULL}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct buf out;
        buf_init(&out, 64);
        assert_true(buf_add_str(&out, STR("<")));
        bool ok = base64_read(&out, str_of(pairs[i][0]));
        if (ok != (pairs[i][1] != NULL))
            fail_msg("%s", pairs[i][0]);
        if (ok)
            assert_true(str_eq(str_from(buf_str(&out), 1), str_of(pairs[i][1])));
        buf_release(&out);
    }
    struct buf out;
    buf_init(&out, 4);
    assert_false(base64_read(&out, STR("Zm9vYmFy")));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_add_gives_the_texts_of_the_rfc),
        cmocka_unit_test(base64_add_leaves_a_full_buffer_as_it_was),
        cmocka_unit_test(base64_read_is_the_way_back_and_takes_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
