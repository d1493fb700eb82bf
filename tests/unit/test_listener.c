#include "server/listener.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void written_addresses_are_read_back(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"127.0.0.1:8080", "http://127.0.0.1:8080"},
        {"0.0.0.0:0", "http://0.0.0.0:0"},
        {"127.0.0.1:65535", "http://127.0.0.1:65535"},
        {"[::1]:8080", "http://[::1]:8080"},
        {"[::]:80", "http://[::]:80"},
        {"[0:0:0:0:0:0:0:1]:80", "http://[::1]:80"},
        {"unix:/run/gateway.sock", "unix:/run/gateway.sock"},
        {"unix:a:80", "unix:a:80"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct listen_address address;
        struct buf text;
        buf_init(&text, 1000);
        assert_true(listen_parse(str_of(rows[i][0]), &address, &text));
        assert_int_equal(text.n, 0);
        assert_int_equal(address.is_unix, rows[i][1][0] == 'u');
        assert_true(listen_url(&address, &text));
        assert_int_equal(text.n, strlen(rows[i][1]));
        assert_memory_equal(text.p, rows[i][1], text.n);
        buf_release(&text);
    }
}

static void bad_addresses_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ":",
        "8080",
        ":8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1:80 ",
        "127.0.0.1:0x50",
        "127.1:80",
        "256.0.0.1:80",
        "localhost:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "::1]:80",
        "[]:80",
        "[127.0.0.1]:80",
        "[fe80::1%lo]:80",
        " 127.0.0.1:80",
        "unix:",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111:80"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct listen_address address;
        struct buf why;
        buf_init(&why, 1000);
        if (listen_parse(str_of(bad[i]), &address, &why))
            fail_msg("'%s'", bad[i]);
        assert_true(why.n > 0);
        buf_release(&why);
    }
}

static void unix_path_fills_its_room_and_no_more(void **state)
{
    (void)state;
    char text[200] = "unix:";
    struct listen_address address;
    struct buf why;
    buf_init(&why, 1000);
    memset(text + 5, 'a', 107);
    assert_true(listen_parse(str_of(text), &address, &why));
    assert_int_equal(strlen(((struct sockaddr_un *)&address.address)->sun_path), 107);
    text[5 + 107] = 'a';
    assert_false(listen_parse(str_of(text), &address, &why));
    buf_release(&why);
}

static void port_zero_learns_its_port_and_a_second_bind_is_busy(void **state)
{
    (void)state;
    struct listen_address address;
    struct buf text;
    bool busy = true;
    buf_init(&text, 1000);
    assert_true(listen_parse(STR("127.0.0.1:0"), &address, &text));
    int fd = listen_open(&address, false, &text, &busy);
    assert_true(fd >= 0);
    assert_false(busy);
    listen_learn_port(fd, &address);
    assert_true(listen_url(&address, &text));
    assert_false(str_ends(buf_str(&text), STR(":0")));
    buf_clear(&text);
    assert_int_equal(listen_open(&address, false, &text, &busy), -1);
    assert_true(busy);
    assert_true(str_starts(buf_str(&text), STR("cannot listen: ")));
    close(fd);
    /* With `reuse` each worker gets a socket of its own. */
    int first = listen_open(&address, true, &text, &busy);
    int second = listen_open(&address, true, &text, &busy);
    assert_true(first >= 0 && second >= 0 && first != second);
    close(first);
    close(second);
    buf_release(&text);
}

static char folder[] = "/tmp/test_listener_XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void stale_unix_socket_is_replaced_and_a_live_one_kept(void **state)
{
    (void)state;
    struct listen_address address;
    struct buf text;
    bool busy = false;
    char path[100];
    snprintf(path, sizeof path, "unix:%s/s", folder);
    buf_init(&text, 1000);
    assert_true(listen_parse(str_of(path), &address, &text));
    int live = listen_open(&address, false, &text, &busy);
    assert_true(live >= 0);
    assert_int_equal(listen_open(&address, false, &text, &busy), -1);
    assert_true(busy);
    close(live); /* the file stays, as after a crash */
    assert_int_equal(access(path + 5, F_OK), 0);
    live = listen_open(&address, false, &text, &busy);
    assert_true(live >= 0);
    close(live);
    assert_int_equal(unlink(path + 5), 0);
    /* A file that is no socket is never removed. */
    FILE *file = fopen(path + 5, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(listen_open(&address, false, &text, &busy), -1);
    struct stat st;
    assert_int_equal(stat(path + 5, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_int_equal(unlink(path + 5), 0);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_addresses_are_read_back),
        cmocka_unit_test(bad_addresses_are_refused_with_a_reason),
        cmocka_unit_test(unix_path_fills_its_room_and_no_more),
        cmocka_unit_test(port_zero_learns_its_port_and_a_second_bind_is_busy),
        cmocka_unit_test_setup_teardown(stale_unix_socket_is_replaced_and_a_live_one_kept,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
