#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/data_url.h"

static void data_url_gives_type_and_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *url, *type, *bytes;
    } cases[] = {
        {"data:video/mp4;base64,Zm9v", "video/mp4", "foo"},
        {"DATA:video/mp4;codecs=avc1;BASE64,Zg==", "video/mp4;codecs=avc1", "f"},
        {"data:;base64,Zm9v", "", "foo"},
        {"data:video/mp4,foo", NULL, NULL},
        {"data:video/mp4;base64", NULL, NULL},
        {"data:video/mp4;base64,", NULL, NULL},
        {"data:video/mp4;base64,Z", NULL, NULL},
        {"data:base64,Zm9v", NULL, NULL},
        {"https://h/;base64,Zm9v", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf bytes;
        struct str type;
        buf_init(&bytes, 1024);
        bool ok = data_url_read(str_of(cases[i].url), &type, &bytes);
        if (ok != (cases[i].bytes != NULL))
            fail_msg("%s", cases[i].url);
        if (ok) {
            assert_true(str_eq(type, str_of(cases[i].type)));
            assert_true(str_eq(buf_str(&bytes), str_of(cases[i].bytes)));
        }
        buf_release(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_url_gives_type_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
