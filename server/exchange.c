#include "server/exchange.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/request.h"
#include "server/http.h"
#include "server/reply.h"
#include "server/respond.h"
#include "server/worker.h"

#define ADMIN_BODY_MAX ((size_t)1 << 20)
#define PREFLIGHT_MAX 2048
#define BODY_BYTES_PER_SECOND                                                                      \
    16384 /* what a slow client must at least send beyond body_timeout                             \
           */

const struct settings *exchange_settings(const struct exchange *x)
{
    return x->request != NULL ? &x->request->snapshot->settings
                              : &x->client->worker->relay.snapshot->settings;
}

/* --- life ----------------------------------------------------------------------------------------
 */

static void exchange_destroy(struct grave *grave)
{
    struct exchange *x = CONTAINER_OF(grave, struct exchange, grave);
    CHECK(x->request == NULL && x->admin_call == NULL);
    failure_release(&x->refused);
    buf_release(&x->preflight);
    buf_release(&x->admin_body);
    free(x->target);
    free(x);
}

static void exchange_step(struct ready *ready);

struct exchange *exchange_new(struct client *client, struct MHD_Connection *connection,
                              const char *target)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->target = str_dup(str_of(target));
    x->target_place = target;
    if (x->target == NULL) {
        free(x);
        return NULL;
    }
    struct relay *relay = &client->worker->relay;
    x->client = client;
    x->connection = connection;
    x->loop = client->worker->loop;
    x->is_admin = client->is_admin;
    x->ready.run = exchange_step;
    x->grave.release = exchange_destroy;
    x->progress_ms = clock_ms();
    buf_init(&x->preflight, PREFLIGHT_MAX);
    buf_init(&x->admin_body, ADMIN_BODY_MAX);
    ident_format(ident_next(&relay->idents, clock_wall_ms()), x->id_text);
    client_arm(client, exchange_settings(x)->server_head_timeout_ms);
    return x;
}

void exchange_end(struct exchange *x)
{
    x->over = true;
    x->client = NULL;
    x->connection = NULL;
    loop_mark(x->loop, &x->ready);
}

int64_t exchange_idle_ms(const struct exchange *x)
{
    return exchange_settings(x)->server_idle_timeout_ms;
}

void exchange_wake(void *exchange)
{
    struct exchange *x = exchange;
    loop_mark(x->loop, &x->ready);
}

void exchange_refuse(struct exchange *x, enum fault fault)
{
    CHECK(x->refused.fault == fault);
    if (x->request == NULL) /* else the request logs it */
        log_write(LOG_INFO, "server", "request %s fault %s status %d", x->id_text,
                  fault_name(fault), reply_status(&x->refused, exchange_settings(x)));
    x->close_after |= reply_closes(&x->refused);
}

void exchange_suspend(struct exchange *x)
{
    MHD_suspend_connection(x->connection);
    x->suspended = true;
}

static void resume(struct exchange *x)
{
    if (!x->suspended)
        return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
    client_kick(x->client);
}

static enum exchange_verdict verdict(bool ok)
{
    return ok ? EXCHANGE_GO_ON : EXCHANGE_CLOSE;
}

/* --- intake --------------------------------------------------------------------------------------
 */

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd dictates the parameters. */
static enum MHD_Result collect_field(void *context, enum MHD_ValueKind kind, const char *name,
                                     size_t name_n, const char *value, size_t value_n)
{
    struct head *head = context;
    (void)kind;
    if (head->count == HEAD_FIELDS_MAX) {
        head->too_many = true;
        return MHD_NO;
    }
    struct head_field *field = &head->fields[head->count++];
    field->name = (struct str){name, name_n};
    field->value = value != NULL ? (struct str){value, value_n} : STR_EMPTY;
    return MHD_YES;
}

/* How long the head was; 0 where the library's version does not leave it as it has read it. */
static size_t head_bytes(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && MHD_get_version()[0] == '0' ? info->header_size : 0;
}

static void collect_head(const struct exchange *x, const char *method, const char *version,
                         struct head *head)
{
    head->method = str_of(method);
    head->version = str_of(version);
    head->target = str_of(x->target);
    head->count = 0;
    head->too_many = false;
    head->target_place = x->target_place;
    head->bytes = head_bytes(x->connection);
    MHD_get_connection_values_n(x->connection, MHD_HEADER_KIND, collect_field, head);
}

static void begin_body(struct exchange *x)
{
    const struct settings *settings = exchange_settings(x);
    x->phase = EXCHANGE_BODY;
    x->body_began_ms = clock_ms();
    client_arm(x->client, x->refused.fault != FAULT_NONE ? settings->server_discard_timeout_ms
                                                         : settings->server_body_timeout_ms);
}

static enum exchange_verdict on_head(struct exchange *x, const char *method, const char *version)
{
    struct head head;
    struct str expect;
    bool pending = false;
    enum fault fault;
    if (respond_is_ready(x)) { /* refused while the store was asked */
        begin_body(x);
        return EXCHANGE_GO_ON;
    }
    collect_head(x, method, version, &head);
    x->http_1_0 = str_eq(head.version, STR("HTTP/1.0"));
    x->is_head = str_eq(head.method, STR("HEAD"));
    x->expects_continue = !x->http_1_0 && head_find(&head, STR("expect"), &expect);
    if (x->phase == EXCHANGE_AUTH)
        fault = admit_key(x, &head);
    else
        fault = x->is_admin ? admin_exchange_head(x, &head) : admit_head(x, &head, &pending);
    if (pending) {
        x->phase = EXCHANGE_AUTH;
        client_disarm(x->client); /* the store has a limit of its own */
        exchange_suspend(x);
        return EXCHANGE_GO_ON;
    }
    if (fault != FAULT_NONE)
        exchange_refuse(x, fault);
    begin_body(x);
    /* The answer waits for the end of the body, or the client, still writing, would never read it.
     * But who asked first (Expect) writes only when told to, and a broken framing has no end. */
    bool at_once = fault != FAULT_NONE &&
                   (x->expects_continue || fault_info(fault)->class_ == FAULT_CLASS_FRAMING);
    x->close_after |= at_once;
    return at_once ? verdict(respond_queue(x)) : EXCHANGE_GO_ON;
}

static void keep_upload(struct exchange *x, struct str upload)
{
    struct request *request = x->request;
    x->body_bytes += upload.n;
    if (respond_is_ready(x))
        return; /* refused: thrown away */
    if (x->is_admin) {
        if (!buf_add_str(&x->admin_body, upload)) {
            failure_set(&x->refused, FAULT_BODY_TOO_LARGE, "%zu", ADMIN_BODY_MAX);
            exchange_refuse(x, FAULT_BODY_TOO_LARGE);
        }
        return;
    }
    if (request->module->body == BODY_KIND_NONE)
        return;
    enum fault fault = FAULT_NONE;
    switch (body_add(&request->body, upload.p, upload.n)) {
    case BODY_OK:
        fields_feed(request->fields, upload.p, upload.n);
        return;
    case BODY_TOO_LARGE:
        fault = FAULT_BODY_TOO_LARGE;
        failure_set(&x->refused, fault, "%llu", (unsigned long long)request->body.max);
        break;
    case BODY_FAILED:
        fault = FAULT_GATEWAY_INTERNAL;
        failure_set(&x->refused, fault, "%s", "");
        break;
    }
    body_release(&request->body);
    exchange_refuse(x, fault);
    client_arm(x->client, exchange_settings(x)->server_discard_timeout_ms);
}

enum exchange_verdict exchange_on_access(struct exchange *x, const char *method,
                                         const char *version, struct str upload)
{
    x->suspended = false;
    if (x->dead)
        return EXCHANGE_CLOSE;
    switch (x->phase) {
    case EXCHANGE_HEAD:
    case EXCHANGE_AUTH:
        return on_head(x, method, version);
    case EXCHANGE_BODY:
        if (upload.n > 0) {
            keep_upload(x, upload);
            return EXCHANGE_GO_ON;
        }
        x->phase = EXCHANGE_WAIT;
        client_disarm(x->client);
        loop_mark(x->loop, &x->ready);
        exchange_suspend(x);
        return EXCHANGE_GO_ON;
    case EXCHANGE_WAIT:
        if (respond_is_ready(x))
            return verdict(respond_queue(x));
        exchange_suspend(x);
        return EXCHANGE_GO_ON;
    case EXCHANGE_SENDING:
        return EXCHANGE_GO_ON;
    }
    return EXCHANGE_CLOSE;
}

/* --- the settle step -----------------------------------------------------------------------------
 */

/* The relay's request is told, and the exchange lets go of it. */
static void part_with_request(struct exchange *x, enum fault why)
{
    struct request *request = x->request;
    x->request = NULL;
    if (request == NULL)
        return;
    if (why == FAULT_NONE)
        request_finished(request);
    else
        request_client_gone(request, why);
}

/* Unless the end of the process has refused it before. */
static void tell_refusal(struct exchange *x)
{
    if (x->refused.fault == FAULT_NONE || x->request == NULL || x->request->answer != ANSWER_NONE)
        return;
    failure_take(&x->request->failure, &x->refused);
    request_refuse(x->request);
}

static void step_over(struct exchange *x)
{
    if (x->admin_call != NULL && !x->admin_done)
        return; /* comes back when the call is done */
    if (x->admin_call != NULL) {
        json_decref(x->admin_call->arguments);
        admin_release(x->admin_call);
        free(x->admin_call);
        x->admin_call = NULL;
    }
    if (!x->begun)
        tell_refusal(x); /* answered at the head */
    part_with_request(x, FAULT_NONE);
    loop_unmark(x->loop, &x->ready);
    loop_bury(x->loop, &x->grave);
}

static void die(struct exchange *x, enum fault why)
{
    x->dead = true;
    client_kill(x->client);
    part_with_request(x, why);
    resume(x);
}

static void step_wait(struct exchange *x)
{
    if (!x->begun) {
        x->begun = true;
        if (respond_is_ready(x))
            tell_refusal(x);
        else if (x->is_admin)
            admin_exchange_begin(x);
        else
            admit_body(x);
    } else if (x->request != NULL && request_is_looked_up(x->request)) {
        admit_looked_up(x);
    }
    if (respond_is_ready(x))
        resume(x);
}

static void step_direct(struct exchange *x)
{
    struct request *request = x->request;
    struct client *client = x->client;
    bool wrote = false;
    enum direct_result result = direct_write(&x->direct, client->fd, &request->stream, &wrote);
    if (wrote)
        x->progress_ms = clock_ms();
    uint32_t events = EPOLLRDHUP | EPOLLET | (result == DIRECT_BLOCKED ? (uint32_t)EPOLLOUT : 0);
    if (client->watch.events != events && !loop_watch(x->loop, &client->watch, client->fd, events))
        result = DIRECT_BROKEN;
    if (result == DIRECT_BROKEN) {
        die(x, FAULT_CLIENT_CLOSED);
        return;
    }
    request_note_room(request);
    if (result == DIRECT_IDLE && request->stream.ended)
        resume(x);
}

static void step_sending(struct exchange *x)
{
    struct request *request = x->request;
    if (!x->streaming || request == NULL)
        return;
    /* An idle reader may have emptied what the upstream waits for: nobody else would say so. */
    request_note_room(request);
    if (!x->reader_idle)
        return;
    bool direct = x->direct.on || (!x->http_1_0 && request_is_event_stream(request) &&
                                   request->snapshot->settings.server_direct);
    x->direct.on = direct;
    if (direct) {
        step_direct(x);
    } else if (stream_ready(&request->stream) > 0 || request->stream.ended) {
        x->reader_idle = false;
        resume(x);
    }
}

static void exchange_step(struct ready *ready)
{
    struct exchange *x = CONTAINER_OF(ready, struct exchange, ready);
    if (x->over) {
        step_over(x);
        return;
    }
    if (x->client->gone && !x->dead) {
        die(x, FAULT_CLIENT_CLOSED);
        return;
    }
    if (x->dead)
        return;
    switch (x->phase) {
    case EXCHANGE_HEAD:
    case EXCHANGE_BODY:
        break;
    case EXCHANGE_AUTH:
        resume(x);
        break;
    case EXCHANGE_WAIT:
        step_wait(x);
        break;
    case EXCHANGE_SENDING:
        step_sending(x);
        break;
    }
}

void exchange_on_client_event(struct exchange *x)
{
    exchange_step(&x->ready);
}

/* --- deadlines -----------------------------------------------------------------------------------
 */

static void body_deadline(struct exchange *x)
{
    const struct settings *settings = exchange_settings(x);
    int64_t allowed =
        settings->server_body_timeout_ms + (int64_t)(x->body_bytes * 1000 / BODY_BYTES_PER_SECOND);
    int64_t left = x->body_began_ms + allowed - clock_ms();
    if (x->refused.fault == FAULT_NONE && left > 0)
        client_arm(x->client, left);
    else
        die(x, FAULT_BODY_TIMEOUT);
}

static void stall_deadline(struct exchange *x)
{
    const struct settings *settings = exchange_settings(x);
    int64_t limit = settings->server_stall_timeout_ms;
    int64_t silent = clock_ms() - x->progress_ms;
    bool waits_for_client = !x->streaming || x->request == NULL ||
                            stream_ready(&x->request->stream) > 0 || x->request->stream.ended;
    if (waits_for_client && silent >= limit) {
        die(x, FAULT_CLIENT_STALLED);
        return;
    }
    int64_t keep_alive = x->streaming ? settings->server_sse_keepalive_ms : 0;
    if (!waits_for_client && keep_alive > 0 && silent >= keep_alive) {
        request_keep_alive(x->request);
        loop_mark(x->loop, &x->ready);
        x->progress_ms = clock_ms();
        silent = 0;
    }
    int64_t next = waits_for_client ? limit - silent : limit;
    client_arm(x->client,
               keep_alive > 0 && keep_alive - silent < next ? keep_alive - silent : next);
}

void exchange_on_deadline(struct exchange *x)
{
    if (x->dead)
        return;
    switch (x->phase) {
    case EXCHANGE_HEAD:
        client_kill(x->client);
        break;
    case EXCHANGE_BODY:
        body_deadline(x);
        break;
    case EXCHANGE_SENDING:
        stall_deadline(x);
        break;
    case EXCHANGE_AUTH:
    case EXCHANGE_WAIT:
        break;
    }
}
