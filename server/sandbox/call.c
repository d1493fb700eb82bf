#include "server/sandbox/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <time.h>

#include "base/clock.h"
#include "relay/byte_range.h"
#include "server/sandbox/daemon.h"

#define STREAM_BLOCK ((size_t)16 << 10)
#define RETRY_AFTER "1"

bool sandbox_wait(const struct sandbox_call *call, int64_t wait_us)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    CHECK(info != NULL);
    struct pollfd fds[] = {
        {.fd = info->connect_fd, .events = POLLRDHUP},
        {.fd = call->sandbox->stop_fd, .events = POLLIN},
    };
    int64_t end_us = clock_precise_us() + wait_us;
    for (;;) {
        int64_t rest_us = end_us - clock_precise_us();
        if (wait_us >= 0 && rest_us <= 0)
            return true;
        struct timespec rest = {rest_us / 1000000, rest_us % 1000000 * 1000};
        int ready = ppoll(fds, COUNT(fds), wait_us < 0 ? NULL : &rest, NULL);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return false;
    }
}

void sandbox_make_id(const struct sandbox_call *call, const char *prefix, char id[SANDBOX_ID_SIZE])
{
    /* The time of start tells apart the answers of two runs. */
    uint64_t number = atomic_fetch_add(&call->sandbox->answers, 1);
    snprintf(id, SANDBOX_ID_SIZE, "%ssandbox%" PRIx64 "x%" PRIx64, prefix,
             (uint64_t)call->sandbox->started_us, number);
}

int64_t sandbox_now_ms(void)
{
    clock_tick();
    return clock_wall_ms();
}

int64_t sandbox_now(void)
{
    return sandbox_now_ms() / 1000;
}

/* --- sending ------------------------------------------------------------------------------- */

static void queue(struct sandbox_call *call, int status, struct MHD_Response *response)
{
    call->queued = MHD_queue_response(call->connection, (unsigned)status, response) == MHD_YES;
    MHD_destroy_response(response);
}

/* MHD's reader: copies from the current piece, after its wait. */
static ssize_t play(void *context, uint64_t position, char *into, size_t max)
{
    struct sandbox_call *call = context;
    const struct script *script = &call->script;
    if (call->piece == script->n)
        return script->cut ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    const struct script_piece *piece = &script->pieces[call->piece];
    if (!call->waited && piece->wait_us > 0 && !sandbox_wait(call, piece->wait_us))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    call->waited = true;
    size_t n = piece->end - (size_t)position;
    if (n > max)
        n = max;
    memcpy(into, script->bytes.p + position, n);
    if (position + n == piece->end) {
        call->piece++;
        call->waited = false;
    }
    return (ssize_t)n;
}

static void send_script(struct sandbox_call *call, uint64_t size, const char *type)
{
    if (call->script.failed)
        return;
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, STREAM_BLOCK, play, call, NULL);
    if (response == NULL)
        return;
    MHD_add_response_header(response, "content-type", type);
    if (size == MHD_SIZE_UNKNOWN)
        MHD_add_response_header(response, "cache-control", "no-cache");
    queue(call, 200, response);
}

void sandbox_reply_script(struct sandbox_call *call)
{
    send_script(call, MHD_SIZE_UNKNOWN, "text/event-stream; charset=utf-8");
}

void sandbox_reply_bytes(struct sandbox_call *call, const char *type)
{
    send_script(call, MHD_SIZE_UNKNOWN, type);
}

static struct str header_of(const struct sandbox_call *call, const char *name)
{
    return str_of(MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name));
}

void sandbox_reply_file(struct sandbox_call *call, struct buf *file, const char *type,
                        const char *etag)
{
    struct str condition = header_of(call, "if-range");
    bool ranged = condition.n == 0 || str_eq(condition, str_of(etag));
    size_t size = file->n, unused;
    struct byte_range range =
        byte_range_of(ranged ? header_of(call, "range") : STR_EMPTY, (uint64_t)size);
    char shown[80];
    static const int statuses[] = {
        [BYTE_RANGE_WHOLE] = 200, [BYTE_RANGE_PART] = 206, [BYTE_RANGE_NONE] = 416};
    if (range.kind == BYTE_RANGE_PART) {
        buf_remove(file, (size_t)range.to, size - (size_t)range.to);
        buf_consume(file, (size_t)range.from);
        snprintf(shown, sizeof shown, "bytes %" PRIu64 "-%" PRIu64 "/%zu", range.from, range.to - 1,
                 size);
    } else if (range.kind == BYTE_RANGE_NONE) {
        buf_clear(file);
        snprintf(shown, sizeof shown, "bytes */%zu", size);
    }
    size_t n = file->n;
    char *bytes = buf_take(file, &unused);
    struct MHD_Response *response =
        bytes != NULL ? MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
    if (response == NULL) {
        free(bytes);
        return;
    }
    MHD_add_response_header(response, "content-type", type);
    MHD_add_response_header(response, "accept-ranges", "bytes");
    MHD_add_response_header(response, "etag", etag);
    if (range.kind != BYTE_RANGE_WHOLE)
        MHD_add_response_header(response, "content-range", shown);
    queue(call, statuses[range.kind], response);
}

/* Takes `text`. */
static void send_json(struct sandbox_call *call, int status, char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return;
    }
    MHD_add_response_header(response, "content-type", "application/json");
    if (status == 429 || status == 503)
        MHD_add_response_header(response, "retry-after", RETRY_AFTER);
    queue(call, status, response);
}

void sandbox_reply_json(struct sandbox_call *call, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text == NULL)
        return;
    if (call->switches.cut < 0) {
        send_json(call, 200, text);
        return;
    }
    size_t n = strlen(text);
    script_init(&call->script);
    script_add(&call->script, 0, (struct str){text, n / 2});
    call->script.cut = true;
    free(text);
    send_script(call, n, "application/json");
}

static const char *error_type(int status)
{
    if (status == 429)
        return "rate_limit_error";
    return status >= 500 ? "server_error" : "invalid_request_error";
}

void sandbox_reply_error(struct sandbox_call *call, int status, const char *param, const char *code,
                         const char *message)
{
    json_t *json = json_pack("{s:{s:s, s:s, s:s?, s:s?}}", "error", "message", message, "type",
                             error_type(status), "param", param, "code", code);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (text != NULL)
        send_json(call, status, text);
}
