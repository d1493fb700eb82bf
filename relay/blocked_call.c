#include "relay/blocked_call.h"

#include "base/clock.h"
#include "relay/blocked.h"
#include "relay/request.h"

/* Of a body that lies on the disk nothing is remembered: a loop does not wait for one.  Nor of what
 * has an idempotency key: it may ask for a task that is there. */
static bool is_rememberable(const struct request *request)
{
    bool may_be_there =
        request->module->task_write != NULL && request->client.idempotency_key != NULL;
    return request->body.spool == NULL && request->key != NULL && !may_be_there &&
           request->snapshot->settings.server_blocked_memory_ms > 0;
}

static struct blocked_prompt prompt_of(const struct request *request)
{
    struct blocked_prompt prompt = {.user_id = request->key->user_id, .bytes = request->body.bytes};
    struct secret_digest digest;
    secret_digest_begin(&digest);
    secret_digest_add(&digest, str_of(request->module->upstream_path));
    secret_digest_add(&digest, STR("\n"));
    secret_digest_add(&digest, str_of(request->model->name));
    secret_digest_add(&digest, STR("\n"));
    secret_digest_add(&digest, request->subject);
    secret_digest_add(&digest, STR("\n"));
    secret_digest_add(&digest, buf_str(&request->body.memory));
    secret_digest_end(&digest, prompt.hash);
    return prompt;
}

enum fault blocked_call_check(struct request *request)
{
    struct blocked *blocked = health_blocked(request->relay->health);
    if (!is_rememberable(request) ||
        !blocked_may_have(blocked, request->key->user_id, request->body.bytes, clock_ms()))
        return FAULT_NONE;
    const struct blocked_prompt prompt = prompt_of(request);
    if (!blocked_has(blocked, &prompt, clock_ms()))
        return FAULT_NONE;
    failure_set(&request->failure, FAULT_UPSTREAM_BLOCKED,
                " a moment ago; it is not asked again yet");
    return FAULT_UPSTREAM_BLOCKED;
}

void blocked_call_note(struct request *request)
{
    if (!is_rememberable(request))
        return;
    const struct blocked_prompt prompt = prompt_of(request);
    blocked_add(health_blocked(request->relay->health), &prompt,
                clock_ms() + request->snapshot->settings.server_blocked_memory_ms);
}
