/* POST /chat/completions. */
#include "relay/chat_reply.h"
#include "relay/request.h"

#include <stdio.h>
#include <string.h>

#define CHOICES_MAX 128
#define OUTPUT_MAX ((int64_t)1 << 24)

static enum fault chat_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    int64_t n = 1, limit = 0;
    bool include_usage = false;
    enum fault f = fields_need_text(fields, FIELD_model, failure);
    if (f == FAULT_NONE)
        f = fields_need_list(fields, FIELD_messages, failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_stream, &request->stream_asked, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_n, 1, CHOICES_MAX, &n, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_max_tokens, 1, OUTPUT_MAX, &limit, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_max_completion_tokens, 1, OUTPUT_MAX, &limit, failure);
    if (f != FAULT_NONE)
        return f;
    include_usage = fields->field[FIELD_include_usage].type == JSPAN_TRUE &&
                    fields->field[FIELD_include_usage].seen > 0;
    request->client_wants_usage = include_usage;
    request->choices = n;
    request->output_limit = limit;
    return FAULT_NONE;
}

/* The value of `stream_options` in a form that asks for usage; nothing else of it changes. */
static bool ask_for_usage(struct request *request, struct buf *behind_model)
{
    const struct field *options = &request->fields->field[FIELD_stream_options];
    const struct field *usage = &request->fields->field[FIELD_include_usage];
    static const struct str asking = {"{\"include_usage\":true}", 22};
    request->injected_usage = true;
    if (options->seen == 0)
        return buf_add_str(behind_model, STR(",\"stream_options\":")) &&
               buf_add_str(behind_model, asking);
    if (options->type == JSPAN_NULL)
        return body_edit(&request->body, options->begin, options->end, asking);
    if (options->type == JSPAN_OBJECT && usage->seen > 0 &&
        (usage->type == JSPAN_FALSE || usage->type == JSPAN_NULL))
        return body_edit(&request->body, usage->begin, usage->end, STR("true"));
    if (options->type == JSPAN_OBJECT && usage->seen == 0)
        return body_edit(&request->body, options->begin + 1, options->begin + 1,
                         options->count > 0 ? STR("\"include_usage\":true,")
                                            : STR("\"include_usage\":true"));
    request->injected_usage = false; /* of a type we leave alone */
    return true;
}

static bool chat_edit(struct request *request, const char *upstream_model)
{
    const struct field *model = &request->fields->field[FIELD_model];
    struct buf value;
    buf_init(&value, 8192);
    bool inject = request->stream_asked && !request->client_wants_usage &&
                  request->offer->provider->inject_stream_usage && !request->no_usage_options;
    request->injected_usage = false;
    bool ok = buf_add_char(&value, '"') && buf_add_json(&value, str_of(upstream_model)) &&
              buf_add_char(&value, '"') && (!inject || ask_for_usage(request, &value)) &&
              body_edit(&request->body, model->begin, model->end, buf_str(&value));
    buf_release(&value);
    return ok;
}

static void chat_ceiling(const struct request *request, struct counters *counters)
{
    const struct fields *fields = request->fields;
    const struct model *model = request->model;
    int64_t messages = (int64_t)fields->field[FIELD_messages].count;
    int64_t output = request->output_limit > 0 ? request->output_limit : model->default_output;
    if (model->max_output > 0 && output > model->max_output)
        output = model->max_output;
    counters->n[COUNTER_in_text] =
        estimate_hold_tokens(&fields->prompt, messages) + fields->media_tokens;
    counters->n[COUNTER_out_text] = output * request->choices;
}

const struct module chat_module = {
    .name = "chat",
    .method = "POST",
    .path = "/chat/completions",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_chat,
    .repeat_ambiguous = true,
    .upstream_path = "/chat/completions",
    .check = chat_check,
    .edit = chat_edit,
    .ceiling = chat_ceiling,
    .reply_wants = chat_reply_wants,
    .reply_want_count = CHAT_REPLY_WANTS,
    .reply_take = chat_reply_take,
    .reply_text = chat_reply_text,
    .reply_is_good = chat_reply_is_good,
    .fate = chat_reply_fate,
    .is_complete = chat_reply_is_complete,
};
