#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/parse.h"

static char folder[] = "/tmp/gateway-config-XXXXXX";

static int folder_enter(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) != NULL && chdir(folder) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int folder_leave(void **state)
{
    (void)state;
    return chdir("/") == 0 && nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : -1;
}

static void write_bytes(const char *name, const char *bytes, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static struct messages messages;
static struct parse parsed;

/* Reads gateway.conf and checks what it has to say, the closing count left out. */
static void reads(const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    messages_init(&messages);
    parse_files(&parsed, "gateway.conf", &messages);
    assert_true(messages_write(&messages, &out));
    assert_true(buf_add_char(&out, '\0'));
    char *count = strstr(out.p, "gateway: configuration test FAILED");
    if (count != NULL)
        *count = '\0';
    assert_string_equal(out.p, expected);
    buf_release(&out);
}

static void done(void)
{
    parse_release(&parsed);
    messages_release(&messages);
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void parse_grammar_gives_sections_entries_and_places(void **state)
{
    (void)state;
    write_text("gateway.conf", "\xef\xbb\xbf# a comment\r\n"
                               " ; another\n"
                               "\n"
                               "[server]\r\n"
                               "listen=127.0.0.1:1#no comment ; here\r\n"
                               "\tempty =\n"
                               "  [ provider  \"a \\\"b\\\" ]\" ]  \n"
                               "key   =  \" x\\ty\\\\z\\n \"  \n"
                               "last = \xe4\xbd\xa0 =");
    reads("");
    assert_int_equal(parsed.section_count, 2);
    const struct section *server = &parsed.sections[0];
    assert_str(server->kind, "server");
    assert_false(server->named);
    assert_int_equal(server->entry_count, 2);
    assert_str(server->entries[0].value, "127.0.0.1:1#no comment ; here");
    assert_int_equal(server->entries[0].at.line, 5);
    assert_int_equal(server->entries[0].value_at.column, 8);
    assert_str(server->entries[1].key, "empty");
    assert_int_equal(server->entries[1].at.column, 2);
    assert_str(server->entries[1].value, "");
    const struct section *provider = &parsed.sections[1];
    assert_true(provider->named);
    assert_str(provider->name, "a \"b\" ]");
    assert_int_equal(provider->at.column, 3);
    assert_str(provider->entries[0].value, " x\ty\\z\n ");
    assert_int_equal(provider->entries[0].value_at.column, 11);
    assert_int_equal(entry_place(&provider->entries[0], 4).column, 15);
    assert_str(provider->entries[1].value, "\xe4\xbd\xa0 =");
    done();
}

static void parse_bytes_that_are_no_text_are_errors(void **state)
{
    (void)state;
    static const char text[] = "[server]\na = \0x\nb = \xc0\xaf\nc = \xed\xa0\x80\nd = \xf5\x80\x80"
                               "\x80\ne = \x1b[2J\nf = \xe4\xbd\n# \xff\n\rg = 1\nok = 1\n";
    write_bytes("gateway.conf", text, sizeof text - 1);
    reads("gateway.conf:2:5: error: the line holds a NUL byte\n"
          "gateway.conf:3:5: error: the line is not UTF-8\n"
          "gateway.conf:4:5: error: the line is not UTF-8\n"
          "gateway.conf:5:5: error: the line is not UTF-8\n"
          "gateway.conf:6:5: error: the line holds a control character\n"
          "gateway.conf:7:5: error: the line is not UTF-8\n"
          "gateway.conf:8:3: error: the line is not UTF-8\n"
          "gateway.conf:9:1: error: the line holds a control character\n");
    assert_int_equal(parsed.sections[0].entry_count, 1);
    done();
}

static char *filled(size_t n, const char *end)
{
    char *text = malloc(n + strlen(end) + 1);
    assert_non_null(text);
    memset(text, '#', n);
    memcpy(text + n, end, strlen(end) + 1);
    return text;
}

static void parse_lines_at_and_over_the_limit(void **state)
{
    (void)state;
    char *text = filled(PARSE_LINE_MAX, "\n");
    write_text("gateway.conf", text);
    reads("");
    done();
    free(text);
    text = filled(PARSE_LINE_MAX + 1, "\n");
    write_text("gateway.conf", text);
    reads("gateway.conf:1:1: error: the line is longer than 64 KiB\n");
    done();
    free(text);
}

static void parse_files_over_the_limit_or_unreadable(void **state)
{
    (void)state;
    char *text = filled(PARSE_FILE_MAX, "x");
    for (size_t i = 1000; i < PARSE_FILE_MAX; i += 1000)
        text[i - 1] = '\n';
    write_bytes("gateway.conf", text, PARSE_FILE_MAX);
    reads("");
    done();
    write_bytes("gateway.conf", text, PARSE_FILE_MAX + 1);
    free(text);
    reads("gateway.conf: error: the file is longer than 4 MiB\n");
    done();
    assert_int_equal(unlink("gateway.conf"), 0);
    reads("gateway.conf: error: cannot open: No such file or directory\n");
    done();
    assert_int_equal(mkdir("gateway.conf", 0700), 0);
    reads("gateway.conf: error: cannot read: Is a directory\n");
    done();
}

static void include_pattern_reads_in_order_of_names_after_the_main_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir("conf.d", 0700), 0);
    write_text("conf.d/b.conf", "[admin]\nsocket = b\n");
    write_text("conf.d/a.conf", "[admin]\nsocket = a\ninclude = more/x.inc\n");
    write_text("conf.d/.hidden.conf", "nonsense\n");
    write_text("conf.d/c.off", "nonsense\n");
    assert_int_equal(mkdir("conf.d/more", 0700), 0);
    write_text("conf.d/more/x.inc", "[admin]\nsocket = x\n");
    write_text("gateway.conf", "include = conf.d/*.conf\ninclude = none.d/*.conf\n"
                               "[admin]\nsocket = main\n");
    reads("");
    static const char *const values[] = {"main", "a", "b", "x"};
    static const char *const files[] = {"gateway.conf", "conf.d/a.conf", "conf.d/b.conf",
                                        "conf.d/more/x.inc"};
    assert_int_equal(parsed.section_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_str(parsed.sections[i].entries[0].value, values[i]);
        assert_string_equal(parsed.sections[i].at.file, files[i]);
    }
    done();
}

static void include_faults_are_told_at_the_include(void **state)
{
    (void)state;
    write_text("loop.conf", "include = gateway.conf\n");
    write_text("gateway.conf", "include = missing.conf\n"
                               "include = ./gateway.conf\n"
                               "include = loop.conf\n"
                               "include =\n");
    reads("gateway.conf:1:11: error: cannot open missing.conf: No such file or directory\n"
          "gateway.conf:2:11: error: ./gateway.conf is included already\n"
          "gateway.conf:4:1: error: include names no file\n"
          "loop.conf:1:11: error: gateway.conf is included already\n");
    done();
}

static void section_twice_names_the_first(void **state)
{
    (void)state;
    write_text("more.conf", "[server]\nb = 2\n[model \"m\"]\nc = 3\n");
    write_text("gateway.conf", "include = more.conf\n[server]\na = 1\n[model \"m\"]\n[server]\n"
                               "lost = 1\n");
    reads("gateway.conf:5:1: error: [server] stands twice; the first is at gateway.conf:2\n"
          "more.conf:3:1: error: [model \"m\"] stands twice; the first is at gateway.conf:4\n");
    assert_int_equal(parsed.section_count, 3);
    assert_int_equal(parsed.sections[0].entry_count, 1);
    assert_int_equal(parsed.sections[1].entry_count, 0);
    done();
}

static void messages_over_the_limit_are_counted(void **state)
{
    (void)state;
    struct buf out;
    const struct place place = {.file = "f", .line = 1, .column = 2};
    buf_init(&out, 1 << 20);
    messages_init(&messages);
    for (int i = 0; i < MESSAGES_MAX + 5; i++)
        messages_error(&messages, &place, "m%d\x1b[0m", i);
    assert_true(messages_write(&messages, &out));
    assert_true(buf_add_char(&out, '\0'));
    assert_non_null(strstr(out.p, "f:1:2: error: m0?[0m\n"));
    assert_null(strstr(out.p, "m200"));
    assert_non_null(strstr(out.p, "gateway: 5 more messages are not shown\n"
                                  "gateway: configuration test FAILED (205 errors)\n"));
    buf_release(&out);
    messages_release(&messages);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_enter, folder_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parse_grammar_gives_sections_entries_and_places),
        TEST(parse_bytes_that_are_no_text_are_errors),
        TEST(parse_lines_at_and_over_the_limit),
        TEST(parse_files_over_the_limit_or_unreadable),
        TEST(include_pattern_reads_in_order_of_names_after_the_main_file),
        TEST(include_faults_are_told_at_the_include),
        TEST(section_twice_names_the_first),
        TEST(messages_over_the_limit_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
