#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/key.h"
#include "config/snapshot.h"

#define FILE_NAME "gateway.conf.example"

static char *example(void)
{
    struct buf out;
    size_t n = 0;
    buf_init(&out, 1 << 16);
    assert_true(snapshot_write_example(&out));
    char *text = buf_take(&out, &n);
    assert_non_null(text);
    buf_release(&out);
    return text;
}

static void write_example(const char *text)
{
    FILE *file = fopen(FILE_NAME, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* Run from the project's top level, as `make check` does. */
static void example_file_is_what_the_tables_say(void **state)
{
    (void)state;
    char stored[32768];
    char *text = example();
    if (getenv("GATEWAY_WRITE_DOCS") != NULL) /* make docs */
        write_example(text);
    FILE *file = fopen(FILE_NAME, "rb");
    assert_non_null(file);
    size_t n = fread(stored, 1, sizeof stored - 1, file);
    assert_int_equal(fclose(file), 0);
    stored[n] = '\0';
    assert_string_equal(stored, text);
    free(text);
}

static void example_file_passes_the_check_as_it_is(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 16);
    unsetenv("OPENAI_API_KEY");
    struct snapshot *snapshot = snapshot_load(FILE_NAME, &out);
    assert_int_equal(out.n, 0);
    assert_non_null(snapshot);
    assert_false(snapshot_uses_sandbox(snapshot));
    assert_non_null(snapshot_model(snapshot, STR("gpt-4o-mini")));
    snapshot_drop(&snapshot);
    buf_release(&out);
}

static struct snapshot *load_text(const char *text)
{
    char name[] = "/tmp/gateway-example-XXXXXX";
    struct buf out;
    buf_init(&out, 1 << 16);
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    struct snapshot *snapshot = snapshot_load(name, &out);
    assert_int_equal(unlink(name), 0);
    if (out.n > 0)
        print_error("%.*s", STR_ARG(buf_str(&out)));
    buf_release(&out);
    return snapshot;
}

/* Every "#key = value" is a line that works, and says what holds without it. */
static void example_switched_on_line_by_line_keeps_the_defaults(void **state)
{
    (void)state;
    char *text = example();
    for (char *p = text; (p = strstr(p, "\n#")) != NULL; p++)
        if (p[2] >= 'a' && p[2] <= 'z')
            p[1] = ' ';
    setenv("OPENAI_API_KEY", "sk-x", 1);
    struct snapshot *snapshot = load_text(text);
    assert_non_null(snapshot);
    const struct setting *setting;
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        struct buf now;
        buf_init(&now, 1024);
        assert_non_null(snapshot->origins[i]);
        assert_true(setting_show(&snapshot->settings, setting, &now));
        assert_true(str_eq(buf_str(&now), str_of(setting_default(setting))));
        buf_release(&now);
    }
    assert_string_equal(snapshot->providers[0].keys[0].secret, "sk-x");
    assert_string_equal(snapshot->providers[0].organization, "org-example");
    assert_int_equal(snapshot->models[0].max_output, 16384);
    snapshot_drop(&snapshot);
    unsetenv("OPENAI_API_KEY");
    free(text);
}

static void example_names_every_key(void **state)
{
    (void)state;
    char *text = example();
    const struct key_table tables[] = {provider_keys(), model_keys()};
    for (size_t t = 0; t < COUNT(tables); t++) {
        for (unsigned i = 0; i < tables[t].n; i++) {
            char line[128];
            snprintf(line, sizeof line, "%s =", tables[t].keys[i].name);
            assert_non_null(strstr(text, line));
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_file_is_what_the_tables_say),
        cmocka_unit_test(example_file_passes_the_check_as_it_is),
        cmocka_unit_test(example_switched_on_line_by_line_keeps_the_defaults),
        cmocka_unit_test(example_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
