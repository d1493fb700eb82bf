#include "server/cli/arguments.h"

#include <string.h>

#define PERIOD_SECONDS_MAX ((int64_t)3650 * 86400)
#define ROWS_MAX 1000 /* what the store gives at once */

bool parse_period(struct str text, int64_t *seconds)
{
    uint64_t n;
    if (text.n < 2 || !str_u64(str_slice(text, 0, text.n - 1), PERIOD_SECONDS_MAX, &n) || n == 0)
        return false;
    int64_t unit;
    switch (text.p[text.n - 1]) {
    case 'm':
        unit = 60;
        break;
    case 'h':
        unit = 3600;
        break;
    case 'd':
        unit = 86400;
        break;
    case 'w':
        unit = 7 * 86400;
        break;
    default:
        return false;
    }
    if ((int64_t)n > PERIOD_SECONDS_MAX / unit)
        return false;
    *seconds = (int64_t)n * unit;
    return true;
}

static json_t *list_json(const char *text)
{
    json_t *list = json_array();
    struct str rest = str_of(text), piece;
    while (list && str_cut(&rest, ',', &piece)) {
        piece = str_trim(piece);
        if (piece.n > 0 && json_array_append_new(list, json_stringn(piece.p, piece.n)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *value_json(const struct option_row *row, const char *text, struct buf *why)
{
    uint64_t count;
    int64_t seconds;
    json_t *json = NULL;
    const char *want = "is not valid UTF-8";
    switch (row->kind) {
    case OPTION_FLAG:
        return json_true();
    case OPTION_TEXT:
        json = json_string(text);
        break;
    case OPTION_LIST:
        json = list_json(text);
        break;
    case OPTION_COUNT:
        want = "is not a number from 1 to 1000";
        if (str_u64(str_of(text), ROWS_MAX, &count) && count > 0)
            json = json_integer((json_int_t)count);
        break;
    case OPTION_PERIOD:
        want = "is not a time (want 90m, 12h, 30d or 2w, up to ten years, or never)";
        if (strcmp(text, "never") == 0)
            json = json_null();
        else if (parse_period(str_of(text), &seconds))
            json = json_integer(seconds);
        break;
    case OPTION_SWITCH:
        want = "is neither on nor off";
        if (strcmp(text, "on") == 0 || strcmp(text, "off") == 0)
            json = json_boolean(strcmp(text, "on") == 0);
        break;
    }
    if (!json)
        why_add(why, "--%s: \"%s\" %s", row->name, text, want);
    return json;
}

/* An ID is an integer, or a hint of a key. */
static json_t *word_json(struct str member, const char *word)
{
    int64_t id;
    if (str_eq(member, STR("id")) && str_i64(str_of(word), 0, INT64_MAX, &id))
        return json_integer(id);
    return json_string(word);
}

static bool add_words(const struct invocation *invocation, json_t *arguments, struct buf *why)
{
    struct str rest = str_of(invocation->command->arguments), piece;
    unsigned at = invocation->first_argument;
    while (str_cut(&rest, ' ', &piece) && at < invocation->word_count) {
        char member[32];
        if (str_starts(piece, STR("[")) && str_ends(piece, STR("]")))
            piece = str_slice(piece, 1, piece.n - 1);
        size_t n = piece.n < sizeof member ? piece.n : sizeof member - 1;
        for (size_t i = 0; i < n; i++)
            member[i] =
                (char)(piece.p[i] >= 'A' && piece.p[i] <= 'Z' ? piece.p[i] + 32 : piece.p[i]);
        member[n] = '\0';
        const char *word = invocation->words[at++];
        json_t *json = word_json((struct str){member, n}, word);
        if (json_object_set_new(arguments, member, json) != 0) {
            why_add(why, "\"%s\" is not valid UTF-8", word);
            return false;
        }
    }
    return true;
}

json_t *invocation_arguments(const struct invocation *invocation, struct buf *why)
{
    json_t *arguments = json_object();
    bool ok = arguments != NULL && add_words(invocation, arguments, why);
    for (unsigned id = 0; ok && id < OPT_COUNT; id++) {
        const struct option_row *row = option_at(id);
        if (!invocation->values[id] || !row->member)
            continue;
        json_t *json = value_json(row, invocation->values[id], why);
        ok = json && json_object_set_new(arguments, row->member, json) == 0;
    }
    if (ok)
        return arguments;
    json_decref(arguments);
    return NULL;
}
