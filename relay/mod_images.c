/* POST /images/generations and /images/edits: pictures, whole or as a stream with previews. */
#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
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

enum { KIND_UNKNOWN, KIND_OTHER, KIND_COMPLETED, KIND_ERROR };

static unsigned images_event_kind(struct str type)
{
    if (str_eq(type, STR("error")))
        return KIND_ERROR;
    if (str_ends(type, STR(".completed")))
        return KIND_COMPLETED;
    return type.n > 0 ? KIND_OTHER : KIND_UNKNOWN;
}

/* The last word is the last picture. */
static enum event_fate images_fate(struct tap *tap, const struct sse_event *event)
{
    if (str_eq(str_trim(event->head), STR("[DONE]")))
        return EVENT_LAST;
    unsigned kind = tap_kind(tap, event->type);
    if (kind == KIND_ERROR)
        tap_take_flat_error(tap);
    if (tap->seen.error)
        return kind == KIND_ERROR ? EVENT_ERROR : EVENT_FOREIGN_ERROR;
    if (kind != KIND_COMPLETED)
        return EVENT_PASS;
    tap->items++;
    return tap->items < tap->asked ? EVENT_PASS : EVENT_LAST;
}

static bool images_is_complete(const struct tap *tap)
{
    return tap->items > 0;
}

/* The two differ in what may be sent. */
#define IMAGES(path_, body_)                                                                       \
    {                                                                                              \
        .name = "images", .method = "POST", .path = path_, .body = body_, .needs_provider = true,  \
        .endpoint = ENDPOINT_images, .repeat_ambiguous = false, .upstream_path = path_,            \
        .error_event = ERROR_EVENT_TYPED, .check = images_check, .edit = edit_model_only,          \
        .ceiling = images_ceiling, .saving = "n", .quantities = images_quantities,                 \
        .reply_wants = plain_reply_wants, .reply_want_count = PLAIN_REPLY_WANTS,                   \
        .reply_take = plain_reply_take, .reply_is_good = plain_reply_is_good, .fate = images_fate, \
        .event_kind = images_event_kind, .is_complete = images_is_complete,                        \
    }

const struct module images_generations_module = IMAGES("/images/generations", BODY_KIND_JSON);
const struct module images_edits_module = IMAGES("/images/edits", BODY_KIND_MULTIPART_OR_JSON);
