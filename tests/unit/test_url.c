#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "relay/url.h"

static void absolute_url_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *base, *target;
    } cases[] = {
        {"https://cdn.example.com/a/b.mp4?sign=x%2By&t=1#end", "https://cdn.example.com",
         "/a/b.mp4?sign=x%2By&t=1"},
        {"https://cdn.example.com", "https://cdn.example.com", "/"},
        {"https://cdn.example.com?x", "https://cdn.example.com", "/?x"},
        {"HTTPS://cdn.example.com:443/", "https://cdn.example.com", "/"},
        {"http://10.0.0.1:8080/v", "http://10.0.0.1:8080", "/v"},
        {"http://0x7f.1/v", "http://127.0.0.1", "/v"},
        {"http://2130706433/v", "http://127.0.0.1", "/v"},
        {"http://017700000001/v", "http://127.0.0.1", "/v"},
        {"http://[::ffff:10.0.0.1]/v", "http://[::ffff:10.0.0.1]", "/v"},
        {"https://h/a b/\xe5\x9b\xbe.mp4", "https://h", "/a%20b/%e5%9b%be.mp4"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct url url;
        assert_int_equal(url_read(&url, cases[i].text, NULL), URL_OK);
        assert_string_equal(url.base, cases[i].base);
        assert_true(str_eq_nocase(str_of(url.target), str_of(cases[i].target)));
        url_release(&url);
    }
}

static void relative_url_goes_on_from_another(void **state)
{
    (void)state;
    static const struct {
        const char *text, *base, *target;
    } cases[] = {
        {"/x?y", "https://a:8443", "/x?y"},
        {"c.mp4", "https://a:8443", "/v/c.mp4"},
        {"../c.mp4", "https://a:8443", "/c.mp4"},
        {"?z", "https://a:8443", "/v/b?z"},
        {"//other/p", "https://other", "/p"},
        {"https://other:444/p", "https://other:444", "/p"},
    };
    struct url from, url;
    assert_int_equal(url_read(&from, "https://a:8443/v/b?q", NULL), URL_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(url_read(&url, cases[i].text, &from), URL_OK);
        assert_string_equal(url.base, cases[i].base);
        assert_string_equal(url.target, cases[i].target);
        url_release(&url);
    }
    url_release(&from);
}

static void other_schemes_and_passwords_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"file:///etc/passwd", "ftp://h/x",
                                        "gopher://h/",        "javascript:alert(1)",
                                        "data:video/mp4,x",   "http://u:p@h/",
                                        "https://key@h/x",    "http://",
                                        "http:// /x",         "",
                                        "https://h\r\nx/",    "http://h:99999/",
                                        "http://a b/",        "cdn/x.mp4",
                                        "https://h/\x01\x02", "http://[::1/x"};
    struct url from, url;
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (url_read(&url, texts[i], NULL) != URL_REFUSED)
            fail_msg("%s: %s%s", texts[i], url.base, url.target);
        assert_null(url.base);
        assert_null(url.target);
    }
    assert_int_equal(url_read(&from, "https://h/x", NULL), URL_OK);
    assert_int_equal(url_read(&url, "http://h/x", &from), URL_REFUSED);
    assert_int_equal(url_read(&url, "file:///x", &from), URL_REFUSED);
    url_release(&from);
    assert_int_equal(url_read(&from, "http://h/x", NULL), URL_OK);
    assert_int_equal(url_read(&url, "https://h/x", &from), URL_OK);
    url_release(&url);
    url_release(&from);
    char *text = malloc(URL_BYTES_MAX + 2);
    memset(text, 'a', URL_BYTES_MAX + 1);
    memcpy(text, "http://h/", 9);
    text[URL_BYTES_MAX + 1] = '\0';
    assert_int_equal(url_read(&url, text, NULL), URL_REFUSED);
    free(text);
}

static void origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool same;
    } cases[] = {{"https://Host/x", true},      {"https://host:443/", true},
                 {"http://host/", false},       {"https://host:444/", false},
                 {"https://host.evil/", false}, {"https://hos/", false}};
    struct url a, b;
    assert_int_equal(url_read(&a, "https://host/v1", NULL), URL_OK);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(url_read(&b, cases[i].text, NULL), URL_OK);
        assert_int_equal(url_same_origin(&a, &b), cases[i].same);
        url_release(&b);
    }
    url_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absolute_url_is_taken_apart),
        cmocka_unit_test(relative_url_goes_on_from_another),
        cmocka_unit_test(other_schemes_and_passwords_are_refused),
        cmocka_unit_test(origin_is_scheme_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
