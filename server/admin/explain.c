#include "server/admin/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "relay/choose.h"
#include "relay/request.h"
#include "server/admin/operation.h"
#include "server/gates.h"
#include "store/book.h"

#define SAMPLE_BYTES_MAX 4096
#define MESSAGE_BYTES_MAX 4096
#define STORE_WAIT_MS 5000

/* While its key is looked up. */
struct explaining {
    struct store_key_get get;
    struct admin_call *call;
    struct relay *relay;
};

/* --- the request that is tried -------------------------------------------------------------------
 */

#define BOUNDARY "gateway"

/* The smallest request of an endpoint, its model put in for the '*'. */
struct sample {
    const struct module *module;
    const char *body;
    bool is_form;
};

static const struct sample samples[ENDPOINT_COUNT] = {
    [ENDPOINT_chat] = {&chat_module,
                       "{\"model\":\"*\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}",
                       false},
    [ENDPOINT_completions] = {&completions_module, "{\"model\":\"*\",\"prompt\":\"Hi\"}", false},
    [ENDPOINT_responses] = {&responses_module, "{\"model\":\"*\",\"input\":\"Hi\"}", false},
    [ENDPOINT_embeddings] = {&embeddings_module, "{\"model\":\"*\",\"input\":\"Hi\"}", false},
    [ENDPOINT_moderation] = {&moderations_module, "{\"model\":\"*\",\"input\":\"Hi\"}", false},
    [ENDPOINT_rerank] = {&rerank_module,
                         "{\"model\":\"*\",\"query\":\"Hi\",\"documents\":[\"Hi\"]}", false},
    [ENDPOINT_images] = {&images_generations_module, "{\"model\":\"*\",\"prompt\":\"Hi\"}", false},
    [ENDPOINT_speech] = {&speech_module, "{\"model\":\"*\",\"input\":\"Hi\",\"voice\":\"alloy\"}",
                         false},
    [ENDPOINT_video] = {&video_create_module, "{\"model\":\"*\",\"prompt\":\"Hi\"}", false},
#define FORM                                                                                       \
    "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n*\r\n--" BOUNDARY     \
    "\r\nContent-Disposition: form-data; name=\"file\"; "                                          \
    "filename=\"a.mp3\"\r\n\r\nHi\r\n--" BOUNDARY "--\r\n"
    [ENDPOINT_transcription] = {&transcriptions_module, FORM, true},
    [ENDPOINT_translation] = {&translations_module, FORM, true},
#undef FORM
};

static bool write_sample(const struct sample *sample, struct str model, struct buf *body)
{
    struct str text = str_of(sample->body);
    size_t star = str_index(text, '*');
    return buf_add_str(body, str_slice(text, 0, star)) &&
           (sample->is_form ? buf_add_str(body, model) : buf_add_json(body, model)) &&
           buf_add_str(body, str_from(text, star + 1));
}

/* The endpoint that was asked for, else the model's first; false: it is none. */
static bool find_endpoint(const json_t *arguments, const struct model *model,
                          enum endpoint *endpoint)
{
    const char *wanted = json_string_value(json_object_get(arguments, "endpoint"));
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++) {
        *endpoint = (enum endpoint)i;
        if (wanted != NULL ? strcmp(wanted, endpoint_name(*endpoint)) == 0
                           : model != NULL && model_serves(model, *endpoint))
            return true;
    }
    *endpoint = ENDPOINT_chat;
    return wanted == NULL;
}

static struct request *request_of(struct explaining *explaining, const struct sample *sample,
                                  const struct buf *body)
{
    struct request *request = request_new(explaining->relay, sample->module, STR_EMPTY, NULL, NULL);
    if (request == NULL)
        return NULL;
    request->key = explaining->get.record;
    explaining->get.record = NULL;
    request->fields =
        sample->is_form ? fields_new_form(BOUNDARY) : fields_new(sample->module->stateful);
    if (request->fields == NULL) {
        request_enter(request, REQUEST_CLOSED, "no memory");
        return NULL;
    }
    fields_feed(request->fields, body->p, body->n);
    return request;
}

/* As server/admit has them. */
static enum fault pass_gates(struct request *request, struct outlook *outlook)
{
    enum fault fault = key_record_check(request->key, NULL, clock_wall_ms());
    if (fault != FAULT_NONE)
        failure_set(&request->failure, fault, "%s", "");
    if (fault == FAULT_NONE)
        fault = gate_fields(request);
    if (fault == FAULT_NONE)
        fault = gate_model(request);
    if (fault == FAULT_NONE)
        fault = choose_offers(request);
    return fault == FAULT_NONE ? gate_foresee(request, outlook) : fault;
}

/* --- what is told --------------------------------------------------------------------------------
 */

static json_t *usd_json(int64_t nusd)
{
    char text[USD_TEXT_SIZE];
    usd_format(nusd, text);
    return json_string(text);
}

static json_t *accounts_json(const struct outlook *outlook)
{
    static const char *const kinds[] = {[ACCOUNT_USER] = "user",
                                        [ACCOUNT_KEY] = "key",
                                        [ACCOUNT_GROUP] = "group",
                                        [ACCOUNT_GROUP_USER] = "group_user"};
    static const char *const periods[] = {
        [PERIOD_EVER] = "ever", [PERIOD_DAY] = "day", [PERIOD_MONTH] = "month"};
    json_t *accounts = json_array();
    for (unsigned i = 0; i < outlook->account_count; i++) {
        const struct account_left *left = &outlook->accounts[i];
        json_array_append_new(
            accounts,
            json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "account", kinds[left->kind], "period",
                      periods[left->period], "limit", usd_json(left->limit_nusd), "spent",
                      usd_json(left->spent_nusd), "held", usd_json(left->held_nusd), "available",
                      usd_json(left->available_nusd)));
    }
    return accounts;
}

static json_t *limit_json(const struct limit_left *left)
{
    const struct limit *limit = &left->limit;
    const char *model = limit->model[0] != '\0' ? limit->model : NULL;
    struct buf amount;
    buf_init(&amount, 64);
    bool ok = limit_amount_format(limit, &amount);
    json_t *json =
        ok ? json_pack("{s:s, s:s, s:s%, s:s?, s:I, s:I}", "scope", limit_scope_name(limit->scope),
                       "metric", limit_metric_name(limit->metric), "amount", amount.p, amount.n,
                       "model", model, "remaining", (json_int_t)left->left.remaining, "full_in_ms",
                       (json_int_t)((left->left.reset_us + 999) / 1000))
           : NULL;
    buf_release(&amount);
    return json;
}

static json_t *limits_json(const struct outlook *outlook)
{
    json_t *limits = json_array();
    for (unsigned i = 0; i < outlook->limit_count; i++)
        json_array_append_new(limits, limit_json(&outlook->limits[i]));
    return limits;
}

/* How the offers of a model stand at one instant. */
struct ranks {
    enum plan_standing standing[MODEL_OFFERS_MAX];
    int64_t wait_ms[MODEL_OFFERS_MAX];
};

static bool is_asked(const struct offer *offer, enum plan_standing standing)
{
    return offer->provider->enabled && standing <= PLAN_LAST;
}

static bool is_before(const struct model *model, const struct ranks *ranks, unsigned a, unsigned b)
{
    if (ranks->standing[a] != ranks->standing[b])
        return ranks->standing[a] < ranks->standing[b];
    return model->offers[a].priority < model->offers[b].priority;
}

/* 1 + how many different ones come before it. */
static unsigned turn_of(const struct model *model, const struct ranks *ranks, unsigned at)
{
    unsigned turn = 1;
    for (unsigned i = 0; i < model->offer_count; i++) {
        bool counts =
            is_asked(&model->offers[i], ranks->standing[i]) && is_before(model, ranks, i, at);
        for (unsigned k = 0; counts && k < i; k++)
            counts = !is_asked(&model->offers[k], ranks->standing[k]) ||
                     is_before(model, ranks, k, i) || is_before(model, ranks, i, k);
        turn += counts;
    }
    return turn;
}

static json_t *offers_json(const struct request *request)
{
    struct ranks ranks;
    const struct model *model = request->model;
    json_t *offers = json_array();
    for (unsigned i = 0; model != NULL && i < model->offer_count; i++)
        ranks.standing[i] = choose_standing(request, &model->offers[i], &ranks.wait_ms[i]);
    for (unsigned i = 0; model != NULL && i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        bool asked = is_asked(offer, ranks.standing[i]);
        const char *state =
            offer->provider->enabled ? plan_standing_name(ranks.standing[i]) : "disabled";
        json_array_append_new(
            offers, json_pack("{s:s, s:s, s:o, s:s, s:I, s:i, s:i}", "provider",
                              offer->provider->name, "model", offer->upstream_model, "turn",
                              asked ? json_integer(turn_of(model, &ranks, i)) : json_null(),
                              "state", state, "for_ms", (json_int_t)ranks.wait_ms[i], "priority",
                              offer->priority, "weight", offer->weight));
    }
    return offers;
}

static json_t *message_json(const struct failure *failure)
{
    struct buf text;
    buf_init(&text, MESSAGE_BYTES_MAX);
    json_t *json = failure->fault != FAULT_NONE && failure_message(failure, &text)
                       ? json_stringn(text.p, text.n)
                       : json_null();
    buf_release(&text);
    return json;
}

static json_t *result_of(const struct request *request, const struct outlook *outlook,
                         const struct buf *body)
{
    const struct key_record *key = request->key;
    const struct failure *failure = &request->failure;
    bool refused = failure->fault != FAULT_NONE;
    char id[24];
    (void)snprintf(id, sizeof id, "%lld", (long long)key->id);
    return json_pack(
        "{s:s, s:s, s:s, s:s%, s:s, s:i, s:s?, s:o, s:o, s:o, s:o, s:o, s:s%}", "key", id, "user",
        key->user_name, "group", key->group_name, "model", request->fields->model,
        strlen(request->fields->model), "endpoint", endpoint_name(request->module->endpoint),
        "status", refused ? fault_info(failure->fault)->status : 200, "reason",
        refused ? failure_reason(failure) : NULL, "message", message_json(failure), "hold",
        usd_json(request->settle.entry.hold_nusd), "accounts", accounts_json(outlook), "limits",
        limits_json(outlook), "offers", offers_json(request), "request", body->p, body->n);
}

/* --- its course ----------------------------------------------------------------------------------
 */

static void try_request(struct explaining *explaining)
{
    struct admin_call *call = explaining->call;
    const json_t *arguments = call->arguments;
    struct str name = str_of(json_string_value(json_object_get(arguments, "model")));
    enum endpoint endpoint;
    const struct snapshot *snapshot = explaining->relay->snapshot;
    if (!find_endpoint(arguments, snapshot_model(snapshot, name), &endpoint)) {
        admin_fail(call, ADMIN_USAGE, "there is no endpoint \"%s\"",
                   json_string_value(json_object_get(arguments, "endpoint")));
        return;
    }
    struct buf body;
    buf_init(&body, SAMPLE_BYTES_MAX);
    const struct sample *sample = &samples[endpoint];
    struct outlook *outlook = calloc(1, sizeof *outlook);
    struct request *request = outlook != NULL && write_sample(sample, name, &body)
                                  ? request_of(explaining, sample, &body)
                                  : NULL;
    json_t *result = NULL;
    if (request != NULL) {
        enum fault fault = pass_gates(request, outlook);
        CHECK(fault == request->failure.fault);
        result = result_of(request, outlook, &body);
        request_enter(request, REQUEST_CLOSED, "explained");
    }
    free(outlook);
    buf_release(&body);
    admin_succeed(call, result);
}

static void refuse(const struct explaining *explaining)
{
    struct str name = explaining->get.name;
    struct admin_call *call = explaining->call;
    enum store_code code = explaining->get.call.code;
    if (code == STORE_NOTFOUND && secret_looks_like_key(name))
        admin_fail(call, ADMIN_NOTFOUND,
                   "that looks like a key's secret: give its id or hint (gateway key list)");
    else if (code == STORE_NOTFOUND)
        admin_fail(call, ADMIN_NOTFOUND, "no key \"%.*s\": ids and hints stand in gateway key list",
                   STR_ARG(str_slice(name, 0, 20)));
    else if (code == STORE_CONFLICT)
        admin_fail(call, ADMIN_CONFLICT, "several keys look like \"%.*s\"; use the id",
                   STR_ARG(str_slice(name, 0, 40)));
    else
        admin_fail(call, ADMIN_FAILED, "the database cannot be read now");
}

static void on_key(struct store_call *store_call)
{
    struct explaining *explaining = CONTAINER_OF(store_call, struct explaining, get.call);
    if (store_call->code == STORE_OK)
        try_request(explaining);
    else
        refuse(explaining);
    key_record_drop(store_keyring(explaining->relay->store), &explaining->get.record);
    free(explaining);
}

void explain_begin(struct admin_call *call, struct relay *relay)
{
    const char *key = json_string_value(json_object_get(call->arguments, "key"));
    const char *model = json_string_value(json_object_get(call->arguments, "model"));
    size_t known = json_object_get(call->arguments, "endpoint") != NULL ? 3 : 2;
    if (key == NULL || model == NULL || json_object_size(call->arguments) != known) {
        admin_fail(call, ADMIN_USAGE, "explain takes a key and a model");
        return;
    }
    struct explaining *explaining = calloc(1, sizeof *explaining);
    if (explaining == NULL) {
        admin_fail(call, ADMIN_FAILED, "out of memory");
        return;
    }
    explaining->call = call;
    explaining->relay = relay;
    explaining->get.name = str_of(key);
    explaining->get.call.reply = call->reply;
    explaining->get.call.done = on_key;
    explaining->get.call.deadline_ms = clock_ms() + STORE_WAIT_MS;
    store_key_get(relay->store, &explaining->get);
}
