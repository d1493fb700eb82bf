#include "server/sandbox/moderations.h"

#include <string.h>

#include "server/sandbox/call.h"

static json_t *judge(const json_t *input)
{
    static const char *const names[] = {"harassment", "hate",   "illicit",
                                        "self-harm",  "sexual", "violence"};
    const json_t *text = json_is_object(input) ? json_object_get(input, "text") : input;
    const char *said = json_string_value(text);
    bool flagged = said != NULL && strstr(said, "sandbox-flag") != NULL;
    json_t *categories = json_object(), *scores = json_object();
    for (unsigned i = 0; i < COUNT(names); i++) {
        json_object_set_new(categories, names[i], json_boolean(flagged));
        json_object_set_new(scores, names[i], json_real(flagged ? 0.99 : 0.0));
    }
    return json_pack("{s:b, s:o, s:o}", "flagged", (int)flagged, "categories", categories,
                     "category_scores", scores);
}

void sandbox_moderations_create(struct sandbox_call *call)
{
    const json_t *input = json_object_get(call->json, "input");
    if (!json_is_string(input) && json_array_size(input) == 0) {
        sandbox_reply_error(call, 400, "input", NULL, "input is required.");
        return;
    }
    json_t *results = json_array();
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(results,
                              judge(json_is_array(input) ? json_array_get(input, i) : input));
    char id[SANDBOX_ID_SIZE];
    sandbox_make_id(call, "modr-", id);
    sandbox_reply_json(
        call, json_pack("{s:s, s:s, s:o}", "id", id, "model", call->model, "results", results));
}
