/* gateway.conf.example, from the tables of settings and keys. */
#include "config/snapshot.h"

#include <string.h>

#include "config/key.h"

#define WIDTH 98

/* A row on its way into the file. */
struct line {
    const char *name;
    const char *value;
    bool is_active; /* else it stands as "#name = value", ready to be switched on */
};

/* The text as comment lines, broken between words. */
static bool add_comment(const char *text, struct buf *out)
{
    struct str rest = str_of(text);
    struct str word;
    size_t column = 0;
    while (next_word(&rest, &word)) {
        if (column > 0 && column + 1 + word.n > WIDTH) {
            if (!buf_add_char(out, '\n'))
                return false;
            column = 0;
        }
        if (!buf_add_str(out, column == 0 ? STR("# ") : STR(" ")) || !buf_add_str(out, word))
            return false;
        column += word.n + (column == 0 ? 2 : 1);
    }
    return buf_add_char(out, '\n');
}

static bool add_line(struct line line, struct buf *out)
{
    return buf_addf(out, "%s%s =%s%s\n", line.is_active ? "" : "#", line.name,
                    line.value[0] == '\0' ? "" : " ", line.value);
}

static bool add_settings(struct buf *out)
{
    const struct setting *setting;
    struct str section = STR_EMPTY;
    for (unsigned i = 0; (setting = setting_at(i)) != NULL; i++) {
        bool is_first = !str_eq(section, setting_section(setting));
        section = setting_section(setting);
        if (!buf_add_char(out, '\n') || (is_first && !buf_addf(out, "[%.*s]\n", STR_ARG(section))))
            return false;
        const struct line line = {setting_name(setting).p, setting_default(setting), false};
        if (!add_comment(setting_text(setting), out) ||
            (!setting_is_live(setting) &&
             !buf_add_str(out, STR("# A change needs a restart.\n"))) ||
            !add_line(line, out))
            return false;
    }
    return true;
}

/* A key that is required stands active, all others are ready to be switched on. */
static bool add_key(const struct key *key, struct buf *out)
{
    bool is_required = key->range.min > 0 && (key->kind == KEY_BASE_URL ||
                                              key->kind == KEY_ENDPOINTS || key_is_list(key));
    const char *value = key->example[0] != '\0' ? key->example : key->default_;
    struct buf text;
    buf_init(&text, 1024);
    bool ok = buf_addf(&text, "%s", key->text);
    if (ok && key->example[0] != '\0' && key->default_[0] != '\0')
        ok = buf_addf(&text, "  Default: %s.", key->default_);
    ok = ok && buf_add_char(&text, '\0') && add_comment(text.p, out);
    buf_release(&text);
    return ok && add_line((struct line){key->name, value, is_required}, out);
}

static bool add_keys(struct key_table table, struct buf *out)
{
    for (unsigned i = 0; i < table.n; i++)
        if ((i > 0 && !buf_add_char(out, '\n')) || !add_key(&table.keys[i], out))
            return false;
    return true;
}

static const char head[] =
    "# Configuration of gateway: every key.  A line \"#key = value\" shows what holds without it, "
    "or\n"
    "# an example where there is no default.\n"
    "#\n"
    "#   check it          gateway -t\n"
    "#   put it in force   gateway reload   (keys that need a restart say so)\n"
    "#\n"
    "# One fact a line: [section], [section \"name\"], key = value.  A comment is a line of its "
    "own.\n"
    "# Values with spaces at their ends, or with quotes, stand in double quotes (\\\" \\\\ \\n "
    "\\t).\n"
    "# Sizes: 512k 64m 2g.  Times: 250ms 30s 5m 1h.  Switches: on off.\n"
    "# Paths are relative to this file.  A setting of [server], [database] or [admin] can also "
    "come\n"
    "# from the environment: GATEWAY_SERVER_LISTEN.  What wins: command line, environment, "
    "included\n"
    "# files (the later name), this file, the default.\n"
    "\n"
    "# More files, read behind this one in the order of their names.\n"
    "include = conf.d/*.conf\n";

static const char provider_head[] = "\n"
                                    "# An upstream.  The name in quotes is yours; offers use it.\n"
                                    "[provider \"openai\"]\n";

static const char model_head[] =
    "\n"
    "# A model as callers name it, what it costs, and which providers serve it.\n"
    "[model \"gpt-4o-mini\"]\n";

static const char price_lines[] =
    "price = in_cached 0.075 per 1M tokens\n"
    "price = out_text 0.60 per 1M tokens\n"
    "# The whole request moves to these when its input exceeds N tokens, or at a service tier;\n"
    "# counters that they do not name keep their base price:\n"
    "# price = in_text 0.30 per 1M tokens above=200000\n"
    "# price = out_text 1.20 per 1M tokens tier=priority\n"
    "# Other kinds of model:\n"
    "# price = images 0.042 per image quality=medium size=1024x1024\n"
    "# price = images 0.25 per image\n"
    "# price = video_ms 0.10 per second size=1280x720 quantum=1s\n"
    "# price = audio_ms 0.006 per minute quantum=1s minimum=10s\n"
    "# price = characters 15 per 1M characters\n"
    "# price = requests 0.01 per request\n"
    "# price = search_units 0.002 per search\n";

static bool add_counters(struct buf *out)
{
    struct buf text;
    buf_init(&text, 1024);
    bool ok = buf_add_str(&text, STR("Counters:"));
    for (unsigned i = 0; ok && i < COUNTER_COUNT; i++)
        ok = buf_addf(&text, " %s", counter_name((enum counter)i));
    ok = ok && buf_add_str(&text, STR(".  One without a price is charged as the one it refines "
                                      "(in_cached as in_text)."));
    ok = ok && buf_add_char(&text, '\0') && add_comment(text.p, out);
    buf_release(&text);
    return ok;
}

static bool add_model_keys(struct buf *out)
{
    struct key_table table = model_keys();
    for (unsigned i = 0; i < table.n; i++) {
        if ((i > 0 && !buf_add_char(out, '\n')) || !add_key(&table.keys[i], out))
            return false;
        if (table.keys[i].kind == KEY_PRICES &&
            (!buf_add_str(out, str_of(price_lines)) || !add_counters(out)))
            return false;
    }
    return true;
}

bool snapshot_write_example(struct buf *out)
{
    CHECK(out != NULL);
    return buf_add_str(out, str_of(head)) && add_settings(out) &&
           buf_add_str(out, str_of(provider_head)) && add_keys(provider_keys(), out) &&
           buf_add_str(out, str_of(model_head)) && add_model_keys(out);
}
