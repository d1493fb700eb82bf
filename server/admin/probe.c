#include "server/admin/probe.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "relay/attempt.h"
#include "relay/headers.h"
#include "relay/target.h"
#include "relay/upstream_error.h"
#include "server/admin/operation.h"
#include "server/admin/upstream.h"

#define PROBE_MS 5000 /* with all keys; less than what the end of a worker waits for */
#define LIST_BYTES_MAX ((size_t)8 << 20)
#define WHY_BYTES_MAX 4096
#define HEADERS_MAX ((size_t)48 << 10)
#define TARGET_MAX ((size_t)8192)

/* One that is under way, a call for each key of the provider; it ends in the settle step of its
 * loop. */
struct probe {
    struct admin_call *call;
    struct snapshot *snapshot;
    const struct provider *provider;
    unsigned key; /* which one is tried now */
    struct attempt *attempt;
    struct engine *engine;
    struct buf target, headers, list;
    bool too_long;
    int64_t began_ms;
    struct ready ready;
    struct grave grave;
};

/* --- what came -----------------------------------------------------------------------------------
 */

/* OpenAI's {"data":[...]}, and what some write instead. */
static const json_t *models_of(const json_t *answer)
{
    const json_t *data = json_object_get(answer, "data");
    if (!json_is_array(data))
        data = json_object_get(answer, "models");
    return json_is_array(data) ? data : json_is_array(answer) ? answer : NULL;
}

static bool has_model(const json_t *models, const char *name)
{
    size_t i;
    const json_t *model;
    json_array_foreach(models, i, model)
    {
        const char *id = json_string_value(json_object_get(model, "id"));
        if (id != NULL && strcmp(id, name) == 0)
            return true;
    }
    return false;
}

/* What the configuration offers from this provider and its list has not; a new array, or null where
 * the list says nothing about the names that the provider is asked by. */
static json_t *missing_of(const struct probe *probe, const json_t *models)
{
    const struct snapshot *snapshot = probe->snapshot;
    if (provider_paths_name_models(&probe->provider->paths))
        return json_null();
    json_t *missing = json_array();
    for (unsigned i = 0; missing != NULL && i < snapshot->model_count; i++) {
        const struct model *model = &snapshot->models[i];
        for (unsigned j = 0; j < model->offer_count; j++) {
            const char *name = model->offers[j].upstream_model;
            if (model->offers[j].provider == probe->provider && !has_model(models, name) &&
                json_array_append_new(missing, json_string(name)) != 0) {
                json_decref(missing);
                return NULL;
            }
        }
    }
    return missing;
}

static const char *words_for_end(enum attempt_end end)
{
    switch (end) {
    case ATTEMPT_UNREACHABLE:
        return "it could not be reached: the name or port is wrong, or its address is private and "
               "allow_private is off";
    case ATTEMPT_TLS:
        return "TLS failed: its certificate is not valid for this name, or not trusted here";
    case ATTEMPT_CONNECT_TIMEOUT:
        return "no connection came about in time";
    case ATTEMPT_TIMEOUT:
        return "it did not answer in time";
    case ATTEMPT_DISCONNECTED:
        return "it closed the connection without a whole answer";
    case ATTEMPT_INVALID:
        return "what it answers is not HTTP";
    case ATTEMPT_RUNNING:
    case ATTEMPT_COMPLETE:
    case ATTEMPT_FAILED:
        break;
    }
    return "out of memory";
}

static const char *words_for_status(const struct probe *probe, int status)
{
    if (status == 401 || status == 403)
        return probe->provider->key_count > 0 ? "it does not accept the key"
                                              : "it wants a key, and none is set";
    if (status == 402)
        return "our account there cannot pay";
    if (status == 404 || status == 405 || status == 501)
        return "it has no list of models there; most base URLs end with /v1";
    if (status == 429)
        return "it is there, and limits the rate";
    if (status >= 300 && status < 400)
        return "it points elsewhere; the base URL must be the last one";
    if (status >= 500)
        return "it is there, and fails";
    return "that is no list of models";
}

/* "openai", or "openai" key 2: whose trouble it is. */
static void add_whose(const struct probe *probe, struct buf *text)
{
    const struct provider *provider = probe->provider;
    bool ok = buf_addf(text, "provider \"%s\"", provider->name);
    if (ok && provider->key_count > 1)
        ok = buf_addf(text, ", key %u of %u", probe->key + 1, provider->key_count);
    if (!ok) /* a failure without words says so */
        buf_clear(text);
}

static void fail(const struct probe *probe, const char *format, ...) PRINTF_LIKE(2, 3);
static void fail(const struct probe *probe, const char *format, ...)
{
    struct buf whose, why;
    va_list args;
    buf_init(&whose, WHY_BYTES_MAX);
    buf_init(&why, WHY_BYTES_MAX);
    add_whose(probe, &whose);
    va_start(args, format);
    bool ok = buf_addv(&why, format, args);
    va_end(args);
    admin_fail(probe->call, ADMIN_FAILED, "%.*s: %.*s", STR_ARG(buf_str(&whose)),
               STR_ARG(ok ? buf_str(&why) : STR("out of memory")));
    buf_release(&whose);
    buf_release(&why);
}

static void tell_status(const struct probe *probe, int64_t took_ms)
{
    int status = probe->attempt->head.status;
    struct upstream_error error;
    upstream_error_read(&error, status, buf_str(&probe->list));
    upstream_error_hide(&error, probe->provider);
    bool quote = error.is_json && error.message[0] != '\0';
    fail(probe, "status %d after %lld ms: %s%s%s%s", status, (long long)took_ms,
         words_for_status(probe, status), quote ? " (\"" : "", quote ? error.message : "",
         quote ? "\")" : "");
}

static void tell_models(const struct probe *probe, const json_t *models, int64_t took_ms)
{
    admin_succeed(probe->call,
                  json_pack("{s:s, s:o, s:i, s:i, s:I, s:I, s:o}", "name", probe->provider->name,
                            "url", admin_url_json(probe->provider->base_url), "keys",
                            (int)probe->provider->key_count, "status", probe->attempt->head.status,
                            "ms", (json_int_t)took_ms, "models",
                            (json_int_t)json_array_size(models), "missing",
                            missing_of(probe, models)));
}

/* False: this key is good, and there are others. */
static bool tell(const struct probe *probe)
{
    int64_t took_ms = clock_ms() - probe->began_ms;
    if (probe->attempt->end != ATTEMPT_COMPLETE) {
        fail(probe, "after %lld ms: %s", (long long)took_ms, words_for_end(probe->attempt->end));
        return true;
    }
    struct str text = buf_str(&probe->list);
    json_t *answer = probe->attempt->head.status == 200 && !probe->too_long
                         ? json_loadb(text.p, text.n, 0, NULL)
                         : NULL;
    const json_t *models = models_of(answer);
    bool is_last = models == NULL || probe->key + 1 >= probe->provider->key_count;
    if (models == NULL)
        tell_status(probe, took_ms);
    else if (is_last)
        tell_models(probe, models, took_ms);
    json_decref(answer);
    return is_last;
}

/* --- its life ------------------------------------------------------------------------------------
 */

static bool on_body(void *context, const char *p, size_t n)
{
    struct probe *probe = context;
    if (!probe->too_long && !buf_add(&probe->list, p, n))
        probe->too_long = true;
    return true;
}

static void on_changed(void *context)
{
    struct probe *probe = context;
    loop_mark(probe->engine->loop, &probe->ready);
}

static void probe_free(struct grave *grave)
{
    struct probe *probe = CONTAINER_OF(grave, struct probe, grave);
    attempt_free(&probe->attempt);
    snapshot_drop(&probe->snapshot);
    buf_release(&probe->target);
    buf_release(&probe->headers);
    buf_release(&probe->list);
    free(probe);
}

/* With its present key. */
static bool probe_start(struct probe *probe)
{
    struct client_headers nobody;
    int64_t left_ms = probe->began_ms + PROBE_MS - clock_ms();
    client_headers_init(&nobody);
    buf_clear(&probe->target);
    buf_clear(&probe->headers);
    buf_clear(&probe->list);
    const struct upstream_head head = {
        .client = &nobody, .provider = probe->provider, .key = probe->key};
    const char *target = target_of(probe->provider, "/models", "", NULL, &probe->target);
    bool ok = target != NULL && headers_upstream(&head, &probe->headers);
    client_headers_release(&nobody);
    const struct call call = {
        .provider = probe->provider,
        .path = target,
        .headers = buf_str(&probe->headers),
        .fresh_connect = true,
        .whole_ms = left_ms > 1 ? left_ms : 1,
        .idle_ms = PROBE_MS,
    };
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = probe};
    return ok && attempt_start(&probe->attempt, probe->engine, &call, &sink) == FAULT_NONE;
}

static void on_ready(struct ready *ready)
{
    struct probe *probe = CONTAINER_OF(ready, struct probe, ready);
    if (probe->attempt->end == ATTEMPT_RUNNING)
        return;
    if (!tell(probe)) {
        attempt_free(&probe->attempt);
        probe->key++;
        if (probe_start(probe))
            return;
        admin_fail(probe->call, ADMIN_FAILED, "out of memory");
    }
    loop_bury(probe->engine->loop, &probe->grave);
}

void probe_begin(struct admin_call *call, struct engine *engine, struct snapshot *snapshot,
                 const struct provider *provider)
{
    if (provider_is_sandbox(provider) && engine->sandbox_url == NULL) {
        admin_fail(call, ADMIN_UNREACHABLE, "the built-in sandbox runs with the server only");
        return;
    }
    struct probe *probe = calloc(1, sizeof *probe);
    if (probe == NULL) {
        admin_fail(call, ADMIN_FAILED, "out of memory");
        return;
    }
    probe->call = call;
    probe->snapshot = snapshot_retain(snapshot);
    probe->provider = provider;
    probe->engine = engine;
    probe->began_ms = clock_ms();
    probe->ready.run = on_ready;
    probe->grave.release = probe_free;
    buf_init(&probe->target, TARGET_MAX);
    buf_init(&probe->headers, HEADERS_MAX);
    buf_init(&probe->list, LIST_BYTES_MAX);
    if (probe_start(probe))
        return;
    admin_fail(call, ADMIN_FAILED, "out of memory");
    probe_free(&probe->grave);
}
