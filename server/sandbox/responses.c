#include "server/sandbox/responses.h"

#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/input.h"
#include "server/sandbox/turn.h"
#include "server/sandbox/words.h"

/* One request as it is answered: always with one item, a message or a call. */
struct responses {
    struct sandbox_call *call;
    json_t *messages;
    struct turn turn;
    char id[SANDBOX_ID_SIZE];
    char item_id[SANDBOX_ID_SIZE];
    char call_id[SANDBOX_ID_SIZE];
    int64_t created;
    int64_t number; /* of the next event */
};

/* --- reading the request ------------------------------------------------------------------- */

static void read_format(struct turn *turn, const json_t *body)
{
    const json_t *format = json_object_get(json_object_get(body, "text"), "format");
    turn->format = json_string_value(json_object_get(format, "type"));
    turn->schema = json_object_get(format, "schema");
}

static bool responses_read(struct responses *r)
{
    struct sandbox_call *call = r->call;
    const json_t *body = call->json;
    r->turn.max_tokens = asked_number(call, "max_output_tokens", INT32_MAX, INT32_MAX);
    if (r->turn.max_tokens == 0) {
        sandbox_reply_error(call, 400, "max_output_tokens", NULL,
                            "max_output_tokens must be at least 1.");
        return false;
    }
    r->turn.messages = r->messages;
    r->turn.function = turn_function(r->messages, json_object_get(body, "tools"),
                                     json_object_get(body, "tool_choice"), false);
    read_format(&r->turn, body);
    return true;
}

/* --- objects ------------------------------------------------------------------------------- */

static const char *status_of(const struct responses *r)
{
    return r->turn.is_cut ? "incomplete" : "completed";
}

static json_t *part_of(struct str text)
{
    return json_pack("{s:s, s:s%, s:[], s:[]}", "type", "output_text", "text", text.p, text.n,
                     "annotations", "logprobs");
}

/* `content` is taken; for a call `text` are its arguments. */
static json_t *item_of(const struct responses *r, const char *status, struct str text,
                       json_t *content)
{
    if (r->turn.tool == NULL)
        return json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", r->item_id, "type", "message", "status",
                         status, "role", "assistant", "content", content);
    json_decref(content);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s%}", "id", r->item_id, "type", "function_call",
                     "status", status, "call_id", r->call_id, "name", r->turn.tool, "arguments",
                     text.p, text.n);
}

static json_t *item_begun(const struct responses *r)
{
    return item_of(r, "in_progress", STR_EMPTY, json_array());
}

static json_t *item_done(const struct responses *r)
{
    struct str text = buf_str(&r->turn.text);
    return item_of(r, status_of(r), text, json_pack("[o]", part_of(text)));
}

static json_t *usage_of(const struct responses *r)
{
    int64_t in = r->turn.prompt_tokens, out = r->turn.output_tokens;
    return json_pack("{s:I, s:{s:i}, s:I, s:{s:i}, s:I}", "input_tokens", (json_int_t)in,
                     "input_tokens_details", "cached_tokens", 0, "output_tokens", (json_int_t)out,
                     "output_tokens_details", "reasoning_tokens", 0, "total_tokens",
                     (json_int_t)in + out);
}

/* Sets a member to what the request says, else to `unsaid`, which is taken. */
static void echo(const struct responses *r, json_t *response, const char *name, json_t *unsaid)
{
    json_t *said = json_object_get(r->call->json, name);
    if (said == NULL || json_is_null(said))
        json_object_set_new(response, name, unsaid);
    else {
        json_object_set(response, name, said);
        json_decref(unsaid);
    }
}

static void add_request(const struct responses *r, json_t *response)
{
    echo(r, response, "instructions", json_null());
    echo(r, response, "max_output_tokens", json_null());
    echo(r, response, "metadata", json_object());
    echo(r, response, "parallel_tool_calls", json_true());
    echo(r, response, "previous_response_id", json_null());
    echo(r, response, "reasoning", json_pack("{s:n, s:n}", "effort", "summary"));
    echo(r, response, "store", json_true());
    echo(r, response, "temperature", json_real(1));
    echo(r, response, "text", json_pack("{s:{s:s}}", "format", "type", "text"));
    echo(r, response, "tool_choice", json_string("auto"));
    echo(r, response, "tools", json_array());
    echo(r, response, "top_p", json_real(1));
    echo(r, response, "truncation", json_string("disabled"));
}

static json_t *response_begun(const struct responses *r)
{
    json_t *response = json_pack("{s:s, s:s, s:I, s:s, s:b, s:n, s:n, s:s, s:[], s:n}", "id", r->id,
                                 "object", "response", "created_at", (json_int_t)r->created,
                                 "status", "in_progress", "background", 0, "error",
                                 "incomplete_details", "model", r->call->model, "output", "usage");
    if (response != NULL)
        add_request(r, response);
    return response;
}

static json_t *response_done(const struct responses *r)
{
    json_t *response = response_begun(r);
    if (response == NULL)
        return NULL;
    json_object_set_new(response, "status", json_string(status_of(r)));
    if (r->turn.is_cut)
        json_object_set_new(response, "incomplete_details",
                            json_pack("{s:s}", "reason", "max_output_tokens"));
    json_object_set_new(response, "completed_at",
                        r->turn.is_cut ? json_null() : json_integer(sandbox_now()));
    json_object_set_new(response, "output", json_pack("[o]", item_done(r)));
    json_object_set_new(response, "usage", usage_of(r));
    return response;
}

/* --- as a stream --------------------------------------------------------------------------- */

/* Takes `json`, numbers it, and adds it to the script. */
static void add_event(struct responses *r, int64_t wait_us, const char *type, json_t *json)
{
    json_object_set_new(json, "type", json_string(type));
    json_object_set_new(json, "sequence_number", json_integer(r->number++));
    script_add_event(&r->call->script, wait_us, json);
}

/* Takes `item`. */
static json_t *of_item(json_t *item)
{
    return json_pack("{s:i, s:o}", "output_index", 0, "item", item);
}

/* The members that say where in the response something happens.  Takes `value`. */
static json_t *of_part(const struct responses *r, const char *name, json_t *value)
{
    json_t *json =
        json_pack("{s:s, s:i, s:o}", "item_id", r->item_id, "output_index", 0, name, value);
    if (r->turn.tool == NULL)
        json_object_set_new(json, "content_index", json_integer(0));
    return json;
}

/* The text of a message, whose events have a place for how likely each token was. */
static json_t *of_text(const struct responses *r, const char *name, struct str text)
{
    json_t *json = of_part(r, name, json_stringn(text.p, text.n));
    if (r->turn.tool == NULL)
        json_object_set_new(json, "logprobs", json_array());
    return json;
}

/* False when the stream is to be cut there. */
static bool add_words(struct responses *r, const char *type)
{
    const struct switches *switches = &r->call->switches;
    struct str rest = buf_str(&r->turn.text);
    struct str word;
    int64_t spoken = 0;
    while (word_cut(&rest, &word)) {
        if (spoken++ == switches->cut)
            return false;
        add_event(r, switches->word_us, type, of_text(r, "delta", word));
    }
    /* An answer that is too short to be cut in its words is cut before its end. */
    return switches->cut < 0;
}

static bool add_message(struct responses *r)
{
    struct str text = buf_str(&r->turn.text);
    add_event(r, 0, "response.content_part.added", of_part(r, "part", part_of(STR_EMPTY)));
    if (!add_words(r, "response.output_text.delta"))
        return false;
    add_event(r, 0, "response.output_text.done", of_text(r, "text", text));
    add_event(r, 0, "response.content_part.done", of_part(r, "part", part_of(text)));
    return true;
}

static bool add_call(struct responses *r)
{
    if (!add_words(r, "response.function_call_arguments.delta"))
        return false;
    add_event(r, 0, "response.function_call_arguments.done",
              of_text(r, "arguments", buf_str(&r->turn.text)));
    return true;
}

static void responses_reply_stream(struct responses *r)
{
    struct script *script = &r->call->script;
    script_init(script);
    add_event(r, 0, "response.created", json_pack("{s:o}", "response", response_begun(r)));
    add_event(r, 0, "response.in_progress", json_pack("{s:o}", "response", response_begun(r)));
    add_event(r, 0, "response.output_item.added", of_item(item_begun(r)));
    script->cut = !(r->turn.tool != NULL ? add_call(r) : add_message(r));
    if (!script->cut) {
        add_event(r, 0, "response.output_item.done", of_item(item_done(r)));
        add_event(r, 0, r->turn.is_cut ? "response.incomplete" : "response.completed",
                  json_pack("{s:o}", "response", response_done(r)));
    }
    sandbox_reply_script(r->call);
}

static void responses_answer(struct responses *r)
{
    sandbox_make_id(r->call, "resp_", r->id);
    sandbox_make_id(r->call, r->turn.function != NULL ? "fc_" : "msg_", r->item_id);
    sandbox_make_id(r->call, "call_", r->call_id);
    if (!turn_decide(&r->turn))
        sandbox_reply_error(r->call, 500, NULL, NULL, "The sandbox could not make an answer.");
    else if (asked_flag(r->call, "stream"))
        responses_reply_stream(r);
    else
        sandbox_reply_json(r->call, response_done(r));
    turn_release(&r->turn);
}

void sandbox_responses_create(struct sandbox_call *call)
{
    struct responses r = {.call = call, .created = sandbox_now()};
    r.messages = input_messages(call->json);
    if (r.messages != NULL && responses_read(&r))
        responses_answer(&r);
    json_decref(r.messages);
}
