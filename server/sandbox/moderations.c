#include "server/sandbox/moderations.h"

#include "server/sandbox/call.h"
#include "server/sandbox/words.h"

#define INPUTS_MAX 2048

struct category {
    const char *name;
    bool of_pictures; /* it applies to pictures, too */
};

static const struct category categories[] = {
    {"harassment", false},
    {"harassment/threatening", false},
    {"hate", false},
    {"hate/threatening", false},
    {"illicit", false},
    {"illicit/violent", false},
    {"self-harm", true},
    {"self-harm/instructions", true},
    {"self-harm/intent", true},
    {"sexual", true},
    {"sexual/minors", false},
    {"violence", true},
    {"violence/graphic", true},
};

/* What one input is made of. */
struct judged {
    bool flagged, text, picture;
};

static json_t *applied_types(const struct category *category, const struct judged *judged)
{
    json_t *types = json_array();
    if (judged->text)
        json_array_append_new(types, json_string("text"));
    if (judged->picture && category->of_pictures)
        json_array_append_new(types, json_string("image"));
    return types;
}

static json_t *result_of(const struct judged *judged)
{
    json_t *flags = json_object(), *scores = json_object(), *types = json_object();
    for (unsigned i = 0; i < COUNT(categories); i++) {
        const struct category *category = &categories[i];
        json_object_set_new(flags, category->name, json_boolean(judged->flagged));
        json_object_set_new(scores, category->name, json_real(judged->flagged ? 0.99 : 0.0));
        json_object_set_new(types, category->name, applied_types(category, judged));
    }
    return json_pack("{s:b, s:o, s:o, s:o}", "flagged", (int)judged->flagged, "categories", flags,
                     "category_scores", scores, "category_applied_input_types", types);
}

/* A text, or one part of several.  False when it is neither. */
static bool judge(struct judged *judged, const json_t *input)
{
    const json_t *text = json_is_object(input) ? json_object_get(input, "text") : input;
    if (json_is_string(text)) {
        judged->text = true;
        judged->flagged |= str_contains_nocase(words_of_string(text), STR("sandbox-flag"));
        return true;
    }
    judged->picture = true;
    return json_object_get(input, "image_url") != NULL;
}

/* Adds the results: one for each text of a list, one for all parts together.  False when the input
 * is none. */
static bool judge_all(const json_t *input, json_t *results)
{
    bool parts = json_is_object(json_array_get(input, 0));
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    struct judged judged = {0};
    if (count == 0 || count > INPUTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(input) ? json_array_get(input, i) : input;
        if (json_is_object(one) != parts || !judge(&judged, one))
            return false;
        if (parts && i + 1 < count)
            continue;
        json_array_append_new(results, result_of(&judged));
        judged = (struct judged){0};
    }
    return true;
}

void sandbox_moderations_create(struct sandbox_call *call)
{
    json_t *results = json_array();
    if (!judge_all(json_object_get(call->json, "input"), results)) {
        sandbox_reply_error(call, 400, "input", NULL,
                            "input must be a string, a list of strings, or a list of parts.");
        json_decref(results);
        return;
    }
    char id[SANDBOX_ID_SIZE];
    sandbox_make_id(call, "modr-", id);
    sandbox_reply_json(
        call, json_pack("{s:s, s:s, s:o}", "id", id, "model", call->model, "results", results));
}
