#include "relay/edit.h"

#include "relay/request.h"

bool edit_model(struct request *request, const char *upstream_model, struct str behind)
{
    const struct field *model = &request->fields->field[FIELD_model];
    struct buf value;
    buf_init(&value, 8192);
    bool absent = model->seen == 0; /* then its model is the default of the endpoint */
    uint64_t first = request->fields->root_begin + 1;
    bool ok =
        (!absent || buf_add_str(&value, STR("\"model\":"))) && buf_add_char(&value, '"') &&
        buf_add_json(&value, str_of(upstream_model)) && buf_add_char(&value, '"') &&
        buf_add_str(&value, behind) &&
        (!absent || request->fields->root_count == request->dropped || buf_add_char(&value, ',')) &&
        body_edit(&request->body, absent ? first : model->begin, absent ? first : model->end,
                  buf_str(&value));
    buf_release(&value);
    return ok;
}

bool edit_model_only(struct request *request, const char *upstream_model)
{
    return edit_model(request, upstream_model, STR_EMPTY);
}
