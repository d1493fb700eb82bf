/* POST /videos, the older /video/generations, and /videos/{id}/remix: a task is made at a provider.
 */
#include <string.h>

#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
#include "relay/request.h"
#include "relay/task_object.h"
#include "relay/task_submit.h"

#define SECONDS_MAX 3600

/* --- what is asked -------------------------------------------------------------------------------
 */

static enum fault video_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    int64_t seconds = 0, duration = 0, videos = 1;
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_text(fields, FIELD_prompt, failure);
    if (f == FAULT_NONE)
        f = fields_digits(fields, FIELD_seconds, 1, SECONDS_MAX, &seconds, failure);
    if (f == FAULT_NONE)
        f = fields_digits(fields, FIELD_duration, 1, SECONDS_MAX, &duration, failure);
    if (f == FAULT_NONE) /* a task is one video, and paid for as one */
        f = fields_digits(fields, FIELD_n, 1, 1, &videos, failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_size, 1u << JSPAN_STRING, "a string", failure);
    /* Two names of one thing: the provider goes by one of them. */
    request->pieces = seconds > duration ? seconds : duration;
    return f;
}

/* What is changed of the other video; all else is as that was made, and paid for so: a provider
 * must not be told otherwise. */
static enum fault remix_check(struct request *request, struct failure *failure)
{
    static const enum field_name fixed[] = {FIELD_model, FIELD_seconds, FIELD_duration,
                                            FIELD_size,  FIELD_n,       FIELD_aspect_ratio};
    enum fault f = fields_need_text(request->fields, FIELD_prompt, failure);
    for (size_t i = 0; f == FAULT_NONE && i < COUNT(fixed); i++) {
        if (fields_has(request->fields, fixed[i]))
            f = fields_unsupported(fixed[i], failure);
    }
    return f;
}

static bool edit_nothing(struct request *request, const char *upstream_model)
{
    (void)request;
    (void)upstream_model;
    return true;
}

static void video_ceiling(const struct request *request, struct counters *counters)
{
    counters->n[COUNTER_video_ms] = task_submit_seconds(request) * 1000;
}

static bool video_is_good(const struct tap *tap)
{
    return !tap->seen.error;
}

#define VIDEO_CREATE(path_, write_, ...)                                                           \
    {                                                                                              \
        .name = "video", .method = "POST", .path = path_, .body = BODY_KIND_MULTIPART_OR_JSON,     \
        .needs_provider = true, .endpoint = ENDPOINT_video, .repeat_ambiguous = false,             \
        .error_event = ERROR_EVENT_TYPED, .ceiling = video_ceiling, .quantities = video_ceiling,   \
        .reply_wants = plain_reply_wants, .reply_want_count = PLAIN_REPLY_WANTS,                   \
        .reply_take = plain_reply_take, .reply_is_good = video_is_good, .fate = plain_reply_fate,  \
        .is_complete = plain_reply_is_complete, .task_write = write_, __VA_ARGS__                  \
    }
#define OF_FIELDS                                                                                  \
    .upstream_path = "/videos", .check = video_check, .edit = edit_model_only, .saving = "seconds"
#define OF_TASK                                                                                    \
    .upstream_path = "/videos/{id}/remix", .check = remix_check, .edit = edit_nothing,             \
    .of_task = true

const struct module video_create_module = VIDEO_CREATE("/videos", task_object_write, OF_FIELDS);
const struct module video_create_older_module =
    VIDEO_CREATE("/video/generations", task_object_write_older, OF_FIELDS);
const struct module video_remix_module =
    VIDEO_CREATE("/videos/*/remix", task_object_write, OF_TASK);
