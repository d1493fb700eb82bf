/* A request's attempts: which offer, what is sent, when what comes back is enough.
 *
 * relay/intake copies what comes and marks the request; request_on_ready, in the settle step, is
 * where states change, attempts start and end. */
#include "relay/request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/blocked_call.h"
#include "relay/content.h"
#include "relay/content_kept.h"
#include "relay/content_renewal.h"
#include "relay/delivery.h"
#include "relay/intake.h"
#include "relay/outbound.h"
#include "relay/provider_turn.h"
#include "relay/task_submit.h"
#include "relay/verdict.h"

#define HOLD_MS 100        /* how long events that promise nothing wait for one that does */
#define ERROR_BODY_MS 2000 /* an error that takes longer is judged by what has come of it */

static struct timers *timers_of(struct request *request)
{
    return loop_timers(request->relay->loop);
}

static int64_t total_deadline(const struct request *request)
{
    return request->received_ms + request->snapshot->settings.server_total_timeout_ms;
}

/* --- attempts ------------------------------------------------------------------------------------
 */

void request_end_attempt(struct request *request)
{
    if (request->attempt != NULL && request->offer != NULL)
        atomic_fetch_sub(
            &health_of(request->relay->health, request->offer->provider->name)->in_flight, 1);
    attempt_free(&request->attempt);
    fetch_free(&request->fetch);
    content_renewal_stop(request->renewal);
}

static void forget_answer(struct request *request)
{
    if (request->tap_open)
        tap_release(&request->tap);
    request->tap_open = false;
    stream_release_memory(&request->stream);
    stream_init(&request->stream, STREAM_EVENT_MAX * 2);
    buf_clear(&request->error_body);
    request->ended_early = false;
}

/* The limit of AWAITING, or something to do before it. */
static void arm_total(struct request *request, int64_t sooner_ms)
{
    int64_t limit = total_deadline(request);
    timer_arm(timers_of(request), &request->timer, sooner_ms < limit ? sooner_ms : limit);
}

/* Starts one attempt at request->offer. */
static void try_offer(struct request *request)
{
    struct call call;
    struct sink sink = intake_sink(request);
    forget_answer(request);
    request->settle.entry.attempts++;
    enum fault fault = outbound_prepare(request, total_deadline(request) - clock_ms(), &call);
    if (fault == FAULT_NONE &&
        attempt_start(&request->attempt, request->relay->engine, &call, &sink) != FAULT_NONE)
        fault = FAULT_GATEWAY_MEMORY;
    if (fault != FAULT_NONE) {
        if (request->failure.fault != fault)
            failure_set(&request->failure, fault, "%s", "");
        request_refuse(request);
        return;
    }
    struct provider_health *health =
        health_of(request->relay->health, request->offer->provider->name);
    atomic_fetch_add(&health->attempts, 1);
    atomic_fetch_add(&health->in_flight, 1);
    request_enter(request, REQUEST_AWAITING, request->offer->provider->name);
    arm_total(request, INT64_MAX);
}

/* Whether a try at its present offer may be made again though it may have been processed. */
static bool may_repeat(const struct request *request)
{
    return request->module->repeat_ambiguous || (request->module->endpoint == ENDPOINT_images &&
                                                 request->offer->provider->images_retry_ambiguous);
}

/* The next offer whose provider has a turn for it; without one the request is refused. */
static bool take_offer(struct request *request)
{
    const struct offer *offer;
    while ((offer = plan_next(&request->plan)) != NULL) {
        if (provider_turn_take(request, offer)) {
            request->offer = offer;
            return true;
        }
    }
    request_refuse(request);
    return false;
}

static void try_next(struct request *request)
{
    if (!take_offer(request))
        return;
    /* What may not be repeated is not risked on a pooled connection that may be dying. */
    request->fresh_connect = !may_repeat(request);
    request->no_usage_options = false;
    try_offer(request);
}

void request_dispatch(struct request *request)
{
    request->received_ms = clock_ms();
    request->end = "upstream_gone";
    request_enter(request, REQUEST_DISPATCHING, "admitted");
    try_next(request);
}

/* A pooled connection that was closed under us before any byte of an answer: the provider may not
 * even have seen the request.  Once more there, on a new connection. */
static bool died_in_pool(const struct request *request)
{
    const struct attempt *attempt = request->attempt;
    return attempt->end == ATTEMPT_DISCONNECTED && attempt->reused && attempt->head.status == 0 &&
           attempt->head_bytes == 0 && !request->fresh_connect && may_repeat(request);
}

/* What only the operator can mend is told to him alone: clients read that it is not available. */
static void log_attempt(const struct request *request, enum fault fault, int status)
{
    char key[32] = "";
    const struct provider *provider = request->offer->provider;
    enum fault_class class = fault_info(fault)->class_;
    const char *ours = NULL;
    if (class == FAULT_CLASS_ACCOUNT)
        ours = " (its key or our account there: gateway provider test)";
    else if (class == FAULT_CLASS_CONFIG)
        ours = " (the offer's model or the base URL: gateway provider test)";
    if (provider->key_count > 1)
        (void)snprintf(key, sizeof key, " with key %u", request->offer_turn.key + 1);
    log_write(ours != NULL ? LOG_WARNING : LOG_INFO, "relay",
              "request %s attempt at %s%s failed: %s, HTTP status %d%s", request->id_text,
              provider->name, key, fault_name(fault), status, ours != NULL ? ours : "");
}

/* The attempt cannot be delivered: next offer, the same once more, or the end. */
static void attempt_failed(struct request *request)
{
    struct failure failure = {0};
    if (died_in_pool(request)) {
        request_end_attempt(request);
        request->fresh_connect = true;
        request_enter(request, REQUEST_DISPATCHING, "pooled connection died");
        try_offer(request);
        return;
    }
    struct outcome outcome = {
        .attempt = request->attempt,
        .tap = request->tap_open ? &request->tap : NULL,
        .body = buf_str(&request->error_body),
        .model = request->model->name,
        .stream_asked = request->stream_asked,
        .repeat_ambiguous = may_repeat(request),
        .failover_on_block = request->snapshot->settings.server_failover_on_block,
        .names_result = request->submission != NULL && task_submit_read(request),
        .injected_usage = request->injected_usage,
    };
    enum verdict_action action = verdict_of(&outcome, &failure);
    bool other_key = action == VERDICT_NEXT && provider_turn_has_other_key(request, &failure) &&
                     plan_again(&request->plan);
    bool another = action == VERDICT_NEXT && clock_ms() < total_deadline(request) &&
                   request->plan.next < request->plan.count && !request->client_gone;
    if (delivery_of_failed(request, &failure, another)) {
        failure_release(&failure);
        return;
    }
    struct provider_health *health =
        health_of(request->relay->health, request->offer->provider->name);
    int status = request->attempt->head.status;
    task_submit_note(request, failure.fault);
    request_end_attempt(request);
    if (action == VERDICT_REPEAT && !request->no_usage_options) {
        atomic_store(&health->refuses_stream_usage, true);
        request->no_usage_options = true;
        failure_release(&failure);
        request_enter(request, REQUEST_DISPATCHING, "without stream options");
        try_offer(request);
        return;
    }
    atomic_fetch_add(&health->failures, 1);
    provider_turn_failed(request, &failure);
    log_attempt(request, failure.fault, status);
    if (failure.fault == FAULT_UPSTREAM_BLOCKED && !another)
        blocked_call_note(request);
    verdict_merge(&request->failure, &failure);
    if (another) {
        request_enter(request, REQUEST_DISPATCHING, other_key ? "another key" : "next offer");
        try_next(request);
        return;
    }
    request_refuse(request);
}

/* --- the settle step of each state ---------------------------------------------------------------
 */

static bool attempt_is_over(const struct request *request)
{
    return request->attempt->end != ATTEMPT_RUNNING || request->ended_early;
}

/* Nothing that decides has come yet. */
static void wait_on(struct request *request)
{
    const struct attempt *attempt = request->attempt;
    if (request->tap_open && request->tap.held)
        arm_total(request, request->tap.held_ms + HOLD_MS);
    else if (attempt->head_done && !attempt_is_success(attempt))
        arm_total(request, attempt->head_ms + ERROR_BODY_MS);
}

static void step_awaiting(struct request *request)
{
    struct attempt *attempt = request->attempt;
    struct tap *tap = &request->tap;
    bool over = attempt_is_over(request);
    if (over && request->tap_open && attempt->end == ATTEMPT_COMPLETE)
        tap_end(tap);
    bool events = request->tap_open && tap->kind == TAP_EVENTS;
    if (events && request->stream_asked && tap->released_any) {
        delivery_commit(request, "first event");
        loop_mark(request->relay->loop, &request->ready);
    } else if (events && request->stream_asked && tap->last_seen && !tap->error_seen) {
        delivery_commit(request, "last word at once");
        loop_mark(request->relay->loop, &request->ready);
    } else if (events && (tap->first_is_error || (!request->stream_asked && tap->events > 0))) {
        attempt_failed(request);
    } else if (request->tap_open && tap->kind == TAP_BYTES) {
        /* What has been cut already may come whole from another. */
        if (request->stream_asked || (over && attempt->end != ATTEMPT_COMPLETE)) {
            attempt_failed(request);
            return;
        }
        delivery_commit(request, "first byte");
        loop_mark(request->relay->loop, &request->ready);
    } else if (request->tap_open && tap_is_whole(tap) && tap->released_any && !over) {
        delivery_commit(request, "long answer");
    } else if (over && request->tap_open && tap_is_whole(tap) && !request->stream_asked &&
               attempt->end == ATTEMPT_COMPLETE && tap_is_good(tap) && !tap->failed &&
               (request->submission == NULL || task_submit_read(request))) {
        delivery_whole(request);
    } else if (over) {
        attempt_failed(request);
    } else {
        wait_on(request);
    }
}

static void step_relaying(struct request *request)
{
    struct tap *tap = &request->tap;
    bool over = attempt_is_over(request);
    request_wake_exchange(request);
    if (tap->kind != TAP_EVENTS) {
        if (over)
            delivery_long_end(request);
        return;
    }
    bool clean_end = over && request->attempt->end == ATTEMPT_COMPLETE;
    if (clean_end)
        tap_end(tap);
    if (tap->error_seen)
        delivery_broken(request);
    else if (tap->last_seen || (clean_end && tap_is_complete(tap)))
        delivery_complete(request);
    else if (over)
        delivery_broken(request);
}

/* Its caller has gone, and learns nothing of it; what the provider does counts all the same, or who
 * does not wait would hide that it is ill, and that it is well again. */
static void learn_of_drained(struct request *request)
{
    const struct tap *tap = request->tap_open ? &request->tap : NULL;
    enum attempt_end end = request->attempt->end;
    bool has_our_limit = request->stream_asked || request->module->binary;
    if (request->answer != ANSWER_NONE) /* it was told when that began */
        return;
    if (tap != NULL && !tap->error_seen && !tap->failed &&
        (tap->last_seen || (end == ATTEMPT_COMPLETE && tap_is_whole(tap) && tap_is_good(tap)))) {
        provider_turn_good(request);
    } else if (end != ATTEMPT_RUNNING && end != ATTEMPT_COMPLETE &&
               !(end == ATTEMPT_TIMEOUT && has_our_limit)) {
        struct failure failure = {0};
        failure_set(&failure, verdict_of_end(end), "%s", "");
        provider_turn_failed(request, &failure);
        failure_release(&failure);
    }
}

static void step_draining(struct request *request)
{
    bool told = request->tap_open && request->tap.last_seen;
    bool cut = request->stream_asked && request->offer->provider->drain_ms == 0;
    if (!attempt_is_over(request) && !told && !cut)
        return;
    if (request->tap_open && request->attempt->end == ATTEMPT_COMPLETE)
        tap_end(&request->tap);
    learn_of_drained(request);
    request_end_attempt(request);
    bool answered = request->tap_open;
    request_settle(request, answered, true);
}

/* The charge is committed and the answer released; the upstream gets a moment for its tidy end. */
static void step_finishing(struct request *request)
{
    if (request->stream.ended || request->attempt == NULL)
        return;
    if (attempt_is_over(request)) {
        request_end_attempt(request);
        stream_release_all(&request->stream);
        stream_end(&request->stream);
    }
    request_wake_exchange(request);
}

void request_on_ready(struct ready *ready)
{
    struct request *request = CONTAINER_OF(ready, struct request, ready);
    if (request->fetch != NULL) {
        content_step(request);
        return;
    }
    if (request->film != NULL) {
        content_kept_step(request);
        return;
    }
    if (request->renewal != NULL)
        return;
    switch (request->state) {
    case REQUEST_AWAITING:
        step_awaiting(request);
        break;
    case REQUEST_RELAYING:
        step_relaying(request);
        break;
    case REQUEST_DRAINING:
        step_draining(request);
        break;
    case REQUEST_FINISHING:
        step_finishing(request);
        break;
    case REQUEST_AUTHENTICATING:
    case REQUEST_RECEIVING:
    case REQUEST_LOOKING_UP:
    case REQUEST_RECORDING:
    case REQUEST_DISPATCHING:
    case REQUEST_SETTLING:
    case REQUEST_REPLYING:
    case REQUEST_CLOSED:
        break;
    case REQUEST_STATE_COUNT:
        CHECK(false);
    }
}

static void time_out(struct request *request)
{
    if (request->attempt->end == ATTEMPT_RUNNING)
        request->attempt->end =
            request->attempt->connected ? ATTEMPT_TIMEOUT : ATTEMPT_CONNECT_TIMEOUT;
    loop_mark(request->relay->loop, &request->ready);
}

void request_on_timer(struct timer *timer)
{
    struct request *request = CONTAINER_OF(timer, struct request, timer);
    switch (request->state) {
    case REQUEST_LOOKING_UP:
    case REQUEST_RECORDING:
        failure_set(&request->failure, FAULT_STORE_UNAVAILABLE, "%s", "");
        request_refuse(request);
        break;
    case REQUEST_AWAITING:
        if (request->film != NULL) {
            content_kept_late(request);
            break;
        }
        if (request->tap_open && clock_ms() < total_deadline(request)) {
            tap_release_held(&request->tap);
            loop_mark(request->relay->loop, &request->ready);
            break;
        }
        time_out(request);
        break;
    case REQUEST_DRAINING:
        time_out(request);
        break;
    case REQUEST_SETTLING:
        request_commit_done(request);
        break;
    case REQUEST_FINISHING:
        request->ended_early = true;
        loop_mark(request->relay->loop, &request->ready);
        break;
    case REQUEST_AUTHENTICATING:
    case REQUEST_RECEIVING:
    case REQUEST_DISPATCHING:
    case REQUEST_RELAYING:
    case REQUEST_REPLYING:
    case REQUEST_CLOSED:
    case REQUEST_STATE_COUNT:
        CHECK(false);
    }
}

void request_cut(struct request *request)
{
    switch (request->state) {
    case REQUEST_AUTHENTICATING:
    case REQUEST_RECEIVING:
    case REQUEST_LOOKING_UP:
    case REQUEST_RECORDING:
    case REQUEST_DISPATCHING:
    case REQUEST_AWAITING:
        failure_set(&request->failure, FAULT_SHUTTING_DOWN, "%s", "");
        request_refuse(request);
        break;
    case REQUEST_RELAYING:
        if (request->fetch != NULL || request->film != NULL) {
            content_cut(request);
            break;
        }
        failure_set(&request->failure, FAULT_STREAM_SHUTDOWN, "%s", "");
        request->end = "killed";
        delivery_cut(request);
        break;
    case REQUEST_DRAINING:
        request_end_attempt(request);
        request_settle(request, request->tap_open, true);
        break;
    case REQUEST_SETTLING:
    case REQUEST_REPLYING:
    case REQUEST_FINISHING:
    case REQUEST_CLOSED:
    case REQUEST_STATE_COUNT:
        break;
    }
}

/* Only between events, and never once an id: or retry: line was seen: openai-python makes an empty
 * event of a comment's blank line then, and fails on it. */
void request_keep_alive(struct request *request)
{
    static const char comment[] = ": ping\n\n";
    struct stream *stream = &request->stream;
    struct tap *tap = &request->tap;
    size_t n = sizeof comment - 1;
    if (request->state != REQUEST_RELAYING || !request_is_event_stream(request) || tap->raw ||
        tap->last_seen || tap->has_id || stream->released != stream_size(stream) ||
        !stream_push(stream, comment, n))
        return;
    tap->removed -= n; /* the client's offsets run ahead of the upstream's by the comment */
    stream_release_all(stream);
}

void request_note_room(struct request *request)
{
    if (!request->paused_for_room || stream_ready(&request->stream) >= STREAM_LOW)
        return;
    request->paused_for_room = false;
    if (request->attempt != NULL)
        attempt_resume(request->attempt);
    if (request->fetch != NULL)
        fetch_resume(request->fetch);
    if (request->film != NULL)
        loop_mark(request->relay->loop, &request->ready);
}
