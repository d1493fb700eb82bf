/* POST /responses. */
#include "relay/asked_model.h"
#include "relay/chat_call.h"
#include "relay/edit.h"
#include "relay/request.h"
#include "relay/responses_reply.h"

#define TYPE(name) (1u << JSPAN_##name)

static enum fault check_references(const struct fields *fields, struct failure *failure)
{
    enum fault f =
        fields_type(fields, FIELD_previous_response_id, TYPE(STRING), "a string", failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_conversation, TYPE(STRING) | TYPE(OBJECT),
                        "a string or an object", failure);
    if (f == FAULT_NONE && fields->references.lost) {
        failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
        return FAULT_GATEWAY_MEMORY;
    }
    if (f != FAULT_NONE || fields->references.unusable == 0)
        return f;
    const char *param = reference_param(fields->references.unusable);
    failure_set(failure, FAULT_REFERENCE_NOT_FOUND, "%s", param);
    failure_set_param(failure, param);
    return FAULT_REFERENCE_NOT_FOUND;
}

static enum fault responses_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    bool background = false, store = true;
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_input, TYPE(STRING) | TYPE(ARRAY), "a string or an array",
                        failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_stream, &request->stream_asked, failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_store, &store, failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_background, &background, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_max_output_tokens, 1, OUTPUT_TOKENS_MAX,
                          &request->output_limit, failure);
    if (f == FAULT_NONE && background)
        /* What answers later tells its usage only to those who ask for it then. */
        f = fields_unsupported(FIELD_background, failure);
    request->unstored = !store;
    return f == FAULT_NONE ? check_references(fields, failure) : f;
}

static void responses_ceiling(const struct request *request, struct counters *counters)
{
    const struct fields *fields = request->fields;
    const struct field *input = &fields->field[FIELD_input];
    int64_t messages = input->type == JSPAN_ARRAY ? (int64_t)input->count : 1;
    counters->n[COUNTER_in_text] = estimate_hold_tokens(&fields->prompt, messages) +
                                   fields->media_tokens + request->carried_tokens;
    counters->n[COUNTER_out_text] = chat_call_output(request, request->model->default_output);
}

const struct module responses_module = {
    .name = "responses",
    .method = "POST",
    .path = "/responses",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_responses,
    .repeat_ambiguous = true,
    .upstream_path = "/responses",
    .error_event = ERROR_EVENT_NUMBERED,
    .stateful = true,
    .check = responses_check,
    .edit = edit_model_only,
    .ceiling = responses_ceiling,
    .saving = "max_output_tokens",
    .reply_wants = responses_reply_wants,
    .reply_want_count = RESPONSES_REPLY_WANTS,
    .reply_take = responses_reply_take,
    .reply_text = responses_reply_text,
    .reply_is_good = responses_reply_is_good,
    .fate = responses_reply_fate,
    .event_kind = responses_reply_kind,
    .is_complete = responses_reply_is_complete,
};
