#include "server/sandbox/chat.h"

#include <stdlib.h>

#include "server/sandbox/call.h"
#include "server/sandbox/sample.h"
#include "server/sandbox/words.h"

#define CHOICES_MAX 128
#define ANSWER_BYTES_MAX ((size_t)1 << 20)

/* One request as it is answered.  Every choice says the same. */
struct chat {
    struct sandbox_call *call;
    const json_t *messages;
    bool stream, include_usage;
    int64_t choices;
    int64_t max_tokens; /* of a choice */
    char id[SANDBOX_ID_SIZE];
    char call_id[SANDBOX_ID_SIZE];
    int64_t created;
    const char *tool; /* the function that is called; NULL = text is answered */
    struct buf text;  /* the answer, or the arguments of the call */
    const char *finish;
    int64_t spoken; /* words streamed so far */
};

/* --- reading the request ------------------------------------------------------------------- */

/* A number in [1, max], or `fallback` where it is absent or null; 0 when it is something else. */
static int64_t read_number(const json_t *body, const char *name, int64_t max, int64_t fallback)
{
    const json_t *value = json_object_get(body, name);
    if (value == NULL || json_is_null(value))
        return fallback;
    double number = json_is_number(value) ? json_number_value(value) : 0;
    if (!(number >= 1))
        return 0;
    return number >= (double)max ? max : (int64_t)number;
}

static bool chat_read(struct chat *chat)
{
    struct sandbox_call *call = chat->call;
    const json_t *body = call->json;
    chat->messages = json_object_get(body, "messages");
    if (json_array_size(chat->messages) == 0) {
        sandbox_reply_error(call, 400, "messages", NULL, "messages must be a non-empty array.");
        return false;
    }
    chat->choices = read_number(body, "n", CHOICES_MAX, 1);
    if (chat->choices == 0) {
        sandbox_reply_error(call, 400, "n", NULL, "n must be an integer of at least 1.");
        return false;
    }
    int64_t max = read_number(body, "max_tokens", INT32_MAX, INT32_MAX);
    chat->max_tokens = read_number(body, "max_completion_tokens", INT32_MAX, max);
    if (chat->max_tokens == 0) {
        sandbox_reply_error(call, 400, "max_tokens", NULL, "max_tokens must be at least 1.");
        return false;
    }
    chat->stream = json_is_true(json_object_get(body, "stream"));
    const json_t *options = json_object_get(body, "stream_options");
    chat->include_usage = json_is_true(json_object_get(options, "include_usage"));
    return true;
}

/* --- deciding what to say ------------------------------------------------------------------ */

static const json_t *function_at(const json_t *tools, size_t i)
{
    return json_object_get(json_array_get(tools, i), "function");
}

/* The function to call: the one that tool_choice names, else the first; NULL for none. */
static const json_t *chosen_function(const struct chat *chat)
{
    const json_t *tools = json_object_get(chat->call->json, "tools");
    const json_t *choice = json_object_get(chat->call->json, "tool_choice");
    if (words_follow_tool(chat->messages) ||
        (json_is_string(choice) && str_eq(str_of(json_string_value(choice)), STR("none"))))
        return NULL;
    const json_t *wanted = json_object_get(json_object_get(choice, "function"), "name");
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *function = function_at(tools, i);
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

/* The plain answer, wrapped as response_format asks. */
static bool say(struct chat *chat)
{
    const json_t *format = json_object_get(chat->call->json, "response_format");
    const char *type = json_string_value(json_object_get(format, "type"));
    if (type != NULL && str_eq(str_of(type), STR("json_schema"))) {
        const json_t *wrapped = json_object_get(format, "json_schema");
        return add_json(&chat->text, sample_of_schema(json_object_get(wrapped, "schema")));
    }
    if (type == NULL || !str_eq(str_of(type), STR("json_object")))
        return words_answer(chat->messages, &chat->text);
    struct buf plain;
    buf_init(&plain, ANSWER_BYTES_MAX);
    bool said =
        words_answer(chat->messages, &plain) &&
        add_json(&chat->text, json_pack("{s:b, s:s%}", "sandbox", 1, "message", plain.p, plain.n));
    buf_release(&plain);
    return said;
}

static bool chat_decide(struct chat *chat)
{
    const json_t *function = chosen_function(chat);
    if (function != NULL) {
        chat->tool = json_string_value(json_object_get(function, "name"));
        chat->finish = "tool_calls";
        const json_t *schema = json_object_get(function, "parameters");
        return add_json(&chat->text,
                        json_is_object(schema) ? sample_of_schema(schema) : json_object());
    }
    chat->finish = "stop";
    if (!say(chat))
        return false;
    struct str kept = words_first(buf_str(&chat->text), chat->max_tokens);
    if (kept.n < chat->text.n) {
        chat->finish = "length";
        buf_remove(&chat->text, kept.n, chat->text.n - kept.n);
    }
    return true;
}

static json_t *usage_of(const struct chat *chat)
{
    int64_t prompt = words_prompt_tokens(chat->messages);
    int64_t each = words_count(buf_str(&chat->text)) + (chat->tool != NULL);
    int64_t completion = each * chat->choices;
    return json_pack("{s:I, s:I, s:I, s:{s:i}, s:{s:i}}", "prompt_tokens", (json_int_t)prompt,
                     "completion_tokens", (json_int_t)completion, "total_tokens",
                     (json_int_t)prompt + (json_int_t)completion, "prompt_tokens_details",
                     "cached_tokens", 0, "completion_tokens_details", "reasoning_tokens", 0);
}

/* Takes `choices`. */
static json_t *envelope(const struct chat *chat, const char *object, json_t *choices)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", chat->id, "object", object, "created",
                     (json_int_t)chat->created, "model", chat->call->model, "system_fingerprint",
                     "sandbox", "choices", choices);
}

/* --- as JSON ------------------------------------------------------------------------------- */

static json_t *message_of(const struct chat *chat)
{
    if (chat->tool == NULL)
        return json_pack("{s:s, s:s%, s:n}", "role", "assistant", "content", chat->text.p,
                         chat->text.n, "refusal");
    return json_pack("{s:s, s:n, s:n, s:[{s:s, s:s, s:{s:s, s:s%}}]}", "role", "assistant",
                     "content", "refusal", "tool_calls", "id", chat->call_id, "type", "function",
                     "function", "name", chat->tool, "arguments", chat->text.p, chat->text.n);
}

static void chat_reply_json(struct chat *chat)
{
    json_t *choices = json_array();
    for (int64_t i = 0; i < chat->choices; i++)
        json_array_append_new(choices, json_pack("{s:I, s:o, s:n, s:s}", "index", (json_int_t)i,
                                                 "message", message_of(chat), "logprobs",
                                                 "finish_reason", chat->finish));
    json_t *json = envelope(chat, "chat.completion", choices);
    if (json != NULL && json_object_set_new(json, "usage", usage_of(chat)) != 0) {
        json_decref(json);
        json = NULL;
    }
    sandbox_reply_json(chat->call, json);
}

/* --- as a stream --------------------------------------------------------------------------- */

/* Takes `json`, completes it with what every chunk has, and adds it to the script. */
static void add_chunk(struct chat *chat, int64_t wait_us, json_t *choices, json_t *usage)
{
    json_t *json = envelope(chat, "chat.completion.chunk", choices);
    if (chat->include_usage)
        json_object_set_new(json, "usage", usage != NULL ? usage : json_null());
    script_add_event(&chat->call->script, wait_us, json);
}

/* Takes `delta`.  `finish` is NULL before the last chunk of a choice. */
static void add_delta(struct chat *chat, int64_t choice, int64_t wait_us, json_t *delta,
                      const char *finish)
{
    add_chunk(chat, wait_us,
              json_pack("[{s:I, s:o, s:n, s:s?}]", "index", (json_int_t)choice, "delta", delta,
                        "logprobs", "finish_reason", finish),
              NULL);
}

static json_t *word_delta(const struct chat *chat, struct str word)
{
    if (chat->tool == NULL)
        return json_pack("{s:s%}", "content", word.p, word.n);
    return json_pack("{s:[{s:i, s:{s:s%}}]}", "tool_calls", "index", 0, "function", "arguments",
                     word.p, word.n);
}

static json_t *first_delta(const struct chat *chat)
{
    if (chat->tool == NULL)
        return json_pack("{s:s, s:s, s:n}", "role", "assistant", "content", "", "refusal");
    return json_pack("{s:s, s:n, s:[{s:i, s:s, s:s, s:{s:s, s:s}}]}", "role", "assistant",
                     "content", "tool_calls", "index", 0, "id", chat->call_id, "type", "function",
                     "function", "name", chat->tool, "arguments", "");
}

/* False when the stream is to be cut there. */
static bool add_choice(struct chat *chat, int64_t choice)
{
    const struct switches *switches = &chat->call->switches;
    add_delta(chat, choice, 0, first_delta(chat), NULL);
    struct str rest = buf_str(&chat->text);
    struct str word;
    while (word_cut(&rest, &word)) {
        if (chat->spoken++ == switches->cut)
            return false;
        add_delta(chat, choice, switches->word_us, word_delta(chat, word), NULL);
    }
    /* An answer that is too short to be cut in its words is cut before its end. */
    if (switches->cut >= 0 && choice + 1 == chat->choices)
        return false;
    add_delta(chat, choice, 0, json_object(), chat->finish);
    return true;
}

static void chat_reply_stream(struct chat *chat)
{
    struct script *script = &chat->call->script;
    script_init(script);
    for (int64_t i = 0; i < chat->choices && !script->cut; i++)
        script->cut = !add_choice(chat, i);
    if (!script->cut) {
        if (chat->include_usage)
            add_chunk(chat, 0, json_array(), usage_of(chat));
        script_add(script, 0, STR("data: [DONE]\n\n"));
    }
    sandbox_reply_script(chat->call);
}

void sandbox_chat_create(struct sandbox_call *call)
{
    struct chat chat = {.call = call, .created = sandbox_now()};
    if (!chat_read(&chat))
        return;
    sandbox_make_id(call, "chatcmpl-", chat.id);
    sandbox_make_id(call, "call_", chat.call_id);
    buf_init(&chat.text, ANSWER_BYTES_MAX);
    if (!chat_decide(&chat))
        sandbox_reply_error(call, 500, NULL, NULL, "The sandbox could not make an answer.");
    else if (chat.stream)
        chat_reply_stream(&chat);
    else
        chat_reply_json(&chat);
    buf_release(&chat.text);
}
