#include "relay/task_object.h"

/* ,"name":"text" or null. */
static bool add_text(struct buf *body, const char *name, const char *text)
{
    if (text == NULL)
        return buf_addf(body, ",\"%s\":null", name);
    return buf_addf(body, ",\"%s\":\"", name) && buf_add_json(body, str_of(text)) &&
           buf_add_char(body, '"');
}

/* ,"name":seconds or null. */
static bool add_time(struct buf *body, const char *name, int64_t wall_ms)
{
    if (wall_ms == 0)
        return buf_addf(body, ",\"%s\":null", name);
    return buf_addf(body, ",\"%s\":%lld", name, (long long)(wall_ms / 1000));
}

static bool add_error(struct buf *body, const struct task_view *view)
{
    if (view->error_code == NULL)
        return buf_add_str(body, STR(",\"error\":null"));
    return buf_add_str(body, STR(",\"error\":{\"code\":\"")) &&
           buf_add_json(body, str_of(view->error_code)) && buf_add_char(body, '"') &&
           add_text(body, "message", view->error_message) && buf_add_char(body, '}');
}

static bool add_metadata(struct buf *body, const char *link)
{
    if (link == NULL)
        return buf_add_str(body, STR(",\"metadata\":{}}"));
    return buf_add_str(body, STR(",\"metadata\":{\"url\":\"")) &&
           buf_add_json(body, str_of(link)) && buf_add_str(body, STR("\"}}"));
}

bool task_object_write(const struct task *task, const char *link, struct buf *body)
{
    struct task_view view;
    task_view(task, &view);
    bool is_completed = task->state == TASK_completed;
    return buf_addf(body, "{\"id\":\"%s\",\"task_id\":\"%s\",\"object\":\"video\"", task->public_id,
                    task->public_id) &&
           add_text(body, "model", task->model) && add_text(body, "status", view.status) &&
           buf_addf(body, ",\"progress\":%d", view.progress) &&
           add_time(body, "created_at", task->created_ms) &&
           add_time(body, "completed_at", is_completed ? task->ended_ms : 0) &&
           add_time(body, "expires_at", is_completed ? task->expires_ms : 0) &&
           add_text(body, "prompt", task->prompt) && add_text(body, "seconds", task->seconds) &&
           add_text(body, "size", task->size) &&
           add_text(body, "remixed_from_video_id", task->remixed_from) && add_error(body, &view) &&
           add_text(body, "aspect_ratio", task->aspect_ratio) && add_metadata(body, link);
}

bool task_object_write_older(const struct task *task, const char *link, struct buf *body)
{
    (void)link;
    struct task_view view;
    task_view(task, &view);
    bool is_completed = task->state == TASK_completed;
    bool ok = buf_addf(body, "{\"task_id\":\"%s\"", task->public_id) &&
              add_text(body, "status", view.status) &&
              buf_addf(body, ",\"progress\":%d", view.progress);
    if (ok && is_completed)
        ok = buf_addf(body, ",\"url\":\"/v1/videos/%s/content\",\"format\":\"mp4\"",
                      task->public_id);
    else if (ok)
        ok = buf_add_str(body, STR(",\"url\":null,\"format\":null"));
    return ok && add_error(body, &view) && buf_add_char(body, '}');
}
