/* POST /chat/completions. */
#include "relay/asked_model.h"
#include "relay/chat_call.h"
#include "relay/chat_reply.h"
#include "relay/request.h"

static enum fault chat_check(struct request *request, struct failure *failure)
{
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_list(request->fields, FIELD_messages, failure);
    return f == FAULT_NONE ? chat_call_check(request, failure) : f;
}

static void chat_ceiling(const struct request *request, struct counters *counters)
{
    const struct fields *fields = request->fields;
    int64_t messages = (int64_t)fields->field[FIELD_messages].count;
    counters->n[COUNTER_in_text] =
        estimate_hold_tokens(&fields->prompt, messages) + fields->media_tokens;
    counters->n[COUNTER_out_text] =
        chat_call_output(request, request->model->default_output) * request->choices;
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
    .edit = chat_call_edit,
    .ceiling = chat_ceiling,
    .saving = "max_tokens",
    .reply_wants = chat_reply_wants,
    .reply_want_count = CHAT_REPLY_WANTS,
    .reply_take = chat_reply_take,
    .reply_text = chat_reply_text,
    .reply_is_good = chat_reply_is_good,
    .fate = chat_reply_fate,
    .is_complete = chat_reply_is_complete,
};
