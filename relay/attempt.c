#include "relay/attempt.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "relay/engine.h"

#define TIMER_SLACK_MS 5
/* A stream reads less at once, so that one does not keep the others waiting. */
#define STREAM_READ ((size_t)16 << 10)

static struct timers *attempt_timers(struct attempt *attempt)
{
    return loop_timers(attempt->engine->loop);
}

static void tell(struct attempt *attempt)
{
    attempt->sink.changed(attempt->sink.context);
}

/* --- the end -------------------------------------------------------------------------------------
 */

static void finish(struct attempt *attempt, enum attempt_end end)
{
    bool reusable = end == ATTEMPT_COMPLETE && !attempt->sending && !attempt->send_failed &&
                    attempt->incoming.answer.may_go_on;
    if (attempt->end == ATTEMPT_RUNNING)
        attempt->end = end;
    if (reusable && !attempt->call.foreign)
        pool_give(&attempt->engine->pool, &attempt->conn);
    else
        conn_close(&attempt->conn);
    tell(attempt);
}

/* What the socket is watched for.  Nothing while the sink has no room: a peer that has gone would
 * be told again and again. */
static void watch(struct attempt *attempt)
{
    if (attempt->conn == NULL)
        return;
    uint32_t events =
        (attempt->paused ? 0 : (uint32_t)EPOLLIN) | (attempt->sending ? (uint32_t)EPOLLOUT : 0);
    if (!conn_want(attempt->conn, events))
        finish(attempt, ATTEMPT_FAILED);
}

/* --- the answer ----------------------------------------------------------------------------------
 */

static bool on_field(void *context, struct str name, struct str value)
{
    struct attempt *attempt = context;
    return attempt_head_take(&attempt->head, name, value, attempt->call.file);
}

static void on_head(void *context, int status)
{
    struct attempt *attempt = context;
    attempt->head.status = status;
    attempt->head.length = incoming_length(&attempt->incoming);
    attempt->head_done = true;
    attempt->head_ms = clock_ms();
    tell(attempt);
}

static bool on_body(void *context, struct str piece)
{
    struct attempt *attempt = context;
    attempt->paused = !attempt->sink.body(attempt->sink.context, piece.p, piece.n);
    return !attempt->paused;
}

static void take(struct attempt *attempt, enum incoming_result result)
{
    attempt->head_bytes = attempt->incoming.answer.head_bytes;
    switch (result) {
    case INCOMING_MORE:
    case INCOMING_FULL:
        break;
    case INCOMING_LATER:
        attempt->is_behind = true;
        conn_read_on(attempt->conn);
        break;
    case INCOMING_END:
        finish(attempt, ATTEMPT_COMPLETE);
        break;
    case INCOMING_CUT:
        finish(attempt, ATTEMPT_DISCONNECTED);
        break;
    case INCOMING_INVALID:
        finish(attempt, ATTEMPT_INVALID);
        break;
    case INCOMING_NO_MEMORY:
        finish(attempt, ATTEMPT_FAILED);
        break;
    }
}

/* Reads once; over TLS until nothing is left, for what TLS has already decrypted is no event.
 * Either has an end for this turn. */
static void receive(struct attempt *attempt)
{
    struct conn *conn = attempt->conn;
    bool tls = conn->origin->is_tls;
    size_t size = attempt->call.stream ? STREAM_READ : ENGINE_READ_BYTES;
    char *room = attempt->engine->read_room;
    for (size_t got, total = 0; total < ENGINE_READ_BYTES; total += got) {
        switch (conn_recv(conn, room, size, &got)) {
        case CONN_AGAIN:
            return;
        case CONN_EOF:
            take(attempt, attempt->send_failed ? INCOMING_CUT : incoming_eof(&attempt->incoming));
            return;
        case CONN_BROKEN:
            take(attempt, INCOMING_CUT);
            return;
        case CONN_OK:
            break;
        }
        attempt->last_byte_ms = clock_ms();
        take(attempt, incoming_feed(&attempt->incoming, (struct str){room, got}));
        if (!tls || attempt->paused || attempt->is_behind || attempt->conn == NULL)
            return;
    }
    conn_read_on(conn);
}

/* With what was read before. */
static void catch_up(struct attempt *attempt)
{
    attempt->is_behind = false;
    attempt->last_byte_ms = clock_ms();
    take(attempt, incoming_resume(&attempt->incoming));
}

/* --- the connection ------------------------------------------------------------------------------
 */

/* What cannot be sent any more may still be answered: the rest is to be read. */
static void send_on(struct attempt *attempt)
{
    enum conn_io io = outgoing_send(&attempt->outgoing, attempt->conn);
    attempt->sending = io == CONN_AGAIN;
    attempt->send_failed = io == CONN_BROKEN;
    if (io == CONN_EOF)
        finish(attempt, ATTEMPT_FAILED);
}

static void begin_to_send(struct attempt *attempt)
{
    attempt->connected = true;
    attempt->sending = true;
    send_on(attempt);
    watch(attempt);
}

static void on_opened(void *context, enum dial_end end)
{
    struct attempt *attempt = context;
    if (attempt->end != ATTEMPT_RUNNING)
        return;
    switch (end) {
    case DIAL_OPEN:
        begin_to_send(attempt);
        break;
    case DIAL_UNREACHABLE:
        finish(attempt, ATTEMPT_UNREACHABLE);
        break;
    case DIAL_TLS:
        finish(attempt, ATTEMPT_TLS);
        break;
    case DIAL_TIMEOUT:
        finish(attempt, ATTEMPT_CONNECT_TIMEOUT);
        break;
    case DIAL_FAILED:
        finish(attempt, ATTEMPT_FAILED);
        break;
    }
}

static void on_ready(void *context, uint32_t events)
{
    struct attempt *attempt = context;
    if (attempt->end != ATTEMPT_RUNNING) { /* over time: it only waits to be freed */
        conn_close(&attempt->conn);
        return;
    }
    if (attempt->sending && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
        send_on(attempt);
    if (attempt->conn != NULL && attempt->is_behind)
        catch_up(attempt);
    else if (attempt->conn != NULL && !attempt->paused &&
             (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        receive(attempt);
    watch(attempt);
}

void attempt_resume(struct attempt *attempt)
{
    if (!attempt->paused)
        return;
    attempt->paused = false;
    if (attempt->end != ATTEMPT_RUNNING)
        return;
    catch_up(attempt);
    watch(attempt);
    if (attempt->conn != NULL && !attempt->paused && attempt->conn->origin->is_tls)
        conn_read_on(attempt->conn);
}

bool attempt_has_read_body(const struct attempt *attempt)
{
    return attempt->outgoing.body == NULL;
}

/* --- limits of time ------------------------------------------------------------------------------
 */

static void earlier(int64_t *deadline, int64_t candidate)
{
    if (candidate < *deadline)
        *deadline = candidate;
}

/* When the first limit that applies now will pass; INT64_MAX for none. */
static int64_t attempt_deadline(const struct attempt *attempt)
{
    const struct call *call = &attempt->call;
    int64_t deadline = INT64_MAX;
    if (call->whole_ms > 0)
        earlier(&deadline, attempt->started_ms + call->whole_ms);
    if (!attempt->first_noted && call->first_ms > 0)
        earlier(&deadline, attempt->started_ms + call->first_ms);
    if (attempt->head_done && !attempt->paused && call->idle_ms > 0)
        earlier(&deadline, attempt->last_byte_ms + call->idle_ms);
    return deadline;
}

/* Bytes only move last_byte_ms; the timer looks again when it fires. */
static void attempt_on_timer(struct timer *timer)
{
    struct attempt *attempt = CONTAINER_OF(timer, struct attempt, timer);
    int64_t deadline = attempt_deadline(attempt);
    if (deadline > clock_ms()) {
        int64_t look_again = clock_ms() + attempt->call.idle_ms + TIMER_SLACK_MS;
        timer_arm(attempt_timers(attempt), timer, deadline < look_again ? deadline : look_again);
        return;
    }
    finish(attempt, attempt->connected ? ATTEMPT_TIMEOUT : ATTEMPT_CONNECT_TIMEOUT);
}

void attempt_note_first(struct attempt *attempt)
{
    attempt->first_noted = true;
}

/* --- life ----------------------------------------------------------------------------------------
 */

const char *attempt_own_base(const struct engine *engine, const struct provider *provider)
{
    return provider_is_sandbox(provider) ? engine->sandbox_url : provider->base_url;
}

static enum origin_reach reach_of(const struct call *call)
{
    if (call->foreign)
        return REACH_LISTED;
    return provider_is_sandbox(call->provider) || call->provider->allow_private ? REACH_ANY
                                                                                : REACH_PUBLIC;
}

/* Over an idle connection the request goes out at once. */
static bool connect_and_send(struct attempt *attempt)
{
    struct engine *engine = attempt->engine;
    const struct call *call = &attempt->call;
    const char *base = call->base_url;
    if (base == NULL)
        base = attempt_own_base(engine, call->provider);
    const struct conn_user user = {.opened = on_opened, .ready = on_ready, .context = attempt};
    struct origin *origin =
        base != NULL ? origins_get(&engine->origins, base, reach_of(call)) : NULL;
    if (origin == NULL)
        return false;
    bool ok = outgoing_init(&attempt->outgoing, origin, call->path, call->headers, call->body);
    if (ok && !call->fresh_connect && !call->foreign)
        attempt->conn = pool_take(&engine->pool, origin);
    attempt->reused = attempt->conn != NULL;
    if (attempt->reused) {
        attempt->conn->user = user;
        begin_to_send(attempt);
    } else if (ok) {
        attempt->conn = conn_open(engine, origin, call->provider, &user);
    }
    origin_drop(&origin);
    return ok && (attempt->conn != NULL || attempt->end != ATTEMPT_RUNNING);
}

enum fault attempt_start(struct attempt **out, struct engine *engine, const struct call *call,
                         const struct sink *sink)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL)
        return FAULT_GATEWAY_MEMORY;
    const struct incoming_user user = {
        .field = on_field, .head = on_head, .body = on_body, .context = attempt};
    attempt->engine = engine;
    engine->attempts++;
    attempt->call = *call;
    attempt->sink = *sink;
    attempt->started_ms = attempt->last_byte_ms = clock_ms();
    attempt_head_init(&attempt->head);
    incoming_init(&attempt->incoming, &user);
    timer_init(&attempt->timer, attempt_on_timer);
    if (!connect_and_send(attempt)) {
        attempt_free(&attempt);
        return FAULT_GATEWAY_MEMORY;
    }
    int64_t first_look = attempt_deadline(attempt);
    earlier(&first_look, attempt->started_ms + call->idle_ms);
    timer_arm(attempt_timers(attempt), &attempt->timer, first_look);
    *out = attempt;
    return FAULT_NONE;
}

void attempt_free(struct attempt **attempt)
{
    struct attempt *a = *attempt;
    if (a == NULL)
        return;
    timer_disarm(attempt_timers(a), &a->timer);
    conn_close(&a->conn);
    outgoing_release(&a->outgoing);
    incoming_release(&a->incoming);
    attempt_head_release(&a->head);
    a->engine->attempts--;
    free(a);
    *attempt = NULL;
}
