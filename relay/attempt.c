#include "relay/attempt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/address.h"
#include "relay/attempt_curl.h"
#include "relay/engine.h"
#include "relay/headers.h"

#define FLAT_MAX ((size_t)64 << 10) /* a smaller body is sent from one piece of memory */
#define HEAD_BYTES_MAX ((size_t)32 << 10)
#define HEAD_LINES_MAX 200
#define TIMER_SLACK_MS 5
/* What libcurl reads at once: a stream keeps its buffer for as long as it lasts. */
#define STREAM_READ 4096L
#define WHOLE_READ 65536L

static struct timers *attempt_timers(struct attempt *attempt)
{
    return loop_timers(engine_loop(attempt->engine));
}

/* --- libcurl's callbacks: copy and mark ----------------------------------------------------------
 */

static bool name_is(struct str line, const char *name, struct str *value)
{
    size_t colon = str_index(line, ':');
    if (colon == line.n || !str_eq_nocase(str_slice(line, 0, colon), str_of(name)))
        return false;
    *value = str_trim(str_from(line, colon + 1));
    return true;
}

static void keep(char *room, size_t size, struct str value)
{
    size_t n = value.n < size - 1 ? value.n : size - 1;
    memcpy(room, value.p, n);
    room[n] = '\0';
}

static bool take_header(struct attempt_head *head, struct str line, bool file)
{
    struct str value;
    if (name_is(line, "content-type", &value)) {
        if (headers_value_ok(value))
            keep(head->content_type, sizeof head->content_type, value);
        return true;
    }
    if (name_is(line, "retry-after", &value))
        keep(head->retry_after, sizeof head->retry_after, value);
    else if (name_is(line, "retry-after-ms", &value))
        keep(head->retry_after_ms, sizeof head->retry_after_ms, value);
    else if (name_is(line, "x-ratelimit-reset-requests", &value))
        keep(head->reset_requests, sizeof head->reset_requests, value);
    else if (name_is(line, "x-ratelimit-reset-tokens", &value))
        keep(head->reset_tokens, sizeof head->reset_tokens, value);
    else if (name_is(line, "x-request-id", &value))
        keep(head->request_id, sizeof head->request_id, value);
    size_t colon = str_index(line, ':');
    if (colon == line.n || !headers_pass_down(str_slice(line, 0, colon), file))
        return true;
    value = str_trim(str_from(line, colon + 1));
    if (value.n == 0 || !headers_value_ok(value))
        return true;
    return buf_add_str(&head->pass, str_slice(line, 0, colon)) && buf_add(&head->pass, ": ", 2) &&
           buf_add_str(&head->pass, value) && buf_add_char(&head->pass, '\n');
}

static size_t on_header(char *p, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    size_t n = size * count;
    if (attempt->head_done)
        return n; /* trailers */
    attempt->head_bytes += n;
    attempt->head_lines++;
    if (attempt->head_bytes > HEAD_BYTES_MAX || attempt->head_lines > HEAD_LINES_MAX)
        return 0;
    struct str line = {p, n};
    while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
        line.n--;
    if (line.n > 0 && !str_starts(line, STR("HTTP/")))
        return take_header(&attempt->head, line, attempt->call.file) ? n : 0;
    if (line.n > 0)
        return n;
    long status = 0;
    curl_easy_getinfo(attempt->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200) {
        attempt->head.status = (int)status;
        attempt->head_done = true;
        attempt->last_byte_ms = clock_ms();
        attempt->sink.changed(attempt->sink.context);
    } else { /* an interim head: what it said is void */
        buf_clear(&attempt->head.pass);
        attempt->head.content_type[0] = '\0';
    }
    return n;
}

static size_t on_body(char *p, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    size_t n = size * count;
    attempt->last_byte_ms = clock_ms();
    if (!attempt->sink.body(attempt->sink.context, p, n)) {
        attempt->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    attempt->body_bytes += n;
    return n;
}

static size_t on_read(char *into, size_t size, size_t count, void *context)
{
    struct attempt *attempt = context;
    size_t got = 0;
    if (!body_read(attempt->call.body, &attempt->cursor, into, size * count, &got))
        return CURL_READFUNC_ABORT;
    return got;
}

/* libcurl sends a POST again by itself when a pooled connection dies before the first byte of the
 * answer.  Whether it may be sent again is not libcurl's to say: neither rewind the body ... */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    (void)context;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

/* ... nor start a second send. */
static int on_prereq(void *context, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    struct attempt *attempt = context;
    attempt->connected = true;
    return attempt->sends++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct attempt *attempt = context;
    bool open_to_private =
        attempt->call.provider->allow_private || provider_is_sandbox(attempt->call.provider);
    if (!open_to_private && !address_is_public(&address->addr)) {
        log_write(LOG_WARNING, "relay",
                  "provider %s: its address is private; allow_private = on permits that",
                  attempt->call.provider->name);
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd >= 0)
        engine_note_socket(attempt->engine, fd);
    return fd;
}

static int on_close(void *context, curl_socket_t fd)
{
    engine_close_socket(context, fd);
    return 0;
}

/* --- configuration -------------------------------------------------------------------------------
 */

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

bool attempt_configure(void *handle, struct engine *engine, void *share)
{
    CURL *easy = handle;
    return SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_TCP_NODELAY, 1L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_NOPROXY, "*") && SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           /* One hanging DNS answer would otherwise stall the loop until it comes. */
           SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_MAXAGE_CONN, 30L) &&
           /* Asks for no encoding and still decodes an answer that has one. */
           SET(CURLOPT_ACCEPT_ENCODING, "identity") && SET(CURLOPT_SHARE, (CURLSH *)share) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L) && SET(CURLOPT_UPLOAD_BUFFERSIZE, 65536L) &&
           SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_HEADERFUNCTION, on_header) &&
           SET(CURLOPT_READFUNCTION, on_read) && SET(CURLOPT_SEEKFUNCTION, on_seek) &&
           SET(CURLOPT_PREREQFUNCTION, on_prereq) && SET(CURLOPT_OPENSOCKETFUNCTION, on_open) &&
           SET(CURLOPT_CLOSESOCKETFUNCTION, on_close) && SET(CURLOPT_CLOSESOCKETDATA, engine);
}

static bool set_body(struct attempt *attempt, CURL *easy)
{
    const struct body *body = attempt->call.body;
    if (body == NULL)
        return SET(CURLOPT_HTTPGET, 1L);
    uint64_t size = body_size(body);
    if (size > FLAT_MAX)
        return SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDS, (void *)NULL) &&
               SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size) && SET(CURLOPT_READDATA, attempt);
    struct body_cursor cursor = {0};
    size_t got = 0;
    attempt->flat = malloc((size_t)size + 1);
    return attempt->flat != NULL && body_read(body, &cursor, attempt->flat, (size_t)size, &got) &&
           got == size && SET(CURLOPT_POST, 1L) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size) &&
           SET(CURLOPT_POSTFIELDS, attempt->flat);
}

static bool set_call(struct attempt *attempt)
{
    CURL *easy = attempt->easy;
    const struct provider *provider = attempt->call.provider;
    const char *base =
        provider_is_sandbox(provider) ? engine_sandbox_url(attempt->engine) : provider->base_url;
    if (base == NULL)
        return false;
    attempt->prepared =
        engine_prepare(attempt->engine, base, attempt->call.path, attempt->call.headers);
    return attempt->prepared != NULL && set_body(attempt, easy) &&
           SET(CURLOPT_CURLU, prepared_url(attempt->prepared)) &&
           SET(CURLOPT_HTTPHEADER, prepared_headers(attempt->prepared)) &&
           SET(CURLOPT_WRITEDATA, attempt) && SET(CURLOPT_HEADERDATA, attempt) &&
           SET(CURLOPT_PREREQDATA, attempt) && SET(CURLOPT_OPENSOCKETDATA, attempt) &&
           SET(CURLOPT_SEEKDATA, attempt) && SET(CURLOPT_PRIVATE, attempt) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)provider->connect_timeout_ms) &&
           SET(CURLOPT_BUFFERSIZE, attempt->call.stream ? STREAM_READ : WHOLE_READ) &&
           SET(CURLOPT_FRESH_CONNECT, attempt->call.fresh_connect ? 1L : 0L);
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
    attempt->end = attempt->connected ? ATTEMPT_TIMEOUT : ATTEMPT_CONNECT_TIMEOUT;
    attempt->sink.changed(attempt->sink.context);
}

void attempt_note_first(struct attempt *attempt)
{
    attempt->first_noted = true;
}

/* --- life ----------------------------------------------------------------------------------------
 */

enum fault attempt_start(struct attempt **out, struct engine *engine, const struct call *call,
                         const struct sink *sink)
{
    struct attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL)
        return FAULT_GATEWAY_MEMORY;
    attempt->engine = engine;
    attempt->call = *call;
    attempt->sink = *sink;
    attempt->started_ms = attempt->last_byte_ms = clock_ms();
    buf_init(&attempt->head.pass, 8192);
    timer_init(&attempt->timer, attempt_on_timer);
    attempt->easy = engine_take_easy(engine);
    if (attempt->easy == NULL || !set_call(attempt) || !engine_add(engine, attempt))
        goto fail;
    int64_t first_look = attempt_deadline(attempt);
    earlier(&first_look, attempt->started_ms + call->idle_ms);
    timer_arm(attempt_timers(attempt), &attempt->timer, first_look);
    *out = attempt;
    return FAULT_NONE;
fail:
    attempt_free(&attempt);
    return FAULT_GATEWAY_MEMORY;
}

void attempt_free(struct attempt **attempt)
{
    struct attempt *a = *attempt;
    if (a == NULL)
        return;
    timer_disarm(attempt_timers(a), &a->timer);
    engine_remove(a->engine, a);
    if (a->easy != NULL)
        engine_give_easy(a->engine, a->easy, a->end == ATTEMPT_COMPLETE);
    engine_unprepare(a->engine, &a->prepared);
    free(a->flat);
    buf_release(&a->head.pass);
    free(a);
    *attempt = NULL;
}

void attempt_resume(struct attempt *attempt)
{
    if (!attempt->paused)
        return;
    attempt->paused = false;
    attempt->last_byte_ms = clock_ms();
    curl_easy_pause(attempt->easy, CURLPAUSE_CONT);
}

static enum attempt_end end_of_code(const struct attempt *attempt, CURLcode code)
{
    long os_error = 0;
    switch ((int)code) {
    case CURLE_OK:
        return ATTEMPT_COMPLETE;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return ATTEMPT_UNREACHABLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ATTEMPT_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return attempt->connected ? ATTEMPT_TIMEOUT : ATTEMPT_CONNECT_TIMEOUT;
    case CURLE_RECV_ERROR:
        /* The same code stands for a reset and for a malformed chunk. */
        curl_easy_getinfo(attempt->easy, CURLINFO_OS_ERRNO, &os_error);
        return attempt->head_done && os_error != ECONNRESET ? ATTEMPT_INVALID
                                                            : ATTEMPT_DISCONNECTED;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_PARTIAL_FILE:
        return attempt->connected ? ATTEMPT_DISCONNECTED : ATTEMPT_UNREACHABLE;
    case CURLE_OUT_OF_MEMORY:
        return ATTEMPT_FAILED;
    default:
        return ATTEMPT_INVALID;
    }
}

void attempt_finish(struct attempt *attempt, int code)
{
    long made = 0;
    curl_easy_getinfo(attempt->easy, CURLINFO_NUM_CONNECTS, &made);
    attempt->reused = made == 0;
    if (attempt->end == ATTEMPT_RUNNING)
        attempt->end = end_of_code(attempt, (CURLcode)code);
    attempt->sink.changed(attempt->sink.context);
}
