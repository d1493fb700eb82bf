#include "server/link_key.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], file[96];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/gateway-link-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/" LINK_KEY_FILE, dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(dir);
}

static bool load(const char *from, uint8_t key[SECRET_HASH_SIZE])
{
    struct buf why;
    buf_init(&why, 1024);
    bool ok = link_key_load(from, key, &why);
    assert_int_equal(ok, why.n == 0);
    buf_release(&why);
    return ok;
}

static void key_is_made_once_for_its_owner_alone(void **state)
{
    (void)state;
    uint8_t first[SECRET_HASH_SIZE] = {0}, again[SECRET_HASH_SIZE] = {0};
    struct stat info;
    assert_true(load(dir, first));
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, SECRET_HASH_SIZE);
    assert_true(load(dir, again));
    assert_memory_equal(first, again, sizeof first);
    unlink(file);
    assert_true(load(dir, again));
    assert_memory_not_equal(first, again, sizeof first);
}

static void file_that_is_no_key_is_refused_and_left(void **state)
{
    (void)state;
    uint8_t key[SECRET_HASH_SIZE];
    for (int n = 0; n <= SECRET_HASH_SIZE + 1; n++) {
        if (n == SECRET_HASH_SIZE)
            continue;
        FILE *out = fopen(file, "w");
        assert_non_null(out);
        fprintf(out, "%*s", n, "");
        assert_int_equal(fclose(out), 0);
        assert_false(load(dir, key));
    }
    assert_int_equal(access(file, F_OK), 0);
    assert_false(load("/nowhere", key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(key_is_made_once_for_its_owner_alone, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(file_that_is_no_key_is_refused_and_left, make_dir,
                                        remove_dir),
    };
    assert_true(secret_open());
    return cmocka_run_group_tests(tests, NULL, NULL);
}
