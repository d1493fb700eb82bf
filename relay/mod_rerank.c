/* POST /rerank: a query and documents, in the shapes of Cohere, Jina, SiliconFlow and Voyage. */
#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
#include "relay/request.h"

#define DOCUMENTS_MAX 10000
#define DOCUMENTS_PER_UNIT 100 /* Cohere: a search unit is a query with up to 100 documents */

static enum fault rerank_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_text(fields, FIELD_query, failure);
    if (f == FAULT_NONE)
        f = fields_need_list(fields, FIELD_documents, failure);
    if (f != FAULT_NONE)
        return f;
    request->pieces = (int64_t)fields->field[FIELD_documents].count;
    return fields_at_most(fields, FIELD_documents, DOCUMENTS_MAX, failure);
}

static int64_t search_units(const struct request *request)
{
    return (request->pieces + DOCUMENTS_PER_UNIT - 1) / DOCUMENTS_PER_UNIT;
}

/* The query is read once with every document. */
static void rerank_ceiling(const struct request *request, struct counters *counters)
{
    const struct fields *fields = request->fields;
    counters->n[COUNTER_in_text] = estimate_hold_tokens(&fields->prompt, 0) +
                                   (int64_t)fields->field[FIELD_query].count * request->pieces;
    counters->n[COUNTER_search_units] = search_units(request);
}

static void rerank_quantities(const struct request *request, struct counters *counters)
{
    if (counters->n[COUNTER_search_units] == 0)
        counters->n[COUNTER_search_units] = search_units(request);
}

const struct module rerank_module = {
    .name = "rerank",
    .method = "POST",
    .path = "/rerank",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_rerank,
    .repeat_ambiguous = true,
    .upstream_path = "/rerank",
    .message_in_errors = true,
    .check = rerank_check,
    .edit = edit_model_only,
    .ceiling = rerank_ceiling,
    .quantities = rerank_quantities,
    .reply_wants = plain_reply_wants,
    .reply_want_count = PLAIN_REPLY_WANTS,
    .reply_take = plain_reply_take,
    .reply_is_good = plain_reply_is_good,
    .fate = plain_reply_fate,
    .is_complete = plain_reply_is_complete,
};
