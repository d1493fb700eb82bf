#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "relay/origin.h"

static void base_url_gives_host_and_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *base_url, *host, *prefix;
        bool is_tls;
    } cases[] = {
        {"https://api.example.com/v1", "api.example.com", "/v1", true},
        {"https://api.example.com", "api.example.com", "", true},
        {"https://api.example.com:443/v1", "api.example.com", "/v1", true},
        {"https://api.example.com:80/a/b", "api.example.com:80", "/a/b", true},
        {"http://LocalHost:80/v1", "LocalHost", "/v1", false},
        {"HTTP://10.0.0.1:8080/v1", "10.0.0.1:8080", "/v1", false},
        {"http://[::1]:443/v1", "[::1]:443", "/v1", false},
        {"https://[2001:db8::1]/v1", "[2001:db8::1]", "/v1", true},
    };
    struct origins origins = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct origin *origin = origins_get(&origins, cases[i].base_url, REACH_PUBLIC);
        assert_non_null(origin);
        assert_string_equal(origin->host, cases[i].host);
        assert_string_equal(origin->prefix, cases[i].prefix);
        assert_int_equal(origin->is_tls, cases[i].is_tls);
        origin_drop(&origin);
        assert_null(origin);
    }
    origins_release(&origins);
}

static void same_url_is_the_same_origin_private_or_not(void **state)
{
    (void)state;
    struct origins origins = {0};
    struct origin *a = origins_get(&origins, "http://a/v1", REACH_PUBLIC);
    struct origin *b = origins_get(&origins, "http://b/v1", REACH_PUBLIC);
    struct origin *again = origins_get(&origins, "http://a/v1", REACH_PUBLIC);
    struct origin *private = origins_get(&origins, "http://a/v1", REACH_ANY);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(a, private);
    assert_true(private->reach == REACH_ANY && a->reach == REACH_PUBLIC);
    assert_int_equal(a->users, 2);
    assert_null(origins_get(&origins, "no url", REACH_PUBLIC));
    origin_drop(&a);
    origin_drop(&again);
    origin_drop(&b);
    origin_drop(&private);
    origins_release(&origins);
}

static void those_out_of_use_are_bounded(void **state)
{
    (void)state;
    struct origins origins = {0};
    struct origin *kept = origins_get(&origins, "http://kept/v1", REACH_PUBLIC);
    for (unsigned i = 0; i < 500; i++) {
        char url[64];
        snprintf(url, sizeof url, "http://host%u/v1", i);
        struct origin *origin = origins_get(&origins, url, REACH_PUBLIC);
        origin_drop(&origin);
    }
    assert_int_equal(origins.count, 64);
    assert_string_equal(origins.first->next->base_url, "http://host498/v1");
    struct origin *again = origins_get(&origins, "http://kept/v1", REACH_PUBLIC);
    assert_ptr_equal(kept, again);
    origin_drop(&kept);
    origin_drop(&again);
    origins_release(&origins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_url_gives_host_and_prefix),
        cmocka_unit_test(same_url_is_the_same_origin_private_or_not),
        cmocka_unit_test(those_out_of_use_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
