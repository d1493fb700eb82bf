#include "server/sandbox/videos.h"

#include <stdio.h>

#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/daemon.h"
#include "server/sandbox/video.h"

#define SECONDS_UNSAID 15
#define FILE_BYTES_MAX ((size_t)16 << 20)

/* What is asked for and what it became. */
static json_t *describe(const struct sandbox_call *call, const struct video *video)
{
    static const char *const words[] = {[VIDEO_QUEUED] = "queued",
                                        [VIDEO_IN_PROGRESS] = "in_progress",
                                        [VIDEO_COMPLETED] = "completed",
                                        [VIDEO_FAILED] = "failed"};
    char id[VIDEO_ID_SIZE], seconds[16];
    int progress;
    int64_t ended = (video->created_ms + video->takes_ms) / 1000;
    enum video_stage stage = video_stage_at(video, sandbox_now_ms(), &progress);
    video_make_id(video, id);
    snprintf(seconds, sizeof seconds, "%u", video->seconds);
    json_t *error =
        stage == VIDEO_FAILED
            ? json_pack("{s:s, s:s}", "code", "moderation_blocked", "message",
                        "The sandbox makes nothing of this because the model's name asks for it.")
            : json_null();
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:o, s:s, s:s, s:o}", "id", id, "object",
                     "video", "model", call->model != NULL ? call->model : "sandbox", "status",
                     words[stage], "progress", progress, "created_at",
                     (json_int_t)(video->created_ms / 1000), "completed_at",
                     stage == VIDEO_COMPLETED ? json_integer(ended) : json_null(), "seconds",
                     seconds, "size", video_size_text(video->size), "error", error);
}

/* --- making one ---------------------------------------------------------------------------- */

/* False when it is refused. */
static bool refuse(struct sandbox_call *call, const char *param, const char *message)
{
    sandbox_reply_error(call, 400, param, NULL, message);
    return false;
}

/* A number, or a text of digits as OpenAI has it. */
static bool read_seconds(struct sandbox_call *call, struct video *video)
{
    struct str text = asked_text(call, "seconds");
    uint64_t number = 0;
    if (text.n == 0)
        number = (uint64_t)asked_number(call, "seconds", VIDEO_SECONDS_MAX + 1, SECONDS_UNSAID);
    else if (!str_u64(text, VIDEO_SECONDS_MAX, &number))
        number = 0;
    video->seconds = (unsigned)number;
    return (number >= 1 && number <= VIDEO_SECONDS_MAX) ||
           refuse(call, "seconds", "seconds must be in 1..3600.");
}

static bool read_size(struct sandbox_call *call, struct video *video)
{
    struct str text = asked_text(call, "size");
    if (text.n == 0) {
        video->size = video_size_of_ratio(asked_text(call, "aspect_ratio"));
        return true;
    }
    if (video_size_find(text, &video->size))
        return true;
    struct buf message;
    buf_init(&message, 1024);
    if (buf_add_str(&message, STR("The sandbox makes videos of ")) && video_sizes_list(&message) &&
        buf_add(&message, ".", 2))
        (void)refuse(call, "size", message.p);
    buf_release(&message);
    return false;
}

static bool read_prompt(struct sandbox_call *call)
{
    return asked_text(call, "prompt").n > 0 || refuse(call, "prompt", "prompt is required.");
}

static void begin(const struct sandbox_call *call, struct video *video)
{
    video->created_ms = sandbox_now_ms();
    video->number = atomic_fetch_add(&call->sandbox->answers, 1);
}

void sandbox_videos_create(struct sandbox_call *call)
{
    struct video video = {.takes_ms = call->switches.takes_us / 1000, .fails = call->switches.fail};
    if (!read_prompt(call) || !read_seconds(call, &video) || !read_size(call, &video))
        return;
    begin(call, &video);
    sandbox_reply_json(call, describe(call, &video));
}

/* --- one that there is --------------------------------------------------------------------- */

/* By the path, whose end is `rest`; answers and returns false when there is none. */
static bool find(struct sandbox_call *call, struct str rest, struct video *video)
{
    struct str id = str_from(call->path, STR("/v1/videos/").n);
    if (video_read_id(str_slice(id, 0, id.n - rest.n), video))
        return true;
    sandbox_reply_error(call, 404, NULL, "video_not_found", "The sandbox has no such video.");
    return false;
}

void sandbox_videos_get(struct sandbox_call *call)
{
    struct video video;
    if (find(call, STR_EMPTY, &video))
        sandbox_reply_json(call, describe(call, &video));
}

void sandbox_videos_remix(struct sandbox_call *call)
{
    struct video video;
    if (!read_prompt(call) || !find(call, STR("/remix"), &video))
        return;
    begin(call, &video);
    sandbox_reply_json(call, describe(call, &video));
}

void sandbox_videos_content(struct sandbox_call *call)
{
    struct video video;
    int progress;
    if (!find(call, STR("/content"), &video))
        return;
    if (video_stage_at(&video, sandbox_now_ms(), &progress) != VIDEO_COMPLETED) {
        sandbox_reply_error(call, 404, NULL, "video_not_ready", "The video is not made.");
        return;
    }
    struct str variant =
        str_of(MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, "variant"));
    bool film = variant.n == 0 || str_eq(variant, STR("video"));
    char etag[VIDEO_ID_SIZE];
    struct buf file;
    snprintf(etag, sizeof etag, "\"sandbox-%llu-%d\"", (unsigned long long)video.number, film);
    buf_init(&file, FILE_BYTES_MAX);
    if (film ? video_add_mp4(&video, &file) : video_add_png(&video, &file))
        sandbox_reply_file(call, &file, film ? "video/mp4" : "image/png", etag);
    buf_release(&file);
}
