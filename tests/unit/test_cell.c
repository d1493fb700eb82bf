/* What people read of a result: cells, tables, and what is told after a change. */
#include "server/cli/cell.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/cli/table.h"

static void expect_table(const char *columns, const char *json, enum table_style style,
                         const char *expected)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    json_t *result = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(out);
    assert_non_null(result);
    assert_true(table_print(out, columns, result, style));
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
    json_decref(result);
}

static void table_on_a_terminal_is_aligned(void **state)
{
    (void)state;
    expect_table("id name balance",
                 "[{\"id\":1,\"name\":\"al\",\"balance\":\"12.500000000\"},"
                 "{\"id\":20,\"name\":\"\\u5f20\\u4e09x\",\"balance\":null}]",
                 TABLE_ALIGNED,
                 "ID  NAME   BALANCE\n"
                 "1   al     12.50\n"
                 "20  \xe5\xbc\xa0\xe4\xb8\x89x  -\n");
    expect_table("", "{\"ok\":true,\"errors\":[]}", TABLE_ALIGNED, "ok      yes\nerrors  -\n");
    expect_table("", "{\"errors\":[\"one is 3, not 4\",\"two\"],\"models\":[\"a\",\"b\"]}",
                 TABLE_ALIGNED, "errors  one is 3, not 4\nerrors  two\nmodels  a,b\n");
}

static void table_in_a_pipe_has_tabs_and_no_header(void **state)
{
    (void)state;
    expect_table("id name models",
                 "[{\"id\":1,\"name\":\"a\\tb\\u001b[2J\",\"models\":[\"x*\",\"!y\"]}]", TABLE_TABS,
                 "1\ta?b?[2J\tx*,!y\n");
    expect_table("", "{\"id\":3,\"limit\":\"5/day\"}", TABLE_TABS, "id\t3\nlimit\t5/day\n");
}

static void cell_of_time_and_nested_values_reads_well(void **state)
{
    (void)state;
    setenv("TZ", "UTC-2", 1);
    tzset();
    expect_table("created offers price counters",
                 "[{\"created\":\"2026-11-24T23:30:00Z\",\"offers\":[{\"provider\":\"p\","
                 "\"upstream_model\":\"m\"}],\"price\":[{\"counter\":\"in_text\",\"usd\":\"0.15\","
                 "\"per\":\"1M tokens\"}],\"counters\":{\"in_text\":3}}]",
                 TABLE_TABS, "2026-11-25 01:30:00\tp/m\tin_text 0.15/1M tokens\tin_text=3\n");
    unsetenv("TZ");
    tzset();
}

static void price_in_a_list_has_its_conditions(void **state)
{
    (void)state;
    expect_table("price",
                 "[{\"price\":[{\"counter\":\"in_text\",\"usd\":\"5\",\"per\":\"1M tokens\","
                 "\"above\":200000,\"tier\":\"flex\"},{\"counter\":\"video_ms\",\"usd\":\"0.1\","
                 "\"per\":\"second\",\"quality\":\"hd\",\"size\":\"1280x720\",\"quantum\":1000,"
                 "\"minimum\":1500},{\"counter\":\"characters\",\"usd\":\"15\",\"per\":\"1M "
                 "characters\",\"minimum\":1000}]}]",
                 TABLE_TABS,
                 "in_text 5/1M tokens above=200000 tier=flex, "
                 "video_ms 0.1/second quality=hd size=1280x720 quantum=1s minimum=1500ms, "
                 "characters 15/1M characters minimum=1000\n");
}

static void bill_of_time_multiplies_as_it_stands(void **state)
{
    (void)state;
    expect_table("",
                 "{\"bill\":[{\"counter\":\"video_ms\",\"quantity\":4000,\"price\":\"0.1 per "
                 "second\",\"cost\":\"0.400000000000\"},{\"counter\":\"audio_ms\",\"quantity\":"
                 "12050,\"price\":\"1 per second\",\"cost\":\"12.050000000000\"},{\"counter\":"
                 "\"in_text\",\"quantity\":7,\"price\":\"1 per 1M tokens\",\"cost\":\"0\"}]}",
                 TABLE_TABS,
                 "bill\tvideo_ms 4 s x 0.1 per second = 0.400000000000\n"
                 "bill\taudio_ms 12.05 s x 1 per second = 12.050000000000\n"
                 "bill\tin_text 7 x 1 per 1M tokens = 0\n");
}

static void expect_expanded(const char *text, const json_t *object, const char *expected)
{
    struct buf out;
    buf_init(&out, 1024);
    assert_true(cell_expand(&out, text, object));
    assert_true(buf_add_char(&out, '\0'));
    assert_string_equal(out.p, expected);
    buf_release(&out);
}

static void expand_puts_members_in(void **state)
{
    (void)state;
    json_t *object = json_pack("{s:s, s:s, s:n, s:[]}", "name", "bob", "balance", "10.000000000",
                               "quota", "models");
    expect_expanded("user {name} has {balance} USD", object, "user bob has 10.00 USD");
    expect_expanded("quota {quota}, models {models}", object, "quota none, models any");
    expect_expanded("{name}[, quota {quota}][, of {name}, {quota}][, has {balance}].", object,
                    "bob, has 10.00.");
    json_decref(object);
}

static void expand_of_a_command_quotes_for_the_shell(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    json_t *object = json_pack("{s:s, s:s, s:s, s:i}", "name", "a;b'$(c)", "user", "1.000000000",
                               "file", "/x/a_1.db", "id", 7);
    assert_true(cell_expand_command(&out, "user show {name} {file} {id} {user}", object));
    assert_true(buf_add_char(&out, '\0'));
    assert_string_equal(out.p, "user show 'a;b'\\''$(c)' /x/a_1.db 7 1.000000000");
    buf_release(&out);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_on_a_terminal_is_aligned),
        cmocka_unit_test(table_in_a_pipe_has_tabs_and_no_header),
        cmocka_unit_test(cell_of_time_and_nested_values_reads_well),
        cmocka_unit_test(price_in_a_list_has_its_conditions),
        cmocka_unit_test(bill_of_time_multiplies_as_it_stands),
        cmocka_unit_test(expand_puts_members_in),
        cmocka_unit_test(expand_of_a_command_quotes_for_the_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
