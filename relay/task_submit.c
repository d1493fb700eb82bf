#include "relay/task_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/frozen_price.h"
#include "relay/choose.h"
#include "relay/fields_record.h"
#include "relay/request.h"
#include "relay/task_clock.h"
#include "relay/task_replay.h"
#include "relay/task_reply.h"
#include "relay/verdict.h"
#include "relay/video_answer.h"
#include "store/store_tasks.h"

#define RATES_MAX 65536

struct submission {
    struct store_task_create create;
    struct request *request;
    struct video_answer answer;
    struct buf rates;
    char *prompt;
    char seconds[8], size[64], aspect_ratio[64];
    bool maybe_taken; /* an attempt was sent, and nobody has said no */
};

/* --- the record ----------------------------------------------------------------------------------
 */

static const char *shown_text(const struct request *request, enum field_name name, char *room,
                              size_t size)
{
    const struct field *field = &request->fields->field[name];
    if (!fields_has(request->fields, name) || field->type != JSPAN_STRING || field->text_cut)
        return NULL;
    snprintf(room, size, "%s", field->text);
    return room;
}

static void fill_asked(struct submission *submission)
{
    const struct request *request = submission->request;
    struct task *task = &submission->create.task;
    const struct task *origin = request->task;
    snprintf(submission->seconds, sizeof submission->seconds, "%d",
             (int)task_submit_seconds(request));
    task->seconds = submission->seconds;
    task->size = shown_text(request, FIELD_size, submission->size, sizeof submission->size);
    task->aspect_ratio = shown_text(request, FIELD_aspect_ratio, submission->aspect_ratio,
                                    sizeof submission->aspect_ratio);
    if (origin == NULL)
        return;
    task->remixed_from = origin->public_id;
    task->size = origin->size;
    task->aspect_ratio = origin->aspect_ratio;
}

enum fault task_submit_take_origin(struct request *request)
{
    const struct task *origin = request->task;
    struct task_view view;
    task_view(origin, &view);
    if (origin->state != TASK_completed) {
        enum fault fault =
            task_has_verdict(origin->state) ? FAULT_TASK_FAILED : FAULT_TASK_NOT_COMPLETED;
        failure_set(&request->failure, fault, "%s", view.status);
        return fault;
    }
    if (!str_i64(str_of(origin->seconds), 1, INT32_MAX, &request->pieces))
        request->pieces = 0;
    snprintf(request->size, sizeof request->size, "%s", origin->size != NULL ? origin->size : "");
    return FAULT_NONE;
}

enum fault task_submit_plan(struct request *request)
{
    bool elsewhere;
    return choose_offer_at(request, request->task->provider, &elsewhere);
}

int64_t task_submit_seconds(const struct request *request)
{
    return request->pieces > 0 ? request->pieces : request->model->video_seconds;
}

static bool fill(struct submission *submission)
{
    struct request *request = submission->request;
    const struct ledger_entry *entry = &request->settle.entry;
    const struct offer *offer = request->plan.offers[0];
    struct task *task = &submission->create.task;
    submission->prompt = str_dup(str_of(fields_record_prompt_end(request->fields->record)));
    if (submission->prompt == NULL || !price_freeze(&request->model->price, &submission->rates) ||
        !buf_add_char(&submission->rates, '\0'))
        return false;
    *task = (struct task){
        .id = request->id,
        .user_id = request->key->user_id,
        .key_id = request->key->id,
        .group_id = request->key->group_id,
        .state = TASK_creating,
        .provider = offer->provider->name,
        .model = request->model->name,
        .upstream_model = offer->upstream_model,
        .rates = submission->rates.p,
        .prompt = submission->prompt,
        .hold_nusd = entry->hold_nusd,
        .group_ppm = entry->group_ppm,
        .user_ppm = entry->user_ppm,
        .created_ms = clock_wall_ms(),
    };
    task_make_public_id(task->public_id);
    fill_asked(submission);
    return true;
}

/* Between its look-up and this, another request with this key may have made one. */
static void fill_key(struct submission *submission)
{
    const struct replay *replay = submission->request->replay;
    if (replay == NULL)
        return;
    submission->create.idem_key = replay->key;
    memcpy(submission->create.body_hash, replay->create.body_hash,
           sizeof submission->create.body_hash);
}

/* --- before the provider is asked ----------------------------------------------------------------
 */

static bool write_object(struct request *request, const struct task *task)
{
    buf_clear(&request->local);
    if (task_reply_add(request, task, request->module->task_write, &request->local))
        return true;
    failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
    return false;
}

void task_submit_existing(struct request *request, const struct task *task)
{
    if (!write_object(request, task)) {
        request_refuse(request);
        return;
    }
    request->end = "finished";
    request_settle(request, false, false);
    request_reply_local(request);
}

static void row_is_there(struct store_call *call)
{
    struct store_task_create *create = CONTAINER_OF(call, struct store_task_create, call);
    struct submission *submission = CONTAINER_OF(create, struct submission, create);
    struct request *request = submission->request;
    struct task *existing = create->existing;
    enum store_code code = call->code;
    bool waits = request->state == REQUEST_RECORDING;
    create->existing = NULL;
    request_mail_back(request);
    if (waits && code != STORE_OK) {
        (void)task_replay_fault(request, code);
        request_refuse(request);
    } else if (waits && existing != NULL) {
        task_submit_existing(request, existing);
    } else if (waits && write_object(request, &create->task)) {
        request_dispatch(request);
    } else if (waits) {
        request_refuse(request);
    }
    task_free(&existing);
}

void task_submit(struct request *request)
{
    int64_t limit = clock_ms() + request->snapshot->settings.server_store_timeout_ms;
    struct submission *submission = calloc(1, sizeof *submission);
    if (submission == NULL)
        goto no_memory;
    submission->request = request;
    video_answer_init(&submission->answer);
    buf_init(&submission->rates, RATES_MAX);
    if (!fill(submission))
        goto no_memory;
    fill_key(submission);
    CHECK(task_fits(&submission->create.task));
    request->submission = submission;
    request->received_ms = clock_ms();
    request->mail_out++;
    request_enter(request, REQUEST_RECORDING, "admitted");
    timer_arm(loop_timers(request->relay->loop), &request->timer, limit);
    submission->create.call.reply = loop_mailbox(request->relay->loop);
    submission->create.call.done = row_is_there;
    submission->create.call.deadline_ms = limit;
    store_task_create(request->relay->store, &submission->create);
    return;
no_memory:
    failure_set(&request->failure, FAULT_GATEWAY_MEMORY, "%s", "");
    task_submit_free(&submission);
    request_refuse(request);
}

/* --- what the provider says ----------------------------------------------------------------------
 */

bool task_submit_read(struct request *request)
{
    struct video_answer *answer = &request->submission->answer;
    const struct stream *stream = &request->stream;
    struct str document = {stream->bytes.p + stream->head, stream->bytes.n - stream->head};
    video_answer_release(answer);
    video_answer_init(answer);
    return video_answer_read(answer, &request->offer->provider->video, document) &&
           answer->id.n > 0;
}

void task_submit_note(struct request *request, enum fault fault)
{
    struct submission *submission = request->submission;
    const struct attempt *attempt = request->attempt;
    if (submission == NULL || attempt == NULL)
        return;
    bool is_no = fault != FAULT_NONE &&
                 verdict_is_no(fault, attempt->head.status, submission->answer.id.n > 0);
    submission->maybe_taken = attempt->connected && !is_no;
}

/* A provider that is done already is asked at once. */
static int64_t first_poll_ms(const struct request *request)
{
    const struct video_answer *answer = &request->submission->answer;
    bool is_over = answer->is_known && (answer->meaning == VIDEO_MEANING_completed ||
                                        answer->meaning == VIDEO_MEANING_failed);
    int64_t now = clock_wall_ms();
    return is_over ? now
                   : task_clock_next(&request->snapshot->settings, now, now,
                                     relay_random(request->relay));
}

void task_submit_end(struct request *request, bool taken)
{
    struct submission *submission = request->submission;
    if (submission == NULL)
        return;
    struct task_end *end = &request->settle.entry.task;
    *end = (struct task_end){.step = TASK_STEP_REFUSED, .now_ms = clock_wall_ms()};
    if (taken) {
        end->step = TASK_STEP_SUBMITTED;
        end->upstream_id = submission->answer.id.p;
        end->next_poll_ms = first_poll_ms(request);
    } else if (submission->maybe_taken) {
        end->step = TASK_STEP_AMBIGUOUS;
        request->failure.no_retry = true;
        snprintf(request->failure.task_id, sizeof request->failure.task_id, "%s",
                 submission->create.task.public_id);
    }
}

void task_submit_free(struct submission **submission)
{
    if (*submission == NULL)
        return;
    video_answer_release(&(*submission)->answer);
    buf_release(&(*submission)->rates);
    task_free(&(*submission)->create.existing);
    free((*submission)->prompt);
    free(*submission);
    *submission = NULL;
}
