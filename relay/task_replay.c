#include "relay/task_replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "relay/fields_record.h"
#include "relay/request.h"
#include "relay/task_get.h"

bool task_replay_is_needed(const struct request *request)
{
    const char *key = request->client.idempotency_key;
    return request->module->task_write != NULL && key != NULL && key[0] != '\0';
}

enum fault task_replay_fault(struct request *request, enum store_code code)
{
    if (code == STORE_CONFLICT) {
        failure_set(&request->failure, FAULT_INVALID_VALUE,
                    "'Idempotency-Key': it was used for another request");
        return FAULT_INVALID_VALUE;
    }
    failure_set(&request->failure, FAULT_STORE_UNAVAILABLE, "%s", "");
    return FAULT_STORE_UNAVAILABLE;
}

static void is_back(struct store_call *call)
{
    struct store_task_create *create = CONTAINER_OF(call, struct store_task_create, call);
    struct request *request = CONTAINER_OF(create, struct replay, create)->request;
    request->looked_up = true;
    if (task_store_is_back(request))
        request_wake_exchange(request);
}

static void fill(struct replay *replay)
{
    struct request *request = replay->request;
    struct store_task_create *create = &replay->create;
    struct secret_digest *digest = &request->fields->record->digest;
    secret_digest_add(digest, str_of(request->module->path));
    secret_digest_add(digest, request->subject);
    secret_digest_end(digest, create->body_hash);
    create->idem_key = replay->key;
    create->task.user_id = request->key->user_id;
    create->task.created_ms = clock_wall_ms();
}

enum fault task_replay_look_up(struct request *request)
{
    const char *key = request->client.idempotency_key;
    CHECK(request->replay == NULL);
    if (strlen(key) > IDEM_KEY_MAX) {
        failure_set(&request->failure, FAULT_INVALID_VALUE,
                    "'Idempotency-Key': expected at most %d bytes", IDEM_KEY_MAX);
        return FAULT_INVALID_VALUE;
    }
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay != NULL)
        replay->key = str_dup(str_of(key));
    if (replay == NULL || replay->key == NULL) {
        task_replay_free(&replay);
        failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
        return FAULT_GATEWAY_MEMORY;
    }
    replay->request = request;
    request->replay = replay;
    fill(replay);
    task_await_store(request, &replay->create.call, is_back);
    store_task_made(request->relay->store, &replay->create);
    return FAULT_NONE;
}

bool task_replay_is_here(const struct request *request)
{
    return request->replay != NULL && !request->replay->taken;
}

enum fault task_replay_take(struct request *request)
{
    struct replay *replay = request->replay;
    CHECK(!replay->taken);
    replay->taken = true;
    request->looked_up = false;
    if (replay->create.call.code == STORE_NOTFOUND)
        return FAULT_NONE;
    if (replay->create.call.code != STORE_OK)
        return task_replay_fault(request, replay->create.call.code);
    request->task = replay->create.existing;
    replay->create.existing = NULL;
    return FAULT_NONE;
}

void task_replay_free(struct replay **replay)
{
    if (*replay == NULL)
        return;
    task_free(&(*replay)->create.existing);
    free((*replay)->key);
    free(*replay);
    *replay = NULL;
}
