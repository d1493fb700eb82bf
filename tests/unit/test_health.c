#include "relay/health.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static void entry_is_found_again_by_its_name(void **state)
{
    (void)state;
    struct health *health = health_new();
    assert_non_null(health);
    char name[] = "alpha";
    struct provider_health *alpha = health_of(health, name);
    struct provider_health *beta = health_of(health, "beta");
    name[0] = 'x'; /* the name was copied */
    assert_ptr_not_equal(alpha, beta);
    assert_ptr_equal(health_of(health, "alpha"), alpha);
    assert_ptr_equal(health_of(health, "beta"), beta);
    assert_ptr_not_equal(health_of(health, "Alpha"), alpha);
    assert_string_equal(alpha->name, "alpha");
    assert_int_equal(atomic_load(&beta->attempts), 0);
    assert_false(atomic_load(&beta->refuses_stream_usage));
    atomic_fetch_add(&alpha->attempts, 3);
    assert_int_equal(atomic_load(&health_of(health, "alpha")->attempts), 3);
    assert_int_equal(atomic_load(&health_of(health, "beta")->attempts), 0);
    health_free(&health);
    assert_null(health);
    health_free(&health);
}

static void longest_names_are_told_apart(void **state)
{
    (void)state;
    struct health *health = health_new();
    char a[65], b[65];
    for (size_t i = 0; i < 64; i++)
        a[i] = b[i] = 'n';
    a[64] = b[64] = '\0';
    b[63] = 'm';
    assert_ptr_not_equal(health_of(health, a), health_of(health, b));
    assert_ptr_equal(health_of(health, a), health_of(health, a));
    health_free(&health);
}

static void names_beyond_the_room_share_one_entry(void **state)
{
    (void)state;
    struct health *health = health_new();
    struct provider_health *last = NULL;
    char name[16];
    for (int i = 0; i < HEALTH_PROVIDERS_MAX; i++) {
        snprintf(name, sizeof name, "p%d", i);
        assert_ptr_not_equal(health_of(health, name), last);
        last = health_of(health, name);
    }
    struct provider_health *over = health_of(health, "one more");
    assert_non_null(over);
    assert_ptr_not_equal(over, last);
    assert_ptr_equal(health_of(health, "yet another"), over);
    assert_ptr_equal(health_of(health, name), last);
    health_free(&health);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_is_found_again_by_its_name),
        cmocka_unit_test(longest_names_are_told_apart),
        cmocka_unit_test(names_beyond_the_room_share_one_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
