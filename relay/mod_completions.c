/* POST /completions: text completions, which answer as chat does. */
#include "relay/asked_model.h"
#include "relay/chat_call.h"
#include "relay/chat_reply.h"
#include "relay/request.h"

#define UNSAID_OUTPUT 16 /* OpenAI's default of max_tokens here */

static enum fault completions_check(struct request *request, struct failure *failure)
{
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_text_or_list(request->fields, FIELD_prompt, failure);
    return f == FAULT_NONE ? chat_call_check(request, failure) : f;
}

static void completions_ceiling(const struct request *request, struct counters *counters)
{
    const struct fields *fields = request->fields;
    const struct field *prompt = &fields->field[FIELD_prompt];
    int64_t prompts = prompt->type == JSPAN_ARRAY ? (int64_t)prompt->count : 1;
    counters->n[COUNTER_in_text] =
        estimate_hold_tokens(&fields->prompt, 0) + fields_token_ids(fields, FIELD_prompt);
    counters->n[COUNTER_out_text] =
        chat_call_output(request, UNSAID_OUTPUT) * request->choices * prompts;
}

const struct module completions_module = {
    .name = "completions",
    .method = "POST",
    .path = "/completions",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_completions,
    .repeat_ambiguous = true,
    .upstream_path = "/completions",
    .check = completions_check,
    .edit = chat_call_edit,
    .ceiling = completions_ceiling,
    .saving = "max_tokens",
    .reply_wants = chat_reply_wants,
    .reply_want_count = CHAT_REPLY_WANTS,
    .reply_take = chat_reply_take,
    .reply_text = chat_reply_text,
    .reply_is_good = chat_reply_is_good,
    .fate = chat_reply_fate,
    .is_complete = chat_reply_is_complete,
};
