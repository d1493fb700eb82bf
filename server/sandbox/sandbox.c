#include "server/sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/sandbox/call.h"
#include "server/sandbox/chat.h"
#include "server/sandbox/completions.h"
#include "server/sandbox/daemon.h"
#include "server/sandbox/embeddings.h"
#include "server/sandbox/images.h"
#include "server/sandbox/models.h"
#include "server/sandbox/moderations.h"
#include "server/sandbox/rerank.h"
#include "server/sandbox/responses.h"
#include "server/sandbox/speech.h"
#include "server/sandbox/transcriptions.h"
#include "server/sandbox/videos.h"

#define CONNECTIONS_MAX 4096
/* jansson recurses up to 2,048 levels into a body. */
#define THREAD_STACK_BYTES ((size_t)1 << 20)
/* Longer than any wait that a switch can ask for: MHD counts those as idle. */
#define IDLE_SECONDS 900

struct route {
    const char *method;
    const char *path; /* '*' stands for any text */
    void (*answer)(struct sandbox_call *call);
    unsigned takes; /* bodies; 0 = none is read */
};

#define TAKES_JSON 1u
#define TAKES_FORM 2u
#define HAS_MODEL 4u

static const struct route routes[] = {
    {"GET", "/v1/models", sandbox_models_list, 0},
    {"GET", "/v1/models/*", sandbox_models_get, 0},
    {"POST", "/v1/audio/speech", sandbox_speech_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/audio/transcriptions", sandbox_transcriptions_create, TAKES_FORM | HAS_MODEL},
    {"POST", "/v1/audio/translations", sandbox_translations_create, TAKES_FORM | HAS_MODEL},
    {"POST", "/v1/chat/completions", sandbox_chat_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/completions", sandbox_completions_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/embeddings", sandbox_embeddings_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/images/edits", sandbox_images_edit, TAKES_JSON | TAKES_FORM | HAS_MODEL},
    {"POST", "/v1/images/generations", sandbox_images_generate, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/moderations", sandbox_moderations_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/rerank", sandbox_rerank_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/responses", sandbox_responses_create, TAKES_JSON | HAS_MODEL},
    {"POST", "/v1/videos", sandbox_videos_create, TAKES_JSON | TAKES_FORM | HAS_MODEL},
    {"POST", "/v1/videos/*/remix", sandbox_videos_remix, TAKES_JSON | TAKES_FORM},
    {"GET", "/v1/videos/*/content", sandbox_videos_content, 0},
    {"GET", "/v1/videos/*", sandbox_videos_get, 0},
};

static const struct route *find_route(const char *method, const char *path)
{
    bool is_head = strcmp(method, "HEAD") == 0; /* as GET: MHD leaves the body out */
    for (unsigned i = 0; i < COUNT(routes); i++) {
        if (strcmp(routes[i].method, is_head ? "GET" : method) == 0 &&
            str_matches(str_of(path), str_of(routes[i].path)))
            return &routes[i];
    }
    return NULL;
}

static json_t *load_json(struct str body)
{
    json_t *json = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL);
    /* Integers of 2^63 and more are refused otherwise, and are nothing to refuse a request for. */
    if (json == NULL)
        json = json_loadb(body.p, body.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    return json;
}

static void load_body(struct sandbox_call *call, unsigned takes)
{
    struct str type =
        str_of(MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "content-type"));
    struct str body = buf_str(&call->body);
    call->is_form = (takes & TAKES_FORM) != 0 && str_starts_nocase(type, STR("multipart/"));
    if (call->is_form)
        call->json = upload_read(&call->upload, type, body);
    else if ((takes & TAKES_JSON) != 0)
        call->json = load_json(body);
}

/* Reads the body and the model's switches; answers and returns false when they are none. */
static bool read_body(struct sandbox_call *call, unsigned takes)
{
    load_body(call, takes);
    if (!json_is_object(call->json)) {
        sandbox_reply_error(call, 400, NULL, "invalid_body",
                            (takes & TAKES_JSON) != 0 && !call->is_form
                                ? "The body is not a JSON object."
                                : "The body is not a multipart/form-data form.");
        return false;
    }
    if ((takes & HAS_MODEL) == 0)
        return true;
    call->model = json_string_value(json_object_get(call->json, "model"));
    if (call->model == NULL || call->model[0] == '\0') {
        sandbox_reply_error(call, 400, "model", NULL, "You must provide a model parameter.");
        return false;
    }
    call->switches = switches_of(str_of(call->model));
    return true;
}

/* Does what the switches say before an answer; false when that was the answer. */
static bool obey_switches(struct sandbox_call *call)
{
    const struct switches *switches = &call->switches;
    if (switches->hang) {
        while (sandbox_wait(call, -1))
            ;
        return false;
    }
    if (switches->first_us > 0 && !sandbox_wait(call, switches->first_us))
        return false;
    if (switches->error == 0)
        return true;
    char message[96];
    snprintf(message, sizeof message,
             "The sandbox answers %d because the model's name asks for it.", switches->error);
    sandbox_reply_error(call, switches->error, NULL,
                        switches->error == 429 ? "rate_limit_exceeded" : NULL, message);
    return false;
}

static void answer(struct sandbox_call *call, const char *method)
{
    const struct route *route = find_route(method, call->path.p);
    if (route == NULL)
        sandbox_reply_error(call, 404, NULL, "unknown_url", "The sandbox has no such endpoint.");
    else if (call->too_large)
        sandbox_reply_error(call, 413, NULL, NULL, "The body is too large for the sandbox.");
    else if (route->takes == 0 || (read_body(call, route->takes) && obey_switches(call)))
        route->answer(call);
}

/* --- between MHD and a call ---------------------------------------------------------------- */

static struct sandbox_call *call_new(struct sandbox *sandbox, struct MHD_Connection *connection)
{
    struct sandbox_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->sandbox = sandbox;
    call->connection = connection;
    call->switches = switches_of(STR_EMPTY);
    buf_init(&call->body, SANDBOX_BODY_MAX);
    return call;
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd dictates the parameters. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_bytes, void **slot)
{
    (void)version;
    struct sandbox_call *call = *slot;
    if (call == NULL) {
        *slot = call_new(context, connection);
        return *slot != NULL ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes > 0) {
        if (!buf_add(&call->body, upload, *upload_bytes))
            call->too_large = true;
        *upload_bytes = 0;
        return MHD_YES;
    }
    call->path = str_of(path);
    answer(call, method);
    return call->queued ? MHD_YES : MHD_NO;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode how)
{
    (void)context;
    (void)connection;
    (void)how;
    struct sandbox_call *call = *slot;
    if (call == NULL)
        return;
    buf_release(&call->body);
    script_release(&call->script);
    json_decref(call->json);
    free(call);
    *slot = NULL;
}

static struct MHD_Daemon *start_daemon(struct sandbox *sandbox)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL,
        NULL, on_request, sandbox, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_THREAD_STACK_SIZE, THREAD_STACK_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_END);
}

bool sandbox_start(struct sandbox **out, uint16_t *port)
{
    CHECK(out != NULL && port != NULL);
    struct sandbox *sandbox = calloc(1, sizeof *sandbox);
    if (sandbox == NULL)
        return false;
    clock_tick();
    sandbox->started_us = clock_wall_ms() * 1000;
    sandbox->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sandbox->stop_fd < 0)
        goto fail;
    sandbox->daemon = start_daemon(sandbox);
    if (sandbox->daemon == NULL)
        goto fail;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(sandbox->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info == NULL || info->port == 0)
        goto fail;
    *port = info->port;
    *out = sandbox;
    return true;
fail:
    sandbox_stop(&sandbox);
    return false;
}

void sandbox_stop(struct sandbox **sandbox)
{
    struct sandbox *s = *sandbox;
    if (s == NULL)
        return;
    /* MHD joins the connections' threads: those that wait must wake first. */
    if (s->stop_fd >= 0)
        CHECK(eventfd_write(s->stop_fd, 1) == 0);
    if (s->daemon != NULL)
        MHD_stop_daemon(s->daemon);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
    *sandbox = NULL;
}
