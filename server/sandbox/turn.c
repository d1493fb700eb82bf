#include "server/sandbox/turn.h"

#include <stdlib.h>
#include <string.h>

#include "server/sandbox/sample.h"
#include "server/sandbox/words.h"

#define ANSWER_BYTES_MAX ((size_t)1 << 20)

static bool is_text(const json_t *value, const char *text)
{
    return str_eq(words_of_string(value), str_of(text));
}

static const json_t *function_at(const json_t *tools, size_t i, bool wrapped)
{
    const json_t *tool = json_array_get(tools, i);
    if (wrapped)
        return json_object_get(tool, "function");
    return is_text(json_object_get(tool, "type"), "function") ? tool : NULL;
}

const json_t *turn_function(const json_t *messages, const json_t *tools, const json_t *choice,
                            bool wrapped)
{
    if (words_follow_tool(messages) || is_text(choice, "none"))
        return NULL;
    const json_t *wanted =
        json_object_get(wrapped ? json_object_get(choice, "function") : choice, "name");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *function = function_at(tools, i, wrapped);
        const json_t *name = json_object_get(function, "name");
        if (json_is_string(name) && (wanted == NULL || json_equal(name, wanted)))
            return function;
    }
    return NULL;
}

/* Takes `json`; adds its text. */
static bool add_json(struct buf *out, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    json_decref(json);
    bool added = text != NULL && buf_add_str(out, str_of(text));
    free(text);
    return added;
}

/* The plain answer, wrapped as the format asks. */
static bool say(struct turn *turn)
{
    struct str format = str_of(turn->format);
    if (str_eq(format, STR("json_schema")))
        return add_json(&turn->text, sample_of_schema(turn->schema));
    if (!str_eq(format, STR("json_object")))
        return words_answer(turn->messages, &turn->text);
    struct buf plain;
    buf_init(&plain, ANSWER_BYTES_MAX);
    bool said =
        words_answer(turn->messages, &plain) &&
        add_json(&turn->text, json_pack("{s:b, s:s%}", "sandbox", 1, "message", plain.p, plain.n));
    buf_release(&plain);
    return said;
}

static bool call_function(struct turn *turn)
{
    turn->tool = json_string_value(json_object_get(turn->function, "name"));
    const json_t *schema = json_object_get(turn->function, "parameters");
    return add_json(&turn->text, json_is_object(schema) ? sample_of_schema(schema) : json_object());
}

static bool say_at_most(struct turn *turn)
{
    if (!say(turn))
        return false;
    struct str kept = words_first(buf_str(&turn->text), turn->max_tokens);
    turn->is_cut = kept.n < turn->text.n;
    buf_remove(&turn->text, kept.n, turn->text.n - kept.n);
    return true;
}

bool turn_decide(struct turn *turn)
{
    buf_init(&turn->text, ANSWER_BYTES_MAX);
    if (!(turn->function != NULL ? call_function(turn) : say_at_most(turn)))
        return false;
    turn->prompt_tokens = words_prompt_tokens(turn->messages);
    turn->output_tokens = words_count(buf_str(&turn->text)) + (turn->tool != NULL);
    return true;
}

void turn_release(struct turn *turn)
{
    buf_release(&turn->text);
}

json_t *turn_usage(int64_t prompt_tokens, int64_t output_tokens)
{
    return json_pack("{s:I, s:I, s:I, s:{s:i}, s:{s:i}}", "prompt_tokens",
                     (json_int_t)prompt_tokens, "completion_tokens", (json_int_t)output_tokens,
                     "total_tokens", (json_int_t)prompt_tokens + output_tokens,
                     "prompt_tokens_details", "cached_tokens", 0, "completion_tokens_details",
                     "reasoning_tokens", 0);
}
