#include "server/sandbox/completions.h"

#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/turn.h"
#include "server/sandbox/words.h"

#define CHOICES_MAX 128
#define PROMPTS_MAX 128
#define TOKENS_UNSAID 16 /* as at OpenAI */

/* One request as it is answered.  Every choice of a prompt says the same. */
struct completions {
    struct sandbox_call *call;
    bool stream, include_usage;
    int64_t choices; /* for each prompt */
    int64_t max_tokens;
    char id[SANDBOX_ID_SIZE];
    int64_t created;
    json_t *list; /* choices so far, where they are not streamed */
    int64_t index;
    int64_t prompt_tokens, output_tokens;
    int64_t spoken; /* words streamed so far */
};

static bool completions_read(struct completions *c)
{
    struct sandbox_call *call = c->call;
    c->choices = asked_number(call, "n", CHOICES_MAX, 1);
    c->max_tokens = asked_number(call, "max_tokens", INT32_MAX, TOKENS_UNSAID);
    if (c->choices == 0 || c->max_tokens == 0) {
        sandbox_reply_error(call, 400, c->choices == 0 ? "n" : "max_tokens", NULL,
                            "n and max_tokens must be integers of at least 1.");
        return false;
    }
    c->stream = asked_flag(call, "stream");
    const json_t *options = json_object_get(call->json, "stream_options");
    c->include_usage = json_is_true(json_object_get(options, "include_usage"));
    return true;
}

/* Takes `choices`, and `usage` (NULL = none here). */
static json_t *envelope(const struct completions *c, json_t *choices, json_t *usage)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:o*}", "id", c->id, "object",
                     "text_completion", "created", (json_int_t)c->created, "model", c->call->model,
                     "system_fingerprint", "sandbox", "choices", choices, "usage", usage);
}

/* `finish` is NULL before the end of a choice. */
static json_t *choice_of(const struct completions *c, struct str text, const char *finish)
{
    return json_pack("{s:s%, s:I, s:n, s:s?}", "text", text.p, text.n, "index",
                     (json_int_t)c->index, "logprobs", "finish_reason", finish);
}

/* --- as a stream --------------------------------------------------------------------------- */

static void add_chunk(struct completions *c, int64_t wait_us, struct str text, const char *finish)
{
    script_add_event(&c->call->script, wait_us,
                     envelope(c, json_pack("[o]", choice_of(c, text, finish)),
                              c->include_usage ? json_null() : NULL));
}

/* Sets script->cut when the stream is to break off there. */
static void stream_choice(struct completions *c, struct str text, const char *finish)
{
    const struct switches *switches = &c->call->switches;
    struct str word;
    while (word_cut(&text, &word)) {
        if (c->spoken++ == switches->cut) {
            c->call->script.cut = true;
            return;
        }
        add_chunk(c, switches->word_us, word, NULL);
    }
    add_chunk(c, 0, STR_EMPTY, finish);
}

static void end_stream(struct completions *c)
{
    struct script *script = &c->call->script;
    /* An answer that is too short to be cut in its words is cut before its end. */
    script->cut = script->cut || c->call->switches.cut >= 0;
    if (!script->cut) {
        if (c->include_usage)
            script_add_event(
                script, 0,
                envelope(c, json_array(), turn_usage(c->prompt_tokens, c->output_tokens)));
        script_add(script, 0, STR("data: [DONE]\n\n"));
    }
    sandbox_reply_script(c->call);
}

/* --- prompts ------------------------------------------------------------------------------- */

static void add_choices(struct completions *c, const struct turn *turn)
{
    const char *finish = turn->is_cut ? "length" : "stop";
    for (int64_t i = 0; i < c->choices && !c->call->script.cut; i++, c->index++) {
        if (c->stream)
            stream_choice(c, buf_str(&turn->text), finish);
        else
            json_array_append_new(c->list, choice_of(c, buf_str(&turn->text), finish));
    }
}

/* A prompt is a text, or the ids of its tokens, which say nothing here.  False when it is neither,
 * and without memory. */
static bool answer_prompt(struct completions *c, const json_t *prompt)
{
    bool ids = json_is_array(prompt) && json_is_integer(json_array_get(prompt, 0));
    if (!ids && !json_is_string(prompt))
        return false;
    struct str text = words_of_string(prompt);
    json_t *messages = json_pack("[{s:s, s:s%}]", "role", "user", "content", text.p, text.n);
    struct turn turn = {.messages = messages, .max_tokens = c->max_tokens};
    bool decided = turn_decide(&turn);
    if (decided) {
        c->prompt_tokens += ids ? (int64_t)json_array_size(prompt) : turn.prompt_tokens;
        c->output_tokens += turn.output_tokens * c->choices;
        add_choices(c, &turn);
    }
    turn_release(&turn);
    json_decref(messages);
    return decided;
}

static bool answer_prompts(struct completions *c)
{
    const json_t *prompt = json_object_get(c->call->json, "prompt");
    const json_t *first = json_array_get(prompt, 0);
    /* A list of ids is one prompt. */
    if (!json_is_array(prompt) || json_is_integer(first))
        return answer_prompt(c, prompt);
    size_t count = json_array_size(prompt);
    bool answered = count > 0 && count <= PROMPTS_MAX;
    for (size_t i = 0; answered && i < count; i++)
        answered = answer_prompt(c, json_array_get(prompt, i));
    return answered;
}

void sandbox_completions_create(struct sandbox_call *call)
{
    struct completions c = {.call = call, .created = sandbox_now()};
    if (!completions_read(&c))
        return;
    sandbox_make_id(call, "cmpl-", c.id);
    script_init(&call->script);
    c.list = json_array();
    if (!answer_prompts(&c))
        sandbox_reply_error(call, 400, "prompt", NULL,
                            "prompt must be a string, token ids, or a list of up to 128 of them.");
    else if (c.stream)
        end_stream(&c);
    else
        sandbox_reply_json(
            call, envelope(&c, json_incref(c.list), turn_usage(c.prompt_tokens, c.output_tokens)));
    json_decref(c.list);
}
