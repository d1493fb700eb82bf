#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "config/settings.h"

static struct settings settings;
static struct buf why;

static int set_up(void **state)
{
    (void)state;
    buf_init(&why, 1024);
    return settings_init(&settings) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&why);
    settings_release(&settings);
    return 0;
}

static const struct setting *find(const char *section, const char *name)
{
    const struct setting *setting = setting_find(str_of(section), str_of(name));
    assert_non_null(setting);
    return setting;
}

static void refuses(const char *section, const char *name, const char *value, const char *text)
{
    assert_false(setting_set(&settings, find(section, name), str_of(value), &why));
    assert_int_equal(why.n, strlen(text));
    assert_memory_equal(why.p, text, why.n);
}

static void takes(const char *section, const char *name, const char *value)
{
    struct buf out;
    buf_init(&out, 1024);
    assert_true(setting_set(&settings, find(section, name), str_of(value), &why));
    assert_true(setting_show(&settings, find(section, name), &out));
    assert_int_equal(out.n, strlen(value));
    assert_memory_equal(out.p, value, out.n);
    buf_release(&out);
}

static void settings_init_gives_documented_defaults(void **state)
{
    (void)state;
    assert_string_equal(settings.server_listen, "127.0.0.1:8080");
    assert_int_equal(settings.server_workers, 0);
    assert_int_equal(settings.server_max_requests, 20000);
    assert_int_equal(settings.server_max_body_json, 32 << 20);
    assert_int_equal(settings.server_header_memory, 16384);
    assert_int_equal(settings.server_total_timeout_ms, 290000);
    assert_int_equal(settings.server_sse_keepalive_ms, 0);
    assert_int_equal(settings.server_error_dialect, ERROR_DIALECT_DOCUMENTED);
    assert_int_equal(settings.database_durability, DURABILITY_POWER);
    assert_true(settings.server_error_details);
    assert_false(settings.server_cors);
    assert_string_equal(settings.admin_socket, "admin.sock");
}

static void settings_every_default_shows_as_written(void **state)
{
    (void)state;
    const struct setting *setting;
    unsigned i = 0;
    for (; (setting = setting_at(i)) != NULL; i++) {
        struct buf out;
        buf_init(&out, 1024);
        assert_true(setting_show(&settings, setting, &out));
        assert_int_equal(out.n, strlen(setting_default(setting)));
        if (out.n > 0)
            assert_memory_equal(out.p, setting_default(setting), out.n);
        assert_int_equal(setting_index(setting), i);
        buf_release(&out);
    }
    assert_int_equal(i, SETTING_COUNT);
}

static void setting_set_valid_shows_back(void **state)
{
    (void)state;
    takes("server", "listen", "unix:/run/gateway.sock");
    takes("server", "listen", "[::1]:0");
    takes("server", "workers", "256");
    takes("server", "workers", "auto");
    takes("server", "max_body_json", "512k");
    takes("server", "max_body_multipart", "4g");
    takes("server", "sse_keepalive", "15s");
    takes("server", "sse_keepalive", "off");
    takes("server", "shutdown_timeout", "0s");
    takes("server", "store_timeout", "250ms");
    takes("server", "total_timeout", "1h");
    takes("server", "direct", "off");
    takes("server", "log_level", "error");
    takes("server", "trusted_proxy", "10.0.0.0/8, fd00::/8,unix");
    takes("server", "trusted_proxy", "");
}

static void setting_set_invalid_says_why_and_keeps(void **state)
{
    (void)state;
    refuses("server", "workers", "abc",
            "\"abc\" is not a number of threads (want 1..256, or auto)");
    refuses("server", "workers", "0", "\"0\" is not a number of threads (want 1..256, or auto)");
    refuses("server", "head_timeout", "30", "\"30\" has no unit (want a time like 30s or 250ms)");
    refuses("server", "head_timeout", "soon",
            "\"soon\" is not a time (want one like 250ms, 30s, 5m or 1h)");
    refuses("server", "head_timeout", "2h", "\"2h\" is out of range (want 100ms..10m)");
    refuses("server", "reply_buffer", "65536",
            "\"65536\" has no unit (want a size like 512k, 64m or 2g)");
    refuses("server", "reply_buffer", "1k", "\"1k\" is out of range (want 64k..256m)");
    refuses("server", "max_requests", "many", "\"many\" is not a number (want 1..1000000)");
    refuses("server", "max_requests", "0", "\"0\" is out of range (want 1..1000000)");
    refuses("server", "cors", "yes", "\"yes\" is not a switch (want on or off)");
    refuses("server", "log_level", "warn", "\"warn\" is not one of debug, info, warning, error");
    refuses("database", "durability", "powr",
            "\"powr\" is not one of power, process; did you mean \"power\"?");
    refuses("database", "path", "", "the value is empty");
    refuses("server", "listen", "localhost:80",
            "\"localhost:80\" is not an address to listen on (want IP:PORT, [IPV6]:PORT or "
            "unix:/path)");
    refuses("server", "trusted_proxy", "10.0.0.0/33",
            "\"10.0.0.0/33\" is not a network (want 10.0.0.0/8, fd00::/8 or unix)");
    assert_int_equal(settings.server_workers, 0);
    assert_int_equal(settings.server_head_timeout_ms, 10000);
    assert_string_equal(settings.server_listen, "127.0.0.1:8080");
}

static void listen_check_malformed_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"127.0.0.1",       "127.0.0.1:",     "127.0.0.1:65536",
                                      ":8080",           "8080",           "::1:8080",
                                      "[::1]",           "[::1",           "[127.0.0.1]:80",
                                      "127.0.0.1:80x",   "unix:relative",  "unix:/",
                                      "127.0.0.1:80:80", "127.0.0.256:80", "unix:"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(setting_set(&settings, find("server", "listen"), str_of(bad[i]), &why));
}

static void setting_nearest_typo_finds_only_near_names(void **state)
{
    (void)state;
    assert_string_equal(setting_nearest(STR("server"), STR("listne")), "listen");
    assert_null(setting_nearest(STR("server"), STR("quotas")));
    assert_null(setting_nearest(STR("database"), STR("listen")));
    assert_null(setting_find(STR("database"), STR("listen")));
    assert_true(setting_section_exists(STR("admin")));
    assert_false(setting_section_exists(STR("adm")));
}

static void setting_needs_restart_only_for_start_rows(void **state)
{
    (void)state;
    struct settings next;
    assert_true(settings_init(&next));
    assert_true(setting_set(&next, find("server", "workers"), STR("3"), &why));
    assert_true(setting_set(&next, find("server", "cors"), STR("on"), &why));
    assert_true(setting_set(&next, find("database", "path"), STR("x.db"), &why));
    assert_true(setting_needs_restart(find("server", "workers"), &settings, &next));
    assert_true(setting_needs_restart(find("database", "path"), &settings, &next));
    assert_false(setting_needs_restart(find("server", "cors"), &settings, &next));
    assert_false(setting_needs_restart(find("server", "listen"), &settings, &next));
    settings_release(&next);
}

static void parse_units_edges(void **state)
{
    (void)state;
    int64_t n = -1;
    assert_true(parse_size(STR("512k"), &n));
    assert_int_equal(n, 524288);
    assert_true(parse_size(STR("8589934591g"), &n));
    assert_true(n == INT64_C(8589934591) << 30);
    assert_false(parse_size(STR("8589934592g"), &n));
    assert_false(parse_size(STR("1"), &n));
    assert_false(parse_size(STR("k"), &n));
    assert_false(parse_size(STR("-1k"), &n));
    assert_false(parse_size(STR("1K"), &n));
    assert_true(parse_time(STR("250ms"), &n));
    assert_int_equal(n, 250);
    assert_true(parse_time(STR("2h"), &n));
    assert_int_equal(n, 7200000);
    assert_false(parse_time(STR("5"), &n));
    assert_false(parse_time(STR("1 s"), &n));
    assert_false(parse_time(STR("1.5s"), &n));
    assert_int_equal(n, 7200000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settings_init_gives_documented_defaults),
        TEST(settings_every_default_shows_as_written),
        TEST(setting_set_valid_shows_back),
        TEST(setting_set_invalid_says_why_and_keeps),
        TEST(listen_check_malformed_is_refused),
        TEST(setting_nearest_typo_finds_only_near_names),
        TEST(setting_needs_restart_only_for_start_rows),
        TEST(parse_units_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
