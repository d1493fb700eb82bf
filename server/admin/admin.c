#include "server/admin/admin.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/admin/explain.h"
#include "server/admin/operation.h"
#include "server/admin/probe.h"
#include "server/admin/quote.h"
#include "server/admin/upstream.h"
#include "store/book.h"

#define MESSAGE_BYTES_MAX (256 * 1024) /* the check of a large configuration */
#define WHY_BYTES_MAX 4096
#define STORE_WAIT_MS 10000

static void finish(struct admin_call *call, enum admin_exit code, json_t *result)
{
    call->exit = code;
    call->result = result;
    call->done(call);
}

void admin_succeed(struct admin_call *call, json_t *result)
{
    if (!result) {
        admin_fail(call, ADMIN_FAILED, "out of memory");
        return;
    }
    finish(call, ADMIN_OK, result);
}

void admin_fail(struct admin_call *call, enum admin_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    /* A failed add leaves an empty message, for which words by exit code stand in. */
    bool ok = buf_addv(&call->message, format, args);
    va_end(args);
    (void)ok;
    finish(call, code, NULL);
}

/* --- operations of the running process --- */

static void run_version(struct admin_call *call)
{
    admin_succeed(call, json_pack("{s:s}", "version", GATEWAY_VERSION));
}

static json_t *store_figures_json(struct store *store)
{
    int64_t queued = 0, last_commit_ms = 0;
    char held[USD_TEXT_SIZE];
    store_figures(store, &queued, &last_commit_ms);
    usd_format(book_held(store_book(store)), held);
    return json_pack("{s:s, s:I, s:I, s:s}", "state", store_is_degraded(store) ? "degraded" : "ok",
                     "queue", (json_int_t)queued, "last_commit_ms", (json_int_t)last_commit_ms,
                     "held", held);
}

static void run_status(struct admin_call *call)
{
    const struct admin_host *host = call->host;
    json_t *status = host->status(host->context);
    if (status && host->store &&
        json_object_set_new(status, "store", store_figures_json(host->store)) != 0) {
        json_decref(status);
        status = NULL;
    }
    admin_succeed(call, status);
}

static void on_reloaded(void *argument, bool ok, struct str messages)
{
    struct admin_call *call = argument;
    if (!ok) {
        struct str text = messages.n > 0 ? messages : STR("the configuration was refused");
        admin_fail(call, ADMIN_BAD_CONFIG, "%.*s", STR_ARG(text));
        return;
    }
    /* An empty view may have no address, which json_pack would refuse. */
    struct str text = messages.n > 0 ? messages : STR_EMPTY;
    admin_succeed(call, json_pack("{s:b, s:s%}", "reloaded", 1, "messages", text.p, text.n));
}

static void run_reload(struct admin_call *call)
{
    const struct admin_host *host = call->host;
    host->reload(host->context, call->reply, on_reloaded, call);
}

/* --- operations on the configuration --- */

static void answer_from_snapshot(struct admin_call *call,
                                 json_t *(*describe)(const struct snapshot *snapshot))
{
    const struct admin_host *host = call->host;
    struct snapshot *snapshot = host->snapshot(host->context);
    json_t *result = describe(snapshot);
    snapshot_drop(&snapshot);
    admin_succeed(call, result);
}

static void run_model_list(struct admin_call *call)
{
    answer_from_snapshot(call, admin_models_json);
}

static void run_provider_list(struct admin_call *call)
{
    answer_from_snapshot(call, admin_providers_json);
}

static void run_provider_test(struct admin_call *call)
{
    const struct admin_host *host = call->host;
    const char *name = json_string_value(json_object_get(call->arguments, "name"));
    if (name == NULL || json_object_size(call->arguments) != 1) {
        admin_fail(call, ADMIN_USAGE, "provider test takes a name");
        return;
    }
    struct snapshot *snapshot = host->snapshot(host->context);
    const struct provider *provider = snapshot_provider(snapshot, str_of(name));
    if (provider == NULL)
        admin_fail(call, ADMIN_NOTFOUND, "there is no provider \"%s\" in the configuration", name);
    else
        probe_begin(call, host->engine(host->context), snapshot, provider);
    snapshot_drop(&snapshot);
}

/* Until it is resumed, or the server starts again. */
static void set_paused(struct admin_call *call, bool paused)
{
    const struct admin_host *host = call->host;
    const char *name = json_string_value(json_object_get(call->arguments, "name"));
    if (name == NULL || json_object_size(call->arguments) != 1) {
        admin_fail(call, ADMIN_USAGE, "%.*s takes a name", STR_ARG(call->operation));
        return;
    }
    struct snapshot *snapshot = host->snapshot(host->context);
    bool is_known = snapshot_provider(snapshot, str_of(name)) != NULL;
    snapshot_drop(&snapshot);
    if (!is_known) {
        admin_fail(call, ADMIN_NOTFOUND, "there is no provider \"%s\" in the configuration", name);
        return;
    }
    atomic_store(&health_of(host->health, name)->is_paused, paused);
    log_write(LOG_INFO, "admin", "provider %s is %s", name, paused ? "paused" : "resumed");
    admin_succeed(call, json_pack("{s:s, s:b}", "name", name, "paused", (int)paused));
}

static void run_provider_pause(struct admin_call *call)
{
    set_paused(call, true);
}

static void run_provider_resume(struct admin_call *call)
{
    set_paused(call, false);
}

static void run_explain(struct admin_call *call)
{
    explain_begin(call, call->host->relay(call->host->context));
}

/* --- operations of the store --- */

static enum admin_exit exit_of(enum store_code code)
{
    switch (code) {
    case STORE_OK:
        return ADMIN_OK;
    case STORE_NOTFOUND:
        return ADMIN_NOTFOUND;
    case STORE_CONFLICT:
    case STORE_SHORT:
        return ADMIN_CONFLICT;
    case STORE_INVALID:
        return ADMIN_USAGE;
    case STORE_BUSY:
        return ADMIN_UNREACHABLE;
    case STORE_DOWN:
    case STORE_UNKNOWN:
        return ADMIN_FAILED;
    }
    return ADMIN_FAILED;
}

static const char *words_for(enum store_code code)
{
    switch (code) {
    case STORE_NOTFOUND:
        return "not found";
    case STORE_CONFLICT:
        return "exists already, or is in use";
    case STORE_SHORT:
        return "not enough money";
    case STORE_BUSY:
        return "the database was busy; nothing was done";
    case STORE_DOWN:
        return "the database cannot be used now; nothing was done";
    case STORE_INVALID:
        return "an argument is not valid";
    case STORE_UNKNOWN:
        return "no answer came from the database; look before you try again";
    case STORE_OK:
        break;
    }
    return "failed";
}

/* A name that the configuration does not have counts nothing; it may come to it later. */
static bool add_unknown(const char *noun, const char *name, const char *known, struct buf *text)
{
    if (name == NULL || strcmp(name, "*") == 0 || (known != NULL && strcmp(name, known) == 0))
        return true;
    return buf_addf(text,
                    "warning: there is no %s \"%s\" in the configuration; the limit counts "
                    "nothing until there is\n",
                    noun, name);
}

static void warn_of_names(const struct admin_call *call, json_t *result)
{
    struct buf text;
    struct snapshot *snapshot = call->host->snapshot(call->host->context);
    const char *scope = json_string_value(json_object_get(result, "scope"));
    const char *name = json_string_value(json_object_get(result, "name"));
    const char *model = json_string_value(json_object_get(result, "model"));
    const char *provider = scope != NULL && strcmp(scope, "provider") == 0 ? name : NULL;
    if (scope != NULL && strcmp(scope, "model") == 0)
        model = name;
    const struct model *has_model = snapshot_model(snapshot, str_of(model));
    const struct provider *has_provider = snapshot_provider(snapshot, str_of(provider));
    buf_init(&text, WHY_BYTES_MAX);
    bool ok =
        add_unknown("model", model, has_model != NULL ? has_model->name : NULL, &text) &&
        add_unknown("provider", provider, has_provider != NULL ? has_provider->name : NULL, &text);
    if (ok && text.n > 0)
        (void)json_object_set_new(result, "messages", json_stringn(text.p, text.n));
    buf_release(&text);
    snapshot_drop(&snapshot);
}

static void on_stored(struct store_call *store_call)
{
    struct admin_call *call = CONTAINER_OF(store_call, struct admin_call, store_call.call);
    struct store_admin *stored = &call->store_call;
    json_t *result = stored->result;
    stored->result = NULL;
    if (store_call->code != STORE_OK) {
        json_decref(result);
        struct str why = buf_str(&stored->why);
        if (why.n == 0)
            why = str_of(words_for(store_call->code));
        bool ok = buf_add_str(&call->message, why);
        (void)ok;
        buf_release(&stored->why);
        finish(call, exit_of(store_call->code), NULL);
        return;
    }
    buf_release(&stored->why);
    if (call->host->snapshot != NULL && str_eq(call->operation, STR("limit set")))
        warn_of_names(call, result);
    admin_succeed(call, result);
}

static void run_in_store(struct admin_call *call, const char *operation)
{
    struct store_admin *stored = &call->store_call;
    memset(stored, 0, sizeof *stored);
    buf_init(&stored->why, WHY_BYTES_MAX);
    stored->operation = operation;
    stored->arguments = call->arguments;
    stored->call.reply = call->reply;
    stored->call.done = on_stored;
    stored->call.deadline_ms = clock_ms() + STORE_WAIT_MS;
    store_admin(call->host->store, stored);
}

/* --- the table --- */

static const struct admin_operation operations[] = {
    {"version", ADMIN_NEEDS_NOTHING, false, run_version},
    {"status", ADMIN_NEEDS_SERVER, false, run_status},
    {"reload", ADMIN_NEEDS_SERVER, false, run_reload},
    {"explain", ADMIN_NEEDS_RELAY, true, run_explain},
    {"model list", ADMIN_NEEDS_SNAPSHOT, false, run_model_list},
    {"price show", ADMIN_NEEDS_SNAPSHOT, true, admin_price_show},
    {"price quote", ADMIN_NEEDS_SNAPSHOT, true, admin_price_quote},
    {"provider list", ADMIN_NEEDS_SNAPSHOT, false, run_provider_list},
    {"provider test", ADMIN_NEEDS_ENGINE, true, run_provider_test},
    {"provider pause", ADMIN_NEEDS_HEALTH, true, run_provider_pause},
    {"provider resume", ADMIN_NEEDS_HEALTH, true, run_provider_resume},
    {"user add", ADMIN_NEEDS_STORE, true, NULL},
    {"user list", ADMIN_NEEDS_STORE, true, NULL},
    {"user show", ADMIN_NEEDS_STORE, true, NULL},
    {"user credit", ADMIN_NEEDS_STORE, true, NULL},
    {"user credits", ADMIN_NEEDS_STORE, true, NULL},
    {"user set", ADMIN_NEEDS_STORE, true, NULL},
    {"user disable", ADMIN_NEEDS_STORE, true, NULL},
    {"user enable", ADMIN_NEEDS_STORE, true, NULL},
    {"key create", ADMIN_NEEDS_STORE, true, NULL},
    {"key list", ADMIN_NEEDS_STORE, true, NULL},
    {"key show", ADMIN_NEEDS_STORE, true, NULL},
    {"key set", ADMIN_NEEDS_STORE, true, NULL},
    {"key revoke", ADMIN_NEEDS_STORE, true, NULL},
    {"key disable", ADMIN_NEEDS_STORE, true, NULL},
    {"key enable", ADMIN_NEEDS_STORE, true, NULL},
    {"group add", ADMIN_NEEDS_STORE, true, NULL},
    {"group set", ADMIN_NEEDS_STORE, true, NULL},
    {"group list", ADMIN_NEEDS_STORE, true, NULL},
    {"group show", ADMIN_NEEDS_STORE, true, NULL},
    {"limit set", ADMIN_NEEDS_STORE, true, NULL},
    {"limit rm", ADMIN_NEEDS_STORE, true, NULL},
    {"limit list", ADMIN_NEEDS_STORE, true, NULL},
    {"task list", ADMIN_NEEDS_STORE, true, NULL},
    {"task show", ADMIN_NEEDS_STORE, true, NULL},
    {"task cancel", ADMIN_NEEDS_STORE, true, NULL},
    {"usage list", ADMIN_NEEDS_STORE, true, NULL},
    {"usage export", ADMIN_NEEDS_STORE, true, NULL},
    {"usage summary", ADMIN_NEEDS_STORE, true, NULL},
    {"usage show", ADMIN_NEEDS_STORE, true, NULL},
    {"db check", ADMIN_NEEDS_STORE, true, NULL},
    {"db backup", ADMIN_NEEDS_STORE, true, NULL},
};

const struct admin_operation *admin_operation_at(unsigned i)
{
    return i < COUNT(operations) ? &operations[i] : NULL;
}

const struct admin_operation *admin_operation_find(struct str name)
{
    for (size_t i = 0; i < COUNT(operations); i++)
        if (str_eq(name, str_of(operations[i].name)))
            return &operations[i];
    return NULL;
}

static bool host_can(const struct admin_host *host, const struct admin_operation *operation)
{
    switch (operation->need) {
    case ADMIN_NEEDS_NOTHING:
        return true;
    case ADMIN_NEEDS_STORE:
        return host->store != NULL;
    case ADMIN_NEEDS_SNAPSHOT:
        return host->snapshot != NULL;
    case ADMIN_NEEDS_ENGINE:
        return host->snapshot != NULL && host->engine != NULL;
    case ADMIN_NEEDS_HEALTH:
        return host->snapshot != NULL && host->health != NULL;
    case ADMIN_NEEDS_RELAY:
        return host->store != NULL && host->relay != NULL;
    case ADMIN_NEEDS_SERVER:
        return host->status != NULL && host->reload != NULL;
    }
    return false;
}

void admin_begin(const struct admin_host *host, struct admin_call *call)
{
    CHECK(host != NULL);
    CHECK(call->done != NULL);
    call->host = host;
    call->exit = ADMIN_FAILED;
    call->result = NULL;
    buf_init(&call->message, MESSAGE_BYTES_MAX);

    const struct admin_operation *operation = admin_operation_find(call->operation);
    if (!operation) {
        int n = call->operation.n > 64 ? 64 : (int)call->operation.n;
        admin_fail(call, ADMIN_USAGE, "unknown operation \"%.*s\"", n, call->operation.p);
    } else if (!json_is_object(call->arguments)) {
        admin_fail(call, ADMIN_USAGE, "the arguments must be a JSON object");
    } else if (!host_can(host, operation)) {
        admin_fail(call, ADMIN_UNREACHABLE, "no server is running");
    } else if (operation->run == NULL) {
        run_in_store(call, operation->name);
    } else if (!operation->takes_arguments && json_object_size(call->arguments) > 0) {
        admin_fail(call, ADMIN_USAGE, "%s takes no arguments", operation->name);
    } else {
        operation->run(call);
    }
}

void admin_release(struct admin_call *call)
{
    json_decref(call->result);
    call->result = NULL;
    buf_release(&call->message);
}

/* --- HTTP --- */

static int status_of(enum admin_exit code)
{
    switch (code) {
    case ADMIN_OK:
        return 200;
    case ADMIN_USAGE:
    case ADMIN_BAD_CONFIG:
        return 400;
    case ADMIN_NOTFOUND:
        return 404;
    case ADMIN_CONFLICT:
        return 409;
    case ADMIN_FAILED:
    case ADMIN_NOT_PERMITTED:
    case ADMIN_UNREACHABLE:
        return 500;
    }
    return 500;
}

static int add_to_buf(const char *bytes, size_t n, void *buf)
{
    return buf_add(buf, bytes, n) ? 0 : -1;
}

bool admin_http_body(const struct admin_call *call, int *status, struct buf *body)
{
    *status = status_of(call->exit);
    if (call->exit == ADMIN_OK)
        return json_dump_callback(call->result, add_to_buf, body, JSON_COMPACT) == 0;
    struct str message = buf_str(&call->message);
    if (message.n == 0)
        message = STR("failed");
    return buf_addf(body, "{\"error\":{\"exit\":%d,\"message\":\"", (int)call->exit) &&
           buf_add_json(body, message) && buf_add_str(body, STR("\"}}"));
}
