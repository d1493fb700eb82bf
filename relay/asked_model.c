#include "relay/asked_model.h"

#include "relay/request.h"

static const struct model *default_of(const struct request *request)
{
    return request->snapshot->default_models[request->module->endpoint];
}

enum fault asked_model_check(const struct request *request, struct failure *failure)
{
    if (!fields_has(request->fields, FIELD_model) && default_of(request) != NULL)
        return FAULT_NONE;
    return fields_need_text(request->fields, FIELD_model, failure);
}

const char *asked_model_name(const struct request *request)
{
    if (request->task != NULL)
        return request->task->model;
    if (fields_has(request->fields, FIELD_model))
        return request->fields->model;
    CHECK(default_of(request) != NULL);
    return default_of(request)->name;
}
