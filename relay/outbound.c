#include "relay/outbound.h"

#include <string.h>

#include "relay/drop.h"
#include "relay/request.h"
#include "relay/target.h"

static const char *content_type_of(const struct request *request)
{
    /* A body that was sent without a type, or as a form by curl's default, is JSON here. */
    const char *type = request->client.content_type;
    if (request->fields->form != NULL)
        return type;
    if (type != NULL && str_starts_nocase(str_of(type), STR("application/json")))
        return type;
    return "application/json";
}

static enum fault refuse_memory(struct request *request)
{
    failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

const struct word_list *outbound_drop(const struct request *request)
{
    static const struct word_list none = {NULL, 0};
    return request->fields->form == NULL ? &request->model->drop : &none;
}

/* What the model does not take, and what the provider does not. */
static enum fault drop_unwanted(struct request *request)
{
    char format[] = "encoding_format";
    char *names[WORD_LIST_MAX + 1];
    struct word_list drop = *outbound_drop(request);
    bool strip = request->module->endpoint == ENDPOINT_embeddings &&
                 request->offer->provider->embeddings_base64 == EMBEDDINGS_STRIP;
    if (strip) {
        if (drop.n > 0)
            memcpy(names, drop.list, drop.n * sizeof *names);
        names[drop.n] = format;
        drop = (struct word_list){names, drop.n + 1};
    }
    request->dropped = 0;
    if (drop.n == 0)
        return FAULT_NONE;
    switch (drop_members(&request->body, &drop, &request->dropped)) {
    case DROP_DONE:
        return FAULT_NONE;
    case DROP_TOO_MANY:
        failure_set(&request->failure, FAULT_DUPLICATE_PARAMETER, "%s", drop.list[0]);
        failure_set_param(&request->failure, drop.list[0]);
        return FAULT_DUPLICATE_PARAMETER;
    case DROP_FAILED:
        break;
    }
    return refuse_memory(request);
}

enum fault outbound_prepare(struct request *request, int64_t left_ms, struct call *call)
{
    const struct provider *provider = request->offer->provider;
    struct provider_health *health = health_of(request->relay->health, provider->name);
    request->no_usage_options |= atomic_load(&health->refuses_stream_usage);
    body_clear_edits(&request->body);
    buf_clear(&request->call_headers);
    enum fault fault = drop_unwanted(request);
    if (fault != FAULT_NONE)
        return fault;
    const struct upstream_head head = {
        .client = &request->client,
        .provider = provider,
        .key = request->offer_turn.key,
        .content_type = content_type_of(request),
        .user_id = request->key->user_id,
        .stream = request->stream_asked,
    };
    const char *target =
        target_of(provider, request->module->upstream_path, request->offer->upstream_model,
                  request->task != NULL ? request->task->upstream_id : NULL, &request->call_target);
    if (target == NULL || !request->module->edit(request, request->offer->upstream_model) ||
        !headers_upstream(&head, &request->call_headers))
        return refuse_memory(request);
    int64_t first = provider->first_byte_timeout_ms, whole = provider->whole_timeout_ms;
    bool flows = request->stream_asked || request->module->binary;
    *call = (struct call){
        .provider = provider,
        .path = target,
        .body = &request->body,
        .headers = buf_str(&request->call_headers),
        .stream = request->stream_asked,
        .file = request->module->binary,
        .fresh_connect = request->fresh_connect,
        .first_ms = flows ? (first < left_ms ? first : left_ms) : 0,
        .whole_ms = flows ? 0 : (whole < left_ms ? whole : left_ms),
        .idle_ms = provider->idle_timeout_ms,
    };
    return FAULT_NONE;
}
