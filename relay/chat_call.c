#include "relay/chat_call.h"

#include "relay/edit.h"
#include "relay/request.h"

#define CHOICES_MAX 128

enum fault chat_call_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    int64_t n = 1, best_of = 1, limit = 0;
    enum fault f = fields_bool(fields, FIELD_stream, &request->stream_asked, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_n, 1, CHOICES_MAX, &n, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_best_of, 1, CHOICES_MAX, &best_of, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_max_tokens, 1, OUTPUT_TOKENS_MAX, &limit, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_max_completion_tokens, 1, OUTPUT_TOKENS_MAX, &limit,
                          failure);
    if (f != FAULT_NONE)
        return f;
    request->client_wants_usage = fields->field[FIELD_include_usage].type == JSPAN_TRUE &&
                                  fields->field[FIELD_include_usage].seen > 0;
    request->choices = n > best_of ? n : best_of;
    request->output_limit = limit;
    return FAULT_NONE;
}

/* Makes the value of `stream_options` ask for usage, nothing else of it changes; *behind is what is
 * to stand behind the model's name. */
static bool ask_for_usage(struct request *request, struct str *behind)
{
    const struct field *options = &request->fields->field[FIELD_stream_options];
    const struct field *usage = &request->fields->field[FIELD_include_usage];
    static const struct str asking = {"{\"include_usage\":true}", 22};
    request->injected_usage = true;
    if (options->seen == 0) {
        *behind = STR(",\"stream_options\":{\"include_usage\":true}");
        return true;
    }
    if (options->type == JSPAN_NULL)
        return body_edit(&request->body, options->begin, options->end, asking);
    if (options->type == JSPAN_OBJECT && usage->seen > 0 &&
        (usage->type == JSPAN_FALSE || usage->type == JSPAN_NULL))
        return body_edit(&request->body, usage->begin, usage->end, STR("true"));
    if (options->type == JSPAN_OBJECT && usage->seen == 0)
        return body_edit(&request->body, options->begin + 1, options->begin + 1,
                         options->count > 0 ? STR("\"include_usage\":true,")
                                            : STR("\"include_usage\":true"));
    request->injected_usage = false; /* of a type we leave alone */
    return true;
}

bool chat_call_edit(struct request *request, const char *upstream_model)
{
    struct str behind = STR_EMPTY;
    bool inject = request->stream_asked && !request->client_wants_usage &&
                  request->offer->provider->inject_stream_usage && !request->no_usage_options;
    request->injected_usage = false;
    return (!inject || ask_for_usage(request, &behind)) &&
           edit_model(request, upstream_model, behind);
}

int64_t chat_call_output(const struct request *request, int64_t unsaid)
{
    int64_t output = request->output_limit > 0 ? request->output_limit : unsaid;
    int64_t most = request->model->max_output;
    return most > 0 && output > most ? most : output;
}
