#include "relay/task_reply.h"

#include "base/clock.h"
#include "relay/content_link.h"
#include "relay/request.h"

#define LINK_BYTES_MAX 1024

static bool add_link(const struct request *request, const struct task *task, struct buf *link)
{
    const struct settings *settings = &request->snapshot->settings;
    return buf_add_str(link, str_of(settings->video_link_origin)) &&
           content_link_add(request->relay->link, task->public_id,
                            clock_wall_ms() + settings->video_link_life_ms, link) &&
           buf_add_char(link, '\0');
}

bool task_reply_add(const struct request *request, const struct task *task,
                    task_object_writer *write, struct buf *body)
{
    struct buf link;
    if (request->relay->link == NULL || task->state != TASK_completed)
        return write(task, NULL, body);
    buf_init(&link, LINK_BYTES_MAX);
    bool ok = add_link(request, task, &link) && write(task, link.p, body);
    buf_release(&link);
    return ok;
}
