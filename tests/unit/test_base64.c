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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_add_gives_the_texts_of_the_rfc),
        cmocka_unit_test(base64_add_leaves_a_full_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
