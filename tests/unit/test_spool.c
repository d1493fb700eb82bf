#include "relay/spool.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char *folder(void)
{
    const char *dir = getenv("TMPDIR");
    return dir != NULL ? dir : "/tmp";
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char text[200001], found[sizeof text];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 7 + (i >> 8));
    struct spool *spool = spool_new(folder());
    assert_non_null(spool);
    assert_true(spool_write(spool, text, 3));
    assert_true(spool_write(spool, text + 3, sizeof text - 3));
    assert_true(spool_read(spool, 0, found, sizeof found));
    assert_memory_equal(found, text, sizeof text);
    assert_true(spool_read(spool, 65530, found, 100));
    assert_memory_equal(found, text + 65530, 100);
    assert_false(spool_read(spool, sizeof text - 1, found, 2));
    spool_free(&spool, NULL);
    assert_null(spool);
}

static void it_ends_where_it_was_sent_to(void **state)
{
    (void)state;
    struct mailbox sweeper;
    assert_true(mailbox_init(&sweeper));
    struct spool *spool = spool_new(folder());
    assert_non_null(spool);
    int fd = spool->fd;
    spool_free(&spool, &sweeper);
    assert_null(spool);
    assert_true(is_open(fd));
    mailbox_deliver(&sweeper);
    assert_false(is_open(fd));
    mailbox_release(&sweeper);
}

static void it_ends_here_when_nobody_else_is_there(void **state)
{
    (void)state;
    struct spool *spool = spool_new(folder());
    assert_non_null(spool);
    int fd = spool->fd;
    spool_free(&spool, NULL);
    assert_false(is_open(fd));
    spool_free(&spool, NULL);
}

static void folder_that_is_none_has_no_spool(void **state)
{
    (void)state;
    assert_null(spool_new("/nonexistent/folder"));
    assert_null(spool_new("/dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(it_ends_where_it_was_sent_to),
        cmocka_unit_test(it_ends_here_when_nobody_else_is_there),
        cmocka_unit_test(folder_that_is_none_has_no_spool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
