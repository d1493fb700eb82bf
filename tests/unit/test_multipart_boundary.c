#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "relay/multipart_boundary.h"

static void boundary_is_read_from_the_content_type(void **state)
{
    (void)state;
    static const struct {
        const char *type, *boundary;
    } good[] = {
        {"multipart/form-data; boundary=x", "x"},
        {"Multipart/Form-Data;BOUNDARY=\"x\"", "x"},
        {"multipart/form-data ; charset=utf-8 ; boundary=--x-1 ;", "--x-1"},
        {"multipart/form-data; boundary=\"a b:c\"; charset=\"utf-8\"", "a b:c"},
        {"multipart/form-data; boundary=a'()+_,-./:=?z", "a'()+_,-./:=?z"},
    };
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(multipart_boundary(str_of(good[i].type), boundary));
        assert_string_equal(boundary, good[i].boundary);
    }
}

static void content_type_without_one_boundary_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "multipart/form-data",
        "multipart/form-data; charset=utf-8",
        "multipart/mixed; boundary=x",
        "application/json; boundary=x",
        "multipart/form-data boundary=x",
        "multipart/form-data, boundary=x",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary =x",
        "multipart/form-data; boundary= x",
        "multipart/form-data; boundary=\"x",
        "multipart/form-data; boundary=\"x\"y",
        "multipart/form-data; boundary=x y",
        "multipart/form-data; boundary=\"x \"",
        "multipart/form-data; boundary=\"x\\y\"",
        "multipart/form-data; boundary=x@y",
        "multipart/form-data; boundary=x\xC3\xA9",
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=x; boundary=x",
        "multipart/form-data; boundary=x; boundary*=utf-8''y",
        "multipart/form-data; boundary*=utf-8''y",
        "multipart/form-data; boundary*0=y",
        "multipart/form-data; a=\"; boundary=y\"; boundary=x",
        "multipart/form-data; boundary=x; a",
    };
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(multipart_boundary(str_of(bad[i]), boundary));
}

static void boundary_longer_than_its_ceiling_is_refused(void **state)
{
    (void)state;
    char type[256], boundary[MULTIPART_BOUNDARY_MAX + 1];
    for (int n = MULTIPART_BOUNDARY_MAX; n <= MULTIPART_BOUNDARY_MAX + 1; n++) {
        snprintf(type, sizeof type, "multipart/form-data; boundary=%0*d", n, 7);
        assert_int_equal(multipart_boundary(str_of(type), boundary), n == MULTIPART_BOUNDARY_MAX);
    }
    assert_int_equal(strlen(boundary), MULTIPART_BOUNDARY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boundary_is_read_from_the_content_type),
        cmocka_unit_test(boundary_longer_than_its_ceiling_is_refused),
        cmocka_unit_test(content_type_without_one_boundary_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
