#include "relay/edit.h"

#include "relay/form.h"
#include "relay/request.h"

/* A part's value, or a part of its own in front of the first. */
static bool edit_model_part(struct request *request, const char *upstream_model)
{
    const struct field *model = &request->fields->field[FIELD_model];
    const struct form *form = request->fields->form;
    struct buf part;
    if (model->seen > 0)
        return body_edit(&request->body, model->begin, model->end, str_of(upstream_model));
    uint64_t at = form_insert_at(form);
    buf_init(&part, 8192);
    bool ok =
        buf_addf(&part, "--%s\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n%s\r\n",
                 form_boundary(form), upstream_model) &&
        body_edit(&request->body, at, at, buf_str(&part));
    buf_release(&part);
    return ok;
}

bool edit_model(struct request *request, const char *upstream_model, struct str behind)
{
    const struct field *model = &request->fields->field[FIELD_model];
    struct buf value;
    if (request->fields->form != NULL)
        return edit_model_part(request, upstream_model);
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
