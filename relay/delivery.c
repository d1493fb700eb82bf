#include "relay/delivery.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/error_event.h"
#include "relay/provider_turn.h"
#include "relay/request.h"
#include "relay/verdict.h"

#define ERROR_EVENT_MAX ((size_t)16 << 10)

/* What an answer is that does not say it; a document is JSON. */
static const char unsaid_bytes[] = "application/octet-stream";
static const char unsaid_text[] = "text/plain; charset=utf-8";

static bool take_head(struct request *request)
{
    const struct attempt_head *head = &request->attempt->head;
    memcpy(request->content_type, head->content_type, sizeof request->content_type);
    if (request->tap.kind == TAP_BYTES && request->content_type[0] == '\0')
        memcpy(request->content_type, unsaid_bytes, sizeof unsaid_bytes);
    if (request->tap.kind == TAP_TEXT && request->content_type[0] == '\0')
        memcpy(request->content_type, unsaid_text, sizeof unsaid_text);
    buf_clear(&request->answer_headers);
    return buf_add_str(&request->answer_headers, buf_str(&head->pass));
}

void delivery_commit(struct request *request, const char *why)
{
    (void)take_head(request);
    provider_turn_good(request);
    attempt_note_first(request->attempt);
    request->settle.entry.first_ms = clock_ms() - request->created_ms;
    failure_release(&request->failure);
    /* What a stream no longer needs, it may last for long. */
    fields_free(&request->fields);
    references_release(&request->references);
    client_headers_release(&request->client);
    buf_release(&request->call_target);
    buf_release(&request->call_headers);
    if (attempt_has_read_body(request->attempt))
        body_release(&request->body);
    request->answer = ANSWER_STREAM;
    request_enter(request, REQUEST_RELAYING, why);
    request_wake_exchange(request);
}

void delivery_whole(struct request *request)
{
    (void)take_head(request);
    provider_turn_good(request);
    failure_release(&request->failure);
    request->settle.entry.first_ms = clock_ms() - request->created_ms;
    request->end = request->tap.failed ? "upstream_gone" : "finished";
    request_end_attempt(request);
    request_settle(request, true, true);
}

bool delivery_of_failed(struct request *request, const struct failure *failure, bool another)
{
    const struct tap *tap = &request->tap;
    bool blocked = failure->fault == FAULT_UPSTREAM_BLOCKED && tap->items == 0;
    if (!request->tap_open || !tap->failed || failure->fault == FAULT_UPSTREAM_ACCOUNT || blocked ||
        (tap->kind == TAP_EVENTS) != request->stream_asked ||
        (another && tap->may_retry && tap->items == 0))
        return false;
    if (tap->kind == TAP_EVENTS) {
        delivery_commit(request, "told failure");
        loop_mark(request->relay->loop, &request->ready);
        return true;
    }
    if (request->attempt->end != ATTEMPT_COMPLETE || !tap_is_good(tap))
        return false;
    delivery_whole(request);
    return true;
}

static void push_error_event(struct request *request)
{
    struct buf event;
    struct error_event told = {.shape = request->module->error_event,
                               .dialect = request->snapshot->settings.server_error_dialect,
                               .request_id = request->id_text,
                               .number = request->tap.next_number};
    buf_init(&event, ERROR_EVENT_MAX);
    stream_cut(&request->stream);
    if (!error_event_write(&told, &request->failure, &event) ||
        !stream_push(&request->stream, event.p, event.n))
        stream_abort(&request->stream);
    buf_release(&event);
}

static void log_broken(const struct request *request)
{
    log_write(LOG_INFO, "relay", "request %s fault %s status 200 provider %s", request->id_text,
              fault_name(request->failure.fault), request->offer->provider->name);
}

/* For books and log.  True: the upstream's own error event may go on unchanged. */
static bool note_broken(struct request *request)
{
    bool relay_it = false;
    struct failure failure = {0};
    verdict_in_stream(request->attempt, &request->tap, &failure, &relay_it);
    provider_turn_failed(request, &failure);
    failure_take(&request->failure, &failure);
    log_broken(request);
    request->end = request->attempt->end == ATTEMPT_TIMEOUT ? "timeout" : "upstream_gone";
    return relay_it;
}

void delivery_broken(struct request *request)
{
    bool relay_it = note_broken(request);
    request_end_attempt(request);
    if (request->stream.pulled > 0 && request->tap.raw)
        stream_abort(&request->stream); /* half an event is out: nothing can be said in it */
    else if (relay_it)
        stream_remove(&request->stream, request->tap.last_end, stream_size(&request->stream));
    else
        push_error_event(request);
    request_settle(request, true, true);
}

void delivery_complete(struct request *request)
{
    request->end = "finished";
    request_settle(request, true, true);
}

void delivery_long_end(struct request *request)
{
    tap_end(&request->tap);
    bool good = request->attempt->end == ATTEMPT_COMPLETE && tap_is_good(&request->tap);
    request->end = "finished";
    if (!good) {
        request->breaks = true;
        (void)note_broken(request);
    }
    request_end_attempt(request);
    request_settle(request, true, true);
}

void delivery_cut(struct request *request)
{
    log_broken(request);
    request_end_attempt(request);
    if (request->tap.kind != TAP_EVENTS || request->tap.raw)
        stream_abort(&request->stream);
    else
        push_error_event(request);
    request_settle(request, true, true);
}
