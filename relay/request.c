#include "relay/request.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/content.h"
#include "relay/content_link.h"
#include "relay/content_renewal.h"
#include "relay/error_dialect.h"
#include "relay/task_replay.h"
#include "relay/task_submit.h"

#define LOCAL_BYTES_MAX ((size_t)8 << 20)
#define ERROR_BODY_MAX ((size_t)64 << 10)
#define CALL_TARGET_MAX ((size_t)4 << 10)
#define CALL_HEADERS_MAX ((size_t)48 << 10)

static const char *const state_names[] = {
#define X(name) [REQUEST_##name] = #name,
    REQUEST_STATES(X)
#undef X
};
_Static_assert(COUNT(state_names) == REQUEST_STATE_COUNT, "every state has a name");

#define TO(state) (1u << REQUEST_##state)

static const unsigned edges[REQUEST_STATE_COUNT] = {
    [REQUEST_AUTHENTICATING] = TO(RECEIVING) | TO(REPLYING) | TO(CLOSED),
    [REQUEST_RECEIVING] =
        TO(LOOKING_UP) | TO(RECORDING) | TO(DISPATCHING) | TO(REPLYING) | TO(CLOSED),
    [REQUEST_LOOKING_UP] =
        TO(RECORDING) | TO(DISPATCHING) | TO(REPLYING) | TO(FINISHING) | TO(CLOSED),
    [REQUEST_RECORDING] = TO(DISPATCHING) | TO(REPLYING) | TO(CLOSED),
    [REQUEST_DISPATCHING] = TO(AWAITING) | TO(REPLYING) | TO(CLOSED),
    [REQUEST_AWAITING] = TO(DISPATCHING) | TO(RELAYING) | TO(SETTLING) | TO(DRAINING) |
                         TO(REPLYING) | TO(FINISHING) | TO(CLOSED),
    [REQUEST_RELAYING] = TO(SETTLING) | TO(DRAINING) | TO(FINISHING) | TO(CLOSED),
    [REQUEST_DRAINING] = TO(SETTLING) | TO(CLOSED),
    [REQUEST_SETTLING] = TO(FINISHING) | TO(CLOSED),
    [REQUEST_REPLYING] = TO(FINISHING) | TO(CLOSED),
    [REQUEST_FINISHING] = TO(CLOSED),
    [REQUEST_CLOSED] = 0,
};

const char *request_state_name(enum request_state state)
{
    return state_names[state];
}

/* --- life ----------------------------------------------------------------------------------------
 */

static void request_unlink(struct request *request)
{
    struct relay *relay = request->relay;
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        relay->requests = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    relay->request_count--;
}

static void request_destroy(struct grave *grave)
{
    struct request *request = CONTAINER_OF(grave, struct request, grave);
    CHECK(request->attempt == NULL && request->fetch == NULL && request->mail_out == 0 &&
          request->exchange == NULL);
    request_unlink(request);
    if (request->tap_open)
        tap_release(&request->tap);
    stream_release_memory(&request->stream);
    vector_text_free(&request->vectors);
    fields_free(&request->fields);
    references_release(&request->references);
    body_release(&request->body);
    client_headers_release(&request->client);
    failure_release(&request->failure);
    buf_release(&request->call_target);
    buf_release(&request->call_headers);
    buf_release(&request->error_body);
    buf_release(&request->answer_headers);
    buf_release(&request->local);
    key_record_drop(store_keyring(request->relay->store), &request->key);
    snapshot_drop(&request->snapshot);
    task_free(&request->task);
    task_submit_free(&request->submission);
    task_replay_free(&request->replay);
    content_renewal_free(&request->renewal);
    kept_film_free(&request->film);
    free(request->subject_text);
    free(request->query);
    free(request->result_url);
    free(request);
}

/* Freed at the end of the turn in which it is closed, all mail is back, and the exchange has let go
 * of it. */
static void request_bury_if_over(struct request *request)
{
    if (request->state != REQUEST_CLOSED || request->mail_out > 0 || request->exchange != NULL)
        return;
    loop_unmark(request->relay->loop, &request->ready);
    loop_bury(request->relay->loop, &request->grave);
}

struct request *request_new(struct relay *relay, const struct module *module, struct str subject,
                            void *exchange, void (*wake)(void *exchange))
{
    struct request *request = calloc(1, sizeof *request);
    if (request == NULL)
        return NULL;
    request->subject_text = str_dup(subject);
    if (request->subject_text == NULL) {
        free(request);
        return NULL;
    }
    request->subject = (struct str){request->subject_text, subject.n};
    request->relay = relay;
    request->module = module;
    request->exchange = exchange;
    request->wake = wake;
    request->snapshot = snapshot_retain(relay->snapshot);
    request->id = ident_next(&relay->idents, clock_wall_ms());
    ident_format(request->id, request->id_text);
    request->created_ms = clock_ms();
    client_headers_init(&request->client);
    request->choices = 1;
    request->answer_bytes = -1;
    request->end = "refused";
    request->ready.run = request_on_ready;
    request->grave.release = request_destroy;
    timer_init(&request->timer, request_on_timer);
    body_init(&request->body, (uint64_t)request->snapshot->settings.server_max_body_json,
              relay->spool_dir, relay->sweeper);
    buf_init(&request->local, LOCAL_BYTES_MAX);
    buf_init(&request->error_body, ERROR_BODY_MAX);
    buf_init(&request->answer_headers, 8192);
    buf_init(&request->call_target, CALL_TARGET_MAX);
    buf_init(&request->call_headers, CALL_HEADERS_MAX);
    references_init(&request->references);
    stream_init(&request->stream, STREAM_EVENT_MAX * 2);
    request->next = relay->requests;
    if (relay->requests != NULL)
        relay->requests->previous = request;
    relay->requests = request;
    relay->request_count++;
    return request;
}

/* One that cost nothing has taken its turn without a hold, which ends here. */
static void end_turn(struct request *request)
{
    struct hold *hold = &request->settle.entry.hold;
    if (!hold->taken)
        book_end_turn(store_book(request->relay->store), &hold->metered, 0);
}

void request_enter(struct request *request, enum request_state state, const char *why)
{
    DCHECK(loop_is_mine(request->relay->loop));
    CHECK((edges[request->state] & (1u << state)) != 0);
    log_write(LOG_DEBUG, "relay", "request %s %s -> %s: %s", request->id_text,
              state_names[request->state], state_names[state], why);
    request->state = state;
    timer_disarm(loop_timers(request->relay->loop), &request->timer);
    if (state == REQUEST_CLOSED) {
        end_turn(request);
        request_bury_if_over(request);
    }
}

void request_wake_exchange(struct request *request)
{
    if (request->exchange != NULL)
        request->wake(request->exchange);
}

/* --- who calls -----------------------------------------------------------------------------------
 */

void request_mail_back(struct request *request)
{
    CHECK(request->mail_out > 0);
    request->mail_out--;
    request_bury_if_over(request);
}

static void key_is_back(struct store_call *call)
{
    struct store_key_get *get = CONTAINER_OF(call, struct store_key_get, call);
    struct request *request = CONTAINER_OF(get, struct request, key_get);
    request->key = get->record;
    get->record = NULL;
    request_mail_back(request);
    if (request->state != REQUEST_CLOSED)
        request_wake_exchange(request);
}

enum fault request_authenticate(struct request *request, const uint8_t hash[SECRET_HASH_SIZE],
                                bool *pending)
{
    *pending = false;
    switch (keyring_find(store_keyring(request->relay->store), hash, &request->key)) {
    case KEYRING_FOUND:
        return FAULT_NONE;
    case KEYRING_UNKNOWN:
        return FAULT_UNKNOWN_TOKEN;
    case KEYRING_MISS:
        break;
    }
    struct store_key_get *get = &request->key_get;
    memcpy(get->hash, hash, sizeof get->hash);
    get->call.reply = loop_mailbox(request->relay->loop);
    get->call.done = key_is_back;
    get->call.deadline_ms = clock_ms() + request->snapshot->settings.server_store_timeout_ms;
    request->mail_out++;
    *pending = true;
    store_key_get(request->relay->store, get);
    return FAULT_NONE;
}

enum fault request_authenticated(struct request *request)
{
    if (request->key != NULL)
        return FAULT_NONE;
    return request->key_get.call.code == STORE_NOTFOUND ? FAULT_UNKNOWN_TOKEN
                                                        : FAULT_STORE_UNAVAILABLE;
}

enum fault request_admit_link(struct request *request)
{
    const struct content_link *link = request->relay->link;
    if (link == NULL || !request->module->linked)
        return FAULT_MISSING_AUTHORIZATION;
    switch (
        content_link_read(link, request->subject_text, str_of(request->query), clock_wall_ms())) {
    case CONTENT_LINK_NONE:
        return FAULT_MISSING_AUTHORIZATION;
    case CONTENT_LINK_OPENS:
        request->by_link = true;
        return FAULT_NONE;
    case CONTENT_LINK_REFUSED:
        break;
    }
    return FAULT_INVALID_LINK;
}

bool request_is_looked_up(const struct request *request)
{
    return request->state == REQUEST_LOOKING_UP && request->looked_up;
}

bool request_is_event_stream(const struct request *request)
{
    return request->tap_open && request->tap.kind == TAP_EVENTS;
}

bool request_flows(const struct request *request)
{
    return request->tap_open && !tap_is_whole(&request->tap);
}

/* --- ends ----------------------------------------------------------------------------------------
 */

/* A log line a failure; its fault's name is what tests and operators look for. */
static void log_failure(const struct request *request)
{
    struct error_told told =
        error_tell(&request->failure, request->snapshot->settings.server_error_dialect);
    log_write(LOG_INFO, "relay", "request %s fault %s status %d%s%s", request->id_text,
              fault_name(request->failure.fault), told.status,
              request->offer != NULL ? " provider " : "",
              request->offer != NULL ? request->offer->provider->name : "");
}

void request_refuse(struct request *request)
{
    CHECK(request->failure.fault != FAULT_NONE);
    log_failure(request);
    task_submit_note(request, FAULT_NONE);
    request_end_attempt(request);
    request_settle(request, false, false);
    body_release(&request->body);
    fields_free(&request->fields);
    if (request->client_gone) { /* a task is made for it all the same */
        request_enter(request, REQUEST_CLOSED, "refused, and nobody to tell");
        return;
    }
    request->answer = ANSWER_FAILURE;
    request_enter(request, REQUEST_REPLYING, fault_name(request->failure.fault));
    request_wake_exchange(request);
}

void request_reply_local(struct request *request)
{
    request->answer = ANSWER_LOCAL;
    request->end = "finished";
    request_enter(request, REQUEST_REPLYING, "local answer");
    request_wake_exchange(request);
}

void request_finished(struct request *request)
{
    request->exchange = NULL;
    if (request->state == REQUEST_RELAYING && request->fetch != NULL)
        content_step(request); /* its last byte may have been faster than its end */
    if (request->state == REQUEST_REPLYING)
        request_enter(request, REQUEST_FINISHING, "handed over");
    if (request->state == REQUEST_FINISHING) {
        request_end_attempt(request);
        request_enter(request, REQUEST_CLOSED, "last byte handed over");
    } else if (request->state == REQUEST_CLOSED) {
        request_bury_if_over(request);
    } else {
        request_client_gone(request, FAULT_CLIENT_CLOSED);
    }
}

/* Nothing has been sent upstream, or nothing may be charged: it is simply over. */
static void drop(struct request *request)
{
    task_submit_note(request, FAULT_NONE);
    request_end_attempt(request);
    request_settle(request, false, false);
    request_enter(request, REQUEST_CLOSED, "client gone");
}

/* The upstream has had the request: what it reports is charged, so it is read on for a while. */
static void drain(struct request *request)
{
    const struct provider *provider = request->offer->provider;
    int64_t limit = request->stream_asked ? provider->drain_ms : provider->whole_timeout_ms;
    stream_release_all(&request->stream);
    stream_skip(&request->stream, stream_ready(&request->stream));
    request->tap.injected_usage = false; /* nobody is left to withhold it from */
    request_enter(request, REQUEST_DRAINING, "client gone");
    if (request->stream_asked || request->module->binary)
        timer_arm(loop_timers(request->relay->loop), &request->timer, clock_ms() + limit);
    loop_mark(request->relay->loop, &request->ready); /* the last word may be here already */
    attempt_resume(request->attempt);
}

void request_client_gone(struct request *request, enum fault why)
{
    request->exchange = NULL;
    if (request->client_gone) {
        request_bury_if_over(request);
        return;
    }
    request->client_gone = true;
    if (request->state != REQUEST_CLOSED && request->state != REQUEST_FINISHING &&
        request->state != REQUEST_SETTLING) {
        request->end = "client_gone";
        if (request->failure.fault == FAULT_NONE)
            failure_set(&request->failure, why, "%s", "");
        log_failure(request);
    }
    switch (request->state) {
    case REQUEST_AUTHENTICATING:
    case REQUEST_RECEIVING:
    case REQUEST_LOOKING_UP:
    case REQUEST_RECORDING:
    case REQUEST_DISPATCHING:
        drop(request);
        break;
    case REQUEST_AWAITING:
    case REQUEST_RELAYING:
        if (request->attempt == NULL || !request->attempt->connected)
            drop(request);
        else if (request->submission == NULL) /* else it is read to its end as if nothing were */
            drain(request);
        break;
    case REQUEST_SETTLING: /* closes when the commit is back */
    case REQUEST_DRAINING:
        break;
    case REQUEST_REPLYING:
    case REQUEST_FINISHING:
        request_end_attempt(request);
        request_enter(request, REQUEST_CLOSED, "client gone");
        break;
    case REQUEST_CLOSED:
        request_bury_if_over(request);
        break;
    case REQUEST_STATE_COUNT:
        CHECK(false);
    }
}
