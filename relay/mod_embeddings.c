/* POST /embeddings. */
#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
#include "relay/request.h"

static enum fault embeddings_check(struct request *request, struct failure *failure)
{
    enum fault f = asked_model_check(request, failure);
    return f == FAULT_NONE ? fields_need_text_or_list(request->fields, FIELD_input, failure) : f;
}

/* Where the provider has no Base64 of its own, what it answers in numbers is encoded on the way. */
static bool embeddings_edit(struct request *request, const char *upstream_model)
{
    const struct field *format = &request->fields->field[FIELD_encoding_format];
    enum embeddings_base64 how = request->offer->provider->embeddings_base64;
    bool encode = how != EMBEDDINGS_NATIVE && format->seen > 0 && format->type == JSPAN_STRING &&
                  str_eq(str_of(format->text), STR("base64"));
    vector_text_free(&request->vectors);
    if (encode && (request->vectors = vector_text_new()) == NULL)
        return false;
    if (encode && how == EMBEDDINGS_CONVERT &&
        !body_edit(&request->body, format->begin, format->end, STR("\"float\"")))
        return false;
    return edit_model_only(request, upstream_model);
}

static void embeddings_ceiling(const struct request *request, struct counters *counters)
{
    counters->n[COUNTER_in_text] = estimate_hold_tokens(&request->fields->prompt, 0) +
                                   fields_token_ids(request->fields, FIELD_input);
}

const struct module embeddings_module = {
    .name = "embeddings",
    .method = "POST",
    .path = "/embeddings",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_embeddings,
    .repeat_ambiguous = true,
    .upstream_path = "/embeddings",
    .check = embeddings_check,
    .edit = embeddings_edit,
    .ceiling = embeddings_ceiling,
    .reply_wants = plain_reply_wants,
    .reply_want_count = PLAIN_REPLY_WANTS,
    .reply_take = plain_reply_take,
    .reply_is_good = plain_reply_is_good,
    .fate = plain_reply_fate,
    .is_complete = plain_reply_is_complete,
};
