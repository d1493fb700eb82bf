/* POST /images/generations and /images/edits: pictures, whole or as a stream with previews. */
#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/list_reply.h"
#include "relay/request.h"

#define PICTURES_MAX 10
#define UNSAID_TOKENS 8192 /* of a picture, where the model has no max_output */

/* --- what is asked -------------------------------------------------------------------------------
 */

static enum fault images_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    int64_t n = 1;
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_text(fields, FIELD_prompt, failure);
    if (f == FAULT_NONE)
        f = fields_number(fields, FIELD_n, 1, PICTURES_MAX, &n, failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_size, 1u << JSPAN_STRING, "a string", failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_quality, 1u << JSPAN_STRING, "a string", failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_stream, &request->stream_asked, failure);
    request->choices = n;
    return f;
}

static int64_t tokens_of_a_picture(const struct request *request)
{
    return request->model->max_output > 0 ? request->model->max_output : UNSAID_TOKENS;
}

static void images_ceiling(const struct request *request, struct counters *counters)
{
    counters->n[COUNTER_in_text] =
        estimate_hold_tokens(&request->fields->prompt, 0) + request->fields->media_tokens;
    counters->n[COUNTER_images] = request->choices;
    counters->n[COUNTER_out_image] = request->choices * tokens_of_a_picture(request);
}

/* --- what has come -------------------------------------------------------------------------------
 */

static void images_quantities(const struct request *request, struct counters *counters)
{
    int64_t seen = request->tap.items;
    if (counters->n[COUNTER_images] < seen)
        counters->n[COUNTER_images] = seen;
    if (counters_output(counters) == 0)
        counters->n[COUNTER_out_image] = seen * tokens_of_a_picture(request);
}

enum {
    WANT_ERROR,
    WANT_DATA,
    WANT_USAGE,
    WANT_QUALITY,
    WANT_SIZE,
    WANT_TYPE,
    WANT_MESSAGE,
    WANT_CODE,
    WANT_PARAM,
    WANT_COUNT
};

static const struct jspan_want images_wants[WANT_COUNT] = {
    [WANT_ERROR] = {{"error"}, JSPAN_COPY},
    [WANT_DATA] = {{"data"}, 0},
    [WANT_USAGE] = {{"usage"}, JSPAN_COPY},
    [WANT_QUALITY] = {{"quality"}, 0},
    [WANT_SIZE] = {{"size"}, 0},
    [WANT_TYPE] = {{"type"}, 0},
    [WANT_MESSAGE] = {{"message"}, 0},
    [WANT_CODE] = {{"code"}, 0},
    [WANT_PARAM] = {{"param"}, 0},
};

enum { KIND_OTHER, KIND_COMPLETED, KIND_ERROR };

static unsigned kind_of(struct str type)
{
    if (str_eq(type, STR("error")))
        return KIND_ERROR;
    return str_ends(type, STR(".completed")) ? KIND_COMPLETED : KIND_OTHER;
}

static void images_take(struct tap *tap, const struct jspan_value *value)
{
    switch (value->want) {
    case WANT_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_DATA:
        tap_take_result(tap, value);
        break;
    case WANT_USAGE:
        tap_take_usage(tap, value);
        break;
    case WANT_QUALITY:
        tap_take_word(value, tap->quality, sizeof tap->quality);
        break;
    case WANT_SIZE:
        tap_take_word(value, tap->size, sizeof tap->size);
        break;
    case WANT_TYPE:
        if (value->type == JSPAN_STRING && !value->text_cut)
            tap->seen.kind = kind_of(value->text);
        break;
    case WANT_MESSAGE:
        tap_take_flat(tap, "message", value);
        break;
    case WANT_CODE:
        tap_take_flat(tap, "code", value);
        break;
    case WANT_PARAM:
        tap_take_flat(tap, "param", value);
        break;
    default:
        break;
    }
}

/* The last word is the last picture. */
static enum event_fate images_fate(struct tap *tap, const struct sse_event *event)
{
    if (str_eq(str_trim(event->head), STR("[DONE]")))
        return EVENT_LAST;
    if (tap->seen.kind == KIND_OTHER)
        tap->seen.kind = kind_of(event->type);
    if (tap->seen.kind == KIND_ERROR)
        tap_take_flat_error(tap);
    if (tap->seen.error)
        return tap->seen.kind == KIND_ERROR ? EVENT_ERROR : EVENT_FOREIGN_ERROR;
    if (tap->seen.kind != KIND_COMPLETED)
        return EVENT_PASS;
    tap->items++;
    return tap->items < tap->asked ? EVENT_PASS : EVENT_LAST;
}

static bool images_is_complete(const struct tap *tap)
{
    return tap->items > 0;
}

const struct module images_generations_module = {
    .name = "images",
    .method = "POST",
    .path = "/images/generations",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_images,
    .repeat_ambiguous = false,
    .upstream_path = "/images/generations",
    .error_event = ERROR_EVENT_TYPED,
    .check = images_check,
    .edit = edit_model_only,
    .ceiling = images_ceiling,
    .quantities = images_quantities,
    .reply_wants = images_wants,
    .reply_want_count = WANT_COUNT,
    .reply_take = images_take,
    .reply_is_good = list_reply_is_good,
    .fate = images_fate,
    .is_complete = images_is_complete,
};

const struct module images_edits_module = {
    .name = "images",
    .method = "POST",
    .path = "/images/edits",
    .body = BODY_KIND_MULTIPART_OR_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_images,
    .repeat_ambiguous = false,
    .upstream_path = "/images/edits",
    .error_event = ERROR_EVENT_TYPED,
    .check = images_check,
    .edit = edit_model_only,
    .ceiling = images_ceiling,
    .quantities = images_quantities,
    .reply_wants = images_wants,
    .reply_want_count = WANT_COUNT,
    .reply_take = images_take,
    .reply_is_good = list_reply_is_good,
    .fate = images_fate,
    .is_complete = images_is_complete,
};
