/* room: config */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/key.h"
#include "config/price.h"
#include "config/provider.h"
#include "config/settings.h"

/* gateway.conf(5) against the tables of settings and keys: what stands there between a line "BEGIN"
 * and a line "END" is made from them.  `make docs` writes it anew. */

#define PAGE "deploy/man/gateway.conf.5"
#define PAGE_MAX ((size_t)1 << 20)
#define LINE 78 /* columns of a source line */

/* --- roff ----------------------------------------------------------------------------------------
 */

static void add(struct buf *out, const char *text)
{
    assert_true(buf_add_str(out, str_of(text)));
}

static void add_word(struct buf *out, struct str word)
{
    for (size_t i = 0; i < word.n; i++) {
        char c[2] = {word.p[i], '\0'};
        add(out, c[0] == '\\' ? "\\e" : c[0] == '-' ? "\\-" : c[0] == '\'' ? "\\(aq" : c);
    }
}

/* Broken between words, and behind a sentence, as roff sources are. */
static void add_text(struct buf *out, const char *text)
{
    struct str rest = str_of(text), word;
    size_t column = 0;
    bool ends = false;
    while (next_word(&rest, &word)) {
        if (column > 0 && (ends || column + 1 + word.n > LINE)) {
            add(out, "\n");
            column = 0;
        }
        add(out, column > 0 ? " " : word.p[0] == '.' || word.p[0] == '\'' ? "\\&" : "");
        add_word(out, word);
        column += word.n + 1;
        ends = str_ends(word, STR(".")) && word.n > 2;
    }
    add(out, "\n");
}

static void add_head(struct buf *out, const char *name, const char *value)
{
    add(out, ".TP\n.B ");
    add_word(out, str_of(name));
    add(out, value[0] == '\0' ? " =" : " = ");
    add_word(out, str_of(value));
    add(out, "\n");
}

/* "1..256, or auto" of "... (want 1..256, or auto)". */
static bool add_range(struct buf *out, struct str why)
{
    struct str want = STR("(want ");
    while (why.n > 0 && !str_starts(why, want))
        why = str_from(why, 1);
    struct str range = str_from(why, want.n);
    range = str_slice(range, 0, str_index(range, ')'));
    size_t dot = str_index(range, '.');
    if (dot + 1 >= range.n || range.p[dot + 1] != '.')
        return false;
    add(out, "From ");
    add_word(out, str_slice(range, 0, dot));
    add(out, " to ");
    add_word(out, str_from(range, dot + 2));
    add(out, ".\n");
    return true;
}

/* Values beyond every range of their kinds: the parser's refusal names the range. */
static const char *const beyond[] = {"999999h", "999999g", "9999999999999"};

/* --- blocks --------------------------------------------------------------------------------------
 */

static void add_setting(struct buf *out, const struct setting *setting)
{
    struct settings settings;
    struct buf why;
    bool known = false;
    add_head(out, setting_name(setting).p, setting_default(setting));
    add_text(out, setting_text(setting));
    buf_init(&why, 1024);
    assert_true(settings_init(&settings));
    for (size_t i = 0; !known && setting_words(setting) == NULL && i < COUNT(beyond); i++) {
        buf_clear(&why);
        if (!setting_set(&settings, setting, str_of(beyond[i]), &why))
            known = add_range(out, buf_str(&why));
    }
    settings_release(&settings);
    buf_release(&why);
    if (!setting_is_live(setting))
        add(out, "A change needs a restart.\n");
}

static void add_settings(struct buf *out)
{
    const struct setting *setting;
    struct str section = STR_EMPTY;
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        if (!str_eq(section, setting_section(setting))) {
            section = setting_section(setting);
            assert_true(buf_addf(out, ".SS [%.*s]\n", STR_ARG(section)));
        }
        add_setting(out, setting);
    }
}

static void add_key(struct buf *out, const struct key *key)
{
    union {
        int64_t number;
        char bytes[4096];
    } object = {0};
    struct key alone = *key;
    struct buf why;
    bool known = false;
    bool has_range = key->kind == KEY_TIME || key->kind == KEY_COUNT;
    add_head(out, key->name, key->default_[0] != '\0' ? key->default_ : key->example);
    add_text(out, key->text);
    alone.offset = 0;
    buf_init(&why, 1024);
    for (size_t i = 0; has_range && !known && i < COUNT(beyond); i++) {
        buf_clear(&why);
        if (!key_set(&alone, &object, str_of(beyond[i]), &why))
            known = add_range(out, buf_str(&why));
    }
    assert_int_equal(known, has_range);
    buf_release(&why);
}

static void add_keys(struct buf *out, struct key_table table)
{
    for (unsigned i = 0; i < table.n; i++)
        add_key(out, &table.keys[i]);
}

static void add_provider(struct buf *out)
{
    add_keys(out, provider_keys());
}

static void add_model(struct buf *out)
{
    add_keys(out, model_keys());
}

static void add_counters(struct buf *out)
{
    struct buf text;
    buf_init(&text, 4096);
    add(&text, "The counters are");
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        assert_true(buf_addf(&text, "%s %s", i == 0 ? "" : ",", counter_name((enum counter)i)));
    add(&text, ".  One without a price is charged as the one it refines (in_cached as in_text).");
    assert_true(buf_add(&text, "", 1));
    add_text(out, text.p);
    buf_release(&text);
}

static const struct {
    const char *name;
    void (*add)(struct buf *out);
} blocks[] = {
    {"settings", add_settings},
    {"provider", add_provider},
    {"model", add_model},
    {"counters", add_counters},
};

/* --- the page ------------------------------------------------------------------------------------
 */

static struct str find_line(struct str text, const char *begin)
{
    struct str line;
    while (str_cut(&text, '\n', &line)) {
        if (str_starts(line, str_of(begin)))
            return line;
    }
    fail_msg("%s has no line \"%s\"", PAGE, begin);
    return STR_EMPTY;
}

/* The page with every block as the tables say. */
static void rewrite(struct str page, struct buf *out)
{
    const char *end = page.p + page.n;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        char begin_mark[64], end_mark[64];
        snprintf(begin_mark, sizeof begin_mark, ".\\\" BEGIN %s ", blocks[i].name);
        snprintf(end_mark, sizeof end_mark, ".\\\" END %s", blocks[i].name);
        struct str begin = find_line(page, begin_mark);
        assert_true(buf_add(out, page.p, (size_t)(begin.p + begin.n + 1 - page.p)));
        blocks[i].add(out);
        page.p = find_line(page, end_mark).p;
        page.n = (size_t)(end - page.p);
    }
    assert_true(buf_add_str(out, page));
}

/* Run from the project's top level, as `make check` does. */
static void manual_page_is_what_the_tables_say(void **state)
{
    (void)state;
    char *stored = calloc(1, PAGE_MAX);
    struct buf page;
    assert_non_null(stored);
    FILE *file = fopen(PAGE, "rb");
    assert_non_null(file);
    size_t n = fread(stored, 1, PAGE_MAX - 1, file);
    assert_int_equal(fclose(file), 0);
    buf_init(&page, PAGE_MAX);
    rewrite((struct str){stored, n}, &page);
    if (getenv("GATEWAY_WRITE_DOCS") != NULL) {
        file = fopen(PAGE, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(page.p, 1, page.n, file), page.n);
        assert_int_equal(fclose(file), 0);
    } else if (!str_eq((struct str){stored, n}, buf_str(&page))) {
        fail_msg("%s is not what the tables say: run make docs", PAGE);
    }
    buf_release(&page);
    free(stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manual_page_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
