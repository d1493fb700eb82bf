/* GET /models and GET /models/{id}: what this key may use, from the configuration in force. */
#include "relay/request.h"

/* Clients want a time here; a stable one, since models have no birthday in the configuration. */
#define MODELS_CREATED 1735689600

static bool is_offered(const struct model *model)
{
    for (unsigned i = 0; i < model->offer_count; i++) {
        if (model->offers[i].provider->enabled)
            return true;
    }
    return false;
}

static bool is_listed(const struct request *request, const struct model *model)
{
    if (!is_offered(model) || price_is_empty(&model->price) ||
        key_record_permits_model(request->key, str_of(model->name)) != FAULT_NONE)
        return false;
    for (unsigned e = 0; e < ENDPOINT_COUNT; e++) {
        if (model_serves(model, (enum endpoint)e) &&
            key_record_permits_endpoint(request->key, (enum endpoint)e) == FAULT_NONE)
            return true;
    }
    return false;
}

static bool add_model(const struct request *request, const struct model *model, struct buf *body)
{
    bool ok = buf_add_str(body, STR("{\"id\":\"")) && buf_add_json(body, str_of(model->name)) &&
              buf_addf(body, "\",\"object\":\"model\",\"created\":%lld,\"owned_by\":\"",
                       (long long)MODELS_CREATED) &&
              buf_add_json(body, str_of(model->owned_by)) &&
              buf_add_str(body, STR("\",\"supported_endpoint_types\":["));
    bool first = true;
    for (unsigned e = 0; ok && e < ENDPOINT_COUNT; e++) {
        if (!model_serves(model, (enum endpoint)e) ||
            key_record_permits_endpoint(request->key, (enum endpoint)e) != FAULT_NONE)
            continue;
        ok = buf_addf(body, "%s\"%s\"", first ? "" : ",", endpoint_name((enum endpoint)e));
        first = false;
    }
    return ok && buf_add_str(body, STR("]}"));
}

static enum fault list_local(struct request *request, struct buf *body, struct failure *failure)
{
    const struct snapshot *snapshot = request->snapshot;
    bool ok = buf_add_str(body, STR("{\"object\":\"list\",\"data\":["));
    bool first = true;
    for (unsigned i = 0; ok && i < snapshot->model_count; i++) {
        if (!is_listed(request, &snapshot->models[i]))
            continue;
        ok = (first || buf_add_char(body, ',')) && add_model(request, &snapshot->models[i], body);
        first = false;
    }
    if (ok && buf_add_str(body, STR("]}")))
        return FAULT_NONE;
    failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

static enum fault get_local(struct request *request, struct buf *body, struct failure *failure)
{
    const struct model *model = snapshot_model(request->snapshot, request->subject);
    if (model == NULL || !is_listed(request, model)) {
        failure_set(failure, FAULT_MODEL_NOT_FOUND, "%.*s", STR_ARG(request->subject));
        failure_set_param(failure, "model");
        return FAULT_MODEL_NOT_FOUND;
    }
    if (add_model(request, model, body))
        return FAULT_NONE;
    failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

const struct module models_list_module = {
    .name = "models",
    .method = "GET",
    .path = "/models",
    .body = BODY_KIND_NONE,
    .local = list_local,
};

const struct module models_get_module = {
    .name = "models",
    .method = "GET",
    .path = "/models/*",
    .body = BODY_KIND_NONE,
    .local = get_local,
};
