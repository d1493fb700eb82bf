#include "server/respond.h"

#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/clock.h"
#include "relay/allowance.h"
#include "relay/request.h"
#include "server/cors.h"
#include "server/http.h"
#include "server/reply.h"
#include "server/worker.h"

#define HEADER_LINE_MAX 8192
#define WHOLE_AT_ONCE ((size_t)64 << 10) /* a longer answer is pulled, so that progress shows */
#define BLOCK_KNOWN ((size_t)128 << 10)
#define BLOCK_CLOSED ((size_t)32 << 10) /* to HTTP/1.0, ended by closing */
#define BLOCK_CHUNKED ((size_t)512)     /* never used: chunks are made in the connection's memory */

/* --- the response --------------------------------------------------------------------------------
 */

static bool add_header_line(struct MHD_Response *response, struct str line)
{
    char text[HEADER_LINE_MAX];
    size_t colon = str_index(line, ':');
    if (line.n == 0)
        return true;
    if (colon == line.n || line.n >= sizeof text)
        return false;
    struct str value = str_trim(str_from(line, colon + 1));
    memcpy(text, line.p, line.n);
    text[colon] = '\0';
    char *value_text = text + (value.p - line.p);
    value_text[value.n] = '\0';
    return MHD_add_response_header(response, text, value_text) == MHD_YES;
}

static bool add_header_lines(struct MHD_Response *response, struct str lines)
{
    struct str line;
    while (str_cut(&lines, '\n', &line)) {
        if (!add_header_line(response, line))
            return false;
    }
    return true;
}

static const char *id_of(const struct exchange *x)
{
    return x->request != NULL ? x->request->id_text : x->id_text;
}

static bool add_cors(const struct exchange *x, struct MHD_Response *response)
{
    struct buf lines;
    if (x->is_admin || !exchange_settings(x)->server_cors)
        return true;
    buf_init(&lines, 1024);
    bool ok = cors_answer(&lines) && add_header_lines(response, buf_str(&lines));
    buf_release(&lines);
    return ok;
}

/* What its limits leave to the caller, once they have been asked. */
static bool add_allowances(const struct exchange *x, struct buf *lines)
{
    return x->request == NULL || allowances_write(&x->request->allowances, lines);
}

/* What the answer cost, in USD: once it is charged, so never of one that flows. */
static bool add_cost(const struct exchange *x, struct buf *lines)
{
    const struct request *request = x->request;
    char cost[USD_TEXT_SIZE];
    if (!request->settled || !request->admitted || !exchange_settings(x)->server_cost_header)
        return true;
    usd_format(request->settle.entry.charge_nusd, cost);
    return buf_addf(lines, "x-gateway-cost: %s\n", cost);
}

/* Queues the response and gives it up; false when libmicrohttpd refuses. */
static bool queue(struct exchange *x, int status, struct MHD_Response *response, struct str lines)
{
    if (response == NULL)
        return false;
    bool ok = add_header_lines(response, lines) && add_cors(x, response) &&
              MHD_add_response_header(response, "x-request-id", id_of(x)) == MHD_YES;
    if (ok && (x->close_after || x->client->worker->draining))
        ok = MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    ok = ok && MHD_queue_response(x->connection, (unsigned)status, response) == MHD_YES;
    MHD_destroy_response(response);
    x->phase = EXCHANGE_SENDING;
    x->progress_ms = clock_ms();
    int64_t limit = exchange_settings(x)->server_stall_timeout_ms;
    int64_t keep_alive = exchange_settings(x)->server_sse_keepalive_ms;
    client_arm(x->client, keep_alive > 0 && keep_alive < limit ? keep_alive : limit);
    return ok;
}

static bool queue_text(struct exchange *x, int status, struct buf *body, struct str lines)
{
    size_t n = 0;
    char *bytes = buf_take(body, &n);
    if (bytes == NULL)
        return false;
    return queue(x, status, MHD_create_response_from_buffer_with_free_callback(n, bytes, free),
                 lines);
}

static bool queue_failure(struct exchange *x, const struct failure *failure)
{
    struct buf body, lines;
    buf_init(&body, (size_t)64 << 10);
    buf_init(&lines, 1024);
    bool beside = x->request != NULL && x->request->module->message_in_errors;
    x->close_after |= reply_closes(failure);
    bool ok = reply_body(failure, exchange_settings(x), id_of(x), beside, &body) &&
              buf_add_str(&lines, STR("Content-Type: application/json\n")) &&
              reply_headers(failure, &lines) && add_allowances(x, &lines) &&
              queue_text(x, reply_status(failure, exchange_settings(x)), &body, buf_str(&lines));
    buf_release(&body);
    buf_release(&lines);
    return ok;
}

static ssize_t on_pull(void *context, uint64_t position, char *into, size_t max)
{
    struct exchange *x = context;
    (void)position;
    if (x->dead || x->request == NULL)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    struct stream *stream = &x->request->stream;
    size_t n = stream_pull(stream, into, max);
    loop_mark(x->loop, &x->ready);
    if (n > 0) {
        x->progress_ms = clock_ms();
        return (ssize_t)n;
    }
    if (stream->aborted) {
        /* libmicrohttpd closes the connection in its next run only. */
        client_kick(x->client);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (stream->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    x->reader_idle = true;
    exchange_suspend(x);
    return 0;
}

static bool queue_answer_head(const struct request *request, struct buf *lines)
{
    struct str passed = buf_str(&request->answer_headers);
    bool ok =
        buf_addf(lines, "Content-Type: %s\n",
                 request->content_type[0] != '\0' ? request->content_type : "application/json") &&
        buf_add_str(lines, passed);
    if (ok && request_is_event_stream(request))
        ok = buf_add_str(lines, STR("Cache-Control: no-cache\n"));
    if (ok && request_flows(request))
        ok = buf_add_str(lines, STR("X-Accel-Buffering: no\n"));
    return ok;
}

static bool queue_stream(struct exchange *x)
{
    struct request *request = x->request;
    struct stream *stream = &request->stream;
    bool whole = request->answer == ANSWER_WHOLE;
    bool known = whole || request->answer_bytes >= 0;
    int status = request->answer_status != 0 ? request->answer_status : 200;
    struct buf lines;
    buf_init(&lines, 16384);
    bool ok = queue_answer_head(request, &lines) && add_allowances(x, &lines) &&
              (!whole || add_cost(x, &lines));
    if (ok && whole && stream_ready(stream) <= WHOLE_AT_ONCE) {
        ok = queue_text(x, status, &stream->bytes, buf_str(&lines));
        stream->pulled = stream->released;
        stream->head = 0;
    } else if (ok) {
        size_t block = known ? BLOCK_KNOWN : x->http_1_0 ? BLOCK_CLOSED : BLOCK_CHUNKED;
        uint64_t size = whole   ? stream_ready(stream)
                        : known ? (uint64_t)request->answer_bytes
                                : MHD_SIZE_UNKNOWN;
        x->streaming = true;
        ok = queue(x, status, MHD_create_response_from_callback(size, block, on_pull, x, NULL),
                   buf_str(&lines));
    }
    buf_release(&lines);
    return ok;
}

static bool queue_local(struct exchange *x)
{
    struct buf lines;
    buf_init(&lines, 16384);
    bool ok = buf_add_str(&lines, STR("Content-Type: application/json\n")) &&
              buf_add_str(&lines, buf_str(&x->request->answer_headers)) &&
              add_allowances(x, &lines) && add_cost(x, &lines) &&
              queue_text(x, 200, &x->request->local, buf_str(&lines));
    buf_release(&lines);
    return ok;
}

static bool queue_admin(struct exchange *x)
{
    struct buf body;
    int status = 500;
    buf_init(&body, (size_t)64 << 20);
    bool ok = admin_http_body(x->admin_call, &status, &body) &&
              queue_text(x, status, &body, STR("Content-Type: application/json\n"));
    buf_release(&body);
    return ok;
}

static bool queue_preflight(struct exchange *x)
{
    return queue(x, 204, MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT),
                 buf_str(&x->preflight));
}

bool respond_is_ready(const struct exchange *x)
{
    if (x->refused.fault != FAULT_NONE || x->admin_done || x->preflight.n > 0)
        return true;
    return x->request != NULL && x->request->answer != ANSWER_NONE;
}

bool respond_queue(struct exchange *x)
{
    if (x->refused.fault != FAULT_NONE)
        return queue_failure(x, &x->refused);
    if (x->admin_done)
        return queue_admin(x);
    if (x->preflight.n > 0)
        return queue_preflight(x);
    switch (x->request->answer) {
    case ANSWER_FAILURE:
        return queue_failure(x, &x->request->failure);
    case ANSWER_LOCAL:
        return queue_local(x);
    case ANSWER_WHOLE:
    case ANSWER_STREAM:
        return queue_stream(x);
    case ANSWER_NONE:
        break;
    }
    return false;
}
