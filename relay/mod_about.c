/* GET /v1: what this address is, for whoever opens it in a browser or gives it to a client. */
#include "relay/request.h"

static bool add_route(const struct module *module, bool first, struct buf *body)
{
    struct str path = str_of(module->path);
    bool has_subject = str_ends(path, STR("*"));
    if (has_subject)
        path.n--;
    return buf_addf(body, "%s\"%s /v1%.*s%s\"", first ? "" : ",", module->method, STR_ARG(path),
                    has_subject ? "{id}" : "");
}

static enum fault about_local(struct request *request, struct buf *body, struct failure *failure)
{
    bool ok = buf_add_str(body, STR("{\"object\":\"api\",\"message\":\"This is the base URL of an "
                                    "OpenAI-compatible API: give it to a client as its base URL, "
                                    "with a key as 'Authorization: Bearer <key>'. GET /v1/models "
                                    "lists the models that the key may use.\",\"routes\":["));
    const struct module *module;
    bool first = true;
    for (unsigned i = 0; ok && (module = module_at(i)) != NULL; i++) {
        if (module == request->module)
            continue;
        ok = add_route(module, first, body);
        first = false;
    }
    if (ok && buf_add_str(body, STR("]}")))
        return FAULT_NONE;
    failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

const struct module about_module = {
    .name = "about",
    .method = "GET",
    .path = "",
    .body = BODY_KIND_NONE,
    .keyless = true,
    .local = about_local,
};
