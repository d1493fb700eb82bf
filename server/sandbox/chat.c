#include "server/sandbox/chat.h"

#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/turn.h"
#include "server/sandbox/words.h"

#define CHOICES_MAX 128

/* One request as it is answered.  Every choice says the same. */
struct chat {
    struct sandbox_call *call;
    bool stream, include_usage;
    int64_t choices;
    char id[SANDBOX_ID_SIZE];
    char call_id[SANDBOX_ID_SIZE];
    int64_t created;
    struct turn turn;
    int64_t spoken; /* words streamed so far */
};

/* --- reading the request ------------------------------------------------------------------- */

static void read_format(struct turn *turn, const json_t *body)
{
    const json_t *format = json_object_get(body, "response_format");
    turn->format = json_string_value(json_object_get(format, "type"));
    turn->schema = json_object_get(json_object_get(format, "json_schema"), "schema");
}

static bool chat_read(struct chat *chat)
{
    struct sandbox_call *call = chat->call;
    const json_t *body = call->json;
    const json_t *messages = json_object_get(body, "messages");
    if (json_array_size(messages) == 0) {
        sandbox_reply_error(call, 400, "messages", NULL, "messages must be a non-empty array.");
        return false;
    }
    chat->choices = asked_number(call, "n", CHOICES_MAX, 1);
    if (chat->choices == 0) {
        sandbox_reply_error(call, 400, "n", NULL, "n must be an integer of at least 1.");
        return false;
    }
    int64_t max = asked_number(call, "max_tokens", INT32_MAX, INT32_MAX);
    chat->turn.max_tokens = asked_number(call, "max_completion_tokens", INT32_MAX, max);
    if (chat->turn.max_tokens == 0) {
        sandbox_reply_error(call, 400, "max_tokens", NULL, "max_tokens must be at least 1.");
        return false;
    }
    chat->stream = asked_flag(call, "stream");
    const json_t *options = json_object_get(body, "stream_options");
    chat->include_usage = json_is_true(json_object_get(options, "include_usage"));
    chat->turn.messages = messages;
    chat->turn.function = turn_function(messages, json_object_get(body, "tools"),
                                        json_object_get(body, "tool_choice"), true);
    read_format(&chat->turn, body);
    return true;
}

/* --- what every answer has ----------------------------------------------------------------- */

static json_t *usage_of(const struct chat *chat)
{
    return turn_usage(chat->turn.prompt_tokens, chat->turn.output_tokens * chat->choices);
}

static const char *finish_of(const struct chat *chat)
{
    if (chat->turn.tool != NULL)
        return "tool_calls";
    return chat->turn.is_cut ? "length" : "stop";
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
    if (chat->turn.tool == NULL)
        return json_pack("{s:s, s:s%, s:n}", "role", "assistant", "content", chat->turn.text.p,
                         chat->turn.text.n, "refusal");
    return json_pack("{s:s, s:n, s:n, s:[{s:s, s:s, s:{s:s, s:s%}}]}", "role", "assistant",
                     "content", "refusal", "tool_calls", "id", chat->call_id, "type", "function",
                     "function", "name", chat->turn.tool, "arguments", chat->turn.text.p,
                     chat->turn.text.n);
}

static void chat_reply_json(struct chat *chat)
{
    json_t *choices = json_array();
    for (int64_t i = 0; i < chat->choices; i++)
        json_array_append_new(choices, json_pack("{s:I, s:o, s:n, s:s}", "index", (json_int_t)i,
                                                 "message", message_of(chat), "logprobs",
                                                 "finish_reason", finish_of(chat)));
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
    if (chat->turn.tool == NULL)
        return json_pack("{s:s%}", "content", word.p, word.n);
    return json_pack("{s:[{s:i, s:{s:s%}}]}", "tool_calls", "index", 0, "function", "arguments",
                     word.p, word.n);
}

static json_t *first_delta(const struct chat *chat)
{
    if (chat->turn.tool == NULL)
        return json_pack("{s:s, s:s, s:n}", "role", "assistant", "content", "", "refusal");
    return json_pack("{s:s, s:n, s:[{s:i, s:s, s:s, s:{s:s, s:s}}]}", "role", "assistant",
                     "content", "tool_calls", "index", 0, "id", chat->call_id, "type", "function",
                     "function", "name", chat->turn.tool, "arguments", "");
}

/* False when the stream is to be cut there. */
static bool add_choice(struct chat *chat, int64_t choice)
{
    const struct switches *switches = &chat->call->switches;
    add_delta(chat, choice, 0, first_delta(chat), NULL);
    struct str rest = buf_str(&chat->turn.text);
    struct str word;
    while (word_cut(&rest, &word)) {
        if (chat->spoken++ == switches->cut)
            return false;
        add_delta(chat, choice, switches->word_us, word_delta(chat, word), NULL);
    }
    /* An answer that is too short to be cut in its words is cut before its end. */
    if (switches->cut >= 0 && choice + 1 == chat->choices)
        return false;
    add_delta(chat, choice, 0, json_object(), finish_of(chat));
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
    if (!turn_decide(&chat.turn))
        sandbox_reply_error(call, 500, NULL, NULL, "The sandbox could not make an answer.");
    else if (chat.stream)
        chat_reply_stream(&chat);
    else
        chat_reply_json(&chat);
    turn_release(&chat.turn);
}
