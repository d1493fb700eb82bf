/* GET and HEAD /videos/{id}/content: the film that a task has made. */
#include "relay/content.h"
#include "relay/request.h"
#include "relay/task_get.h"
#include "store/task.h"

static void found(struct request *request)
{
    struct task_view view;
    switch (request->task->state) {
    case TASK_completed:
        content_begin(request);
        return;
    case TASK_failed:
    case TASK_expired:
    case TASK_unknown:
        failure_set(&request->failure, FAULT_TASK_FAILED, "%s", "");
        break;
    case TASK_creating:
    case TASK_queued:
    case TASK_in_progress:
        task_view(request->task, &view);
        failure_set(&request->failure, FAULT_TASK_NOT_COMPLETED, "%s", view.status);
        break;
    case TASK_STATE_COUNT:
        CHECK(false);
    }
    request_refuse(request);
}

static void content_module_begin(struct request *request)
{
    task_get(request, found);
}

#define CONTENT(method_)                                                                           \
    {                                                                                              \
        .name = "video", .method = method_, .path = "/videos/*/content", .body = BODY_KIND_NONE,   \
        .linked = true, .takes_query = true, .begin = content_module_begin,                        \
    }

const struct module content_get_module = CONTENT("GET");
const struct module content_head_module = CONTENT("HEAD");
