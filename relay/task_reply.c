#include "relay/task_reply.h"

#include "base/clock.h"
#include "relay/content_link.h"
#include "relay/keeper.h"
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

/* When its content ends: where the provider has it, or the copy of it, whichever is later; but not
 * behind the end of its row.  0 = nobody knows. */
static int64_t expires_ms(const struct request *request, const struct task *task)
{
    struct kept kept;
    struct keeper *keeper = request->relay->keeper;
    int64_t at = task->expires_ms;
    int64_t row_at = task->ended_ms + request->snapshot->settings.video_forget_after_ms;
    if (keeper != NULL && keeper_find(keeper, task->public_id, &kept)) {
        int64_t copy_at = kept.kept_ms + keeper_age_max_ms(keeper);
        at = copy_at > at ? copy_at : at;
    }
    return at < row_at ? at : row_at;
}

bool task_reply_add(const struct request *request, const struct task *task,
                    task_object_writer *write, struct buf *body)
{
    struct buf link;
    struct task shown = *task;
    if (task->state != TASK_completed)
        return write(task, NULL, body);
    shown.expires_ms = expires_ms(request, task);
    if (request->relay->link == NULL)
        return write(&shown, NULL, body);
    buf_init(&link, LINK_BYTES_MAX);
    bool ok = add_link(request, task, &link) && write(&shown, link.p, body);
    buf_release(&link);
    return ok;
}
