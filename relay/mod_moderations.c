/* POST /moderations: texts or pictures to be judged. */
#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
#include "relay/request.h"

static enum fault moderations_check(struct request *request, struct failure *failure)
{
    enum fault f = asked_model_check(request, failure);
    return f == FAULT_NONE ? fields_need_text_or_list(request->fields, FIELD_input, failure) : f;
}

static void moderations_ceiling(const struct request *request, struct counters *counters)
{
    counters->n[COUNTER_in_text] =
        estimate_hold_tokens(&request->fields->prompt, 0) + request->fields->media_tokens;
}

const struct module moderations_module = {
    .name = "moderation",
    .method = "POST",
    .path = "/moderations",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_moderation,
    .repeat_ambiguous = true,
    .upstream_path = "/moderations",
    .check = moderations_check,
    .edit = edit_model_only,
    .ceiling = moderations_ceiling,
    .reply_wants = plain_reply_wants,
    .reply_want_count = PLAIN_REPLY_WANTS,
    .reply_take = plain_reply_take,
    .reply_is_good = plain_reply_is_good,
    .fate = plain_reply_fate,
    .is_complete = plain_reply_is_complete,
};
