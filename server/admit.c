/* The gates in order: route, method, token, user, address; then, behind the complete body, fields,
 * model, endpoint, permission, offers, limits, money.  The first that refuses is the answer. */
#include "server/exchange.h"

#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "relay/blocked_call.h"
#include "relay/choose.h"
#include "relay/multipart_boundary.h"
#include "relay/pin.h"
#include "relay/request.h"
#include "relay/task_get.h"
#include "relay/task_replay.h"
#include "relay/task_submit.h"
#include "server/cors.h"
#include "server/gates.h"
#include "server/http.h"
#include "server/route.h"
#include "server/worker.h"

static enum fault refuse_memory(struct exchange *x)
{
    failure_set(&x->refused, FAULT_GATEWAY_MEMORY, "%s", "");
    return FAULT_GATEWAY_MEMORY;
}

/* --- the head ------------------------------------------------------------------------------------
 */

static bool keep_query(struct request *request, const struct head *head)
{
    if (!request->module->takes_query)
        return true;
    request->query = str_dup(head_query(head));
    return request->query != NULL;
}

static enum fault route(struct exchange *x, const struct head *head)
{
    struct route found;
    enum fault fault =
        route_find(&found, head, exchange_settings(x)->server_path_aliases, &x->refused);
    if (fault == FAULT_NONE) {
        x->request =
            request_new(&x->client->worker->relay, found.module, found.subject, x, exchange_wake);
        if (x->request == NULL || !keep_query(x->request, head))
            fault = refuse_memory(x);
        if (x->request != NULL)
            memcpy(x->id_text, x->request->id_text, sizeof x->id_text);
    }
    route_release(&found);
    return fault;
}

/* Everything behind `Bearer` and blanks, trimmed: a key may contain spaces. */
static enum fault find_token(const struct head *head, struct str *token)
{
    struct str value;
    if (!head_find(head, STR("authorization"), &value))
        return FAULT_MISSING_AUTHORIZATION;
    value = str_trim(value);
    if (head_count(head, STR("authorization")) > 1 || !str_starts_nocase(value, STR("bearer")) ||
        value.n == 6 || (value.p[6] != ' ' && value.p[6] != '\t'))
        return FAULT_MALFORMED_AUTHORIZATION;
    *token = str_trim(str_from(value, 6));
    return token->n > 0 ? FAULT_NONE : FAULT_MALFORMED_AUTHORIZATION;
}

static bool is_trusted(const struct client *client, struct str list)
{
    struct str one;
    while (list.n > 0 && str_cut(&list, ',', &one)) {
        struct network network;
        one = str_trim(one);
        if (client->is_unix
                ? str_eq(one, STR("unix"))
                : network_parse(one, &network) && network_contains(&network, client->address))
            return true;
    }
    return false;
}

/* The last element of X-Forwarded-For, if the peer may speak for others; else the peer. */
static void caller_address(const struct exchange *x, const struct head *head, uint8_t address[16])
{
    struct str forwarded;
    memcpy(address, x->client->address, 16);
    const char *trusted = x->request->snapshot->settings.server_trusted_proxy;
    if (!head_find(head, STR("x-forwarded-for"), &forwarded) ||
        head_count(head, STR("x-forwarded-for")) > 1 || !is_trusted(x->client, str_of(trusted)))
        return;
    size_t last = forwarded.n;
    while (last > 0 && forwarded.p[last - 1] != ',')
        last--;
    struct network network;
    if (network_parse(str_trim(str_from(forwarded, last)), &network))
        memcpy(address, network.address, 16);
}

/* A key that is not good counts against the address that sent it; of too many such, those that
 * nobody knows get another answer. */
static enum fault refuse_key(struct exchange *x, const struct head *head, enum fault fault)
{
    uint8_t address[16];
    int64_t wait_us = 0;
    if (fault_info(fault)->status == 401) {
        caller_address(x, head, address);
        wait_us = strangers_note_us(store_strangers(x->request->relay->store), address);
    }
    bool too_many = wait_us > 0 && fault == FAULT_UNKNOWN_TOKEN;
    fault = too_many ? FAULT_ADDRESS_RATE_LIMITED : fault;
    failure_set(&x->refused, fault, "%s", "");
    if (too_many)
        x->refused.retry_after_ms = (wait_us + 999) / 1000;
    return fault;
}

static enum fault authenticate(struct exchange *x, const struct head *head, bool *pending)
{
    struct str token;
    uint8_t hash[SECRET_HASH_SIZE];
    enum fault fault = find_token(head, &token);
    if (fault == FAULT_NONE) {
        secret_hash(token, hash);
        fault = request_authenticate(x->request, hash, pending);
        return fault == FAULT_NONE ? fault : refuse_key(x, head, fault);
    }
    if (fault == FAULT_MISSING_AUTHORIZATION)
        fault = request_admit_link(x->request);
    if (fault != FAULT_NONE)
        failure_set(&x->refused, fault, "%s", "");
    return fault;
}

static enum fault refuse_work(struct exchange *x)
{
    struct worker *worker = x->client->worker;
    enum fault fault = worker->draining               ? FAULT_SHUTTING_DOWN
                       : worker_is_overloaded(worker) ? FAULT_OVERLOADED
                                                      : FAULT_NONE;
    if (fault != FAULT_NONE)
        failure_set(&x->refused, fault, "%s", "");
    return fault;
}

static enum fault keep_headers(struct exchange *x, const struct head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        if (!client_headers_take(&x->request->client, x->request->snapshot, head->fields[i].name,
                                 head->fields[i].value))
            return refuse_memory(x);
    }
    return FAULT_NONE;
}

/* The link says what may be had, and nothing of who asks. */
static enum fault admit_link(struct exchange *x, const struct head *head)
{
    enum fault fault = keep_headers(x, head);
    if (fault == FAULT_NONE)
        request_enter(x->request, REQUEST_RECEIVING, "by a link");
    return fault;
}

enum fault admit_head(struct exchange *x, const struct head *head, bool *pending)
{
    enum fault fault = guard_check(head, &x->refused);
    if (fault == FAULT_NONE)
        fault = refuse_work(x);
    if (fault == FAULT_NONE && exchange_settings(x)->server_cors && cors_is_preflight(head))
        return cors_preflight(head, &x->preflight) ? FAULT_NONE : refuse_memory(x);
    if (fault == FAULT_NONE)
        fault = route(x, head);
    if (fault != FAULT_NONE)
        return fault;
    if (x->request->module->keyless) {
        request_enter(x->request, REQUEST_RECEIVING, "no key is needed");
        return FAULT_NONE;
    }
    fault = authenticate(x, head, pending);
    if (fault == FAULT_NONE && x->request->by_link)
        fault = admit_link(x, head);
    else if (fault == FAULT_NONE && !*pending)
        fault = admit_key(x, head);
    return fault;
}

/* --- the head of the body-------------------------------------------------------------------------
 */

static bool is_json_type(struct str type)
{
    static const char *const taken[] = {"application/json", "application/x-www-form-urlencoded",
                                        "text/plain", "application/octet-stream"};
    type = str_trim(str_slice(type, 0, str_index(type, ';')));
    for (size_t i = 0; i < COUNT(taken); i++) {
        if (str_eq_nocase(type, str_of(taken[i])))
            return true;
    }
    return type.n == 0 || str_ends(type, STR("+json"));
}

/* The body is a form, which has its own limit; *boundary is what its parts are parted by. */
static bool take_form(struct request *request, struct str type, char *boundary)
{
    enum body_kind kind = request->module->body;
    if ((kind != BODY_KIND_MULTIPART && kind != BODY_KIND_MULTIPART_OR_JSON) ||
        !multipart_boundary(type, boundary))
        return false;
    request->body.max = (uint64_t)request->snapshot->settings.server_max_body_multipart;
    return true;
}

static const char *const taken_types[] = {
    [BODY_KIND_JSON] = "application/json",
    [BODY_KIND_MULTIPART] = "multipart/form-data",
    [BODY_KIND_MULTIPART_OR_JSON] = "application/json or multipart/form-data",
};

/* What the head says of the body, and a reader for it. */
static enum fault check_body_head(struct exchange *x, const struct head *head)
{
    struct request *request = x->request;
    struct str encoding, type = STR_EMPTY;
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    uint64_t bytes = head_body_bytes(head);
    if (request->module->body == BODY_KIND_NONE)
        return FAULT_NONE;
    bool has_type = head_find(head, STR("content-type"), &type);
    bool is_form = has_type && take_form(request, type, boundary);
    if (bytes != UINT64_MAX && bytes > request->body.max) {
        failure_set(&x->refused, FAULT_BODY_TOO_LARGE, "%llu",
                    (unsigned long long)request->body.max);
        return FAULT_BODY_TOO_LARGE;
    }
    if (head_find(head, STR("content-encoding"), &encoding) &&
        !str_eq_nocase(str_trim(encoding), STR("identity"))) {
        failure_set(&x->refused, FAULT_UNSUPPORTED_CONTENT_ENCODING, "%s", "");
        return FAULT_UNSUPPORTED_CONTENT_ENCODING;
    }
    bool is_json =
        request->module->body != BODY_KIND_MULTIPART && (!has_type || is_json_type(type));
    if (!is_form && !is_json) {
        failure_set(&x->refused, FAULT_UNSUPPORTED_CONTENT_TYPE, "%s",
                    taken_types[request->module->body]);
        return FAULT_UNSUPPORTED_CONTENT_TYPE;
    }
    request->fields = is_form ? fields_new_form(boundary) : fields_new(request->module->stateful);
    bool ok = request->fields != NULL &&
              (request->module->task_write == NULL || fields_keep_record(request->fields));
    return ok ? FAULT_NONE : refuse_memory(x);
}

enum fault admit_key(struct exchange *x, const struct head *head)
{
    uint8_t address[16];
    struct request *request = x->request;
    enum fault fault = request_authenticated(request);
    if (fault == FAULT_NONE) {
        caller_address(x, head, address);
        fault = key_record_check(request->key, address, clock_wall_ms());
    }
    if (fault != FAULT_NONE)
        return refuse_key(x, head, fault);
    fault = check_body_head(x, head);
    if (fault == FAULT_NONE)
        fault = keep_headers(x, head);
    if (fault == FAULT_NONE)
        request_enter(request, REQUEST_RECEIVING, "authenticated");
    return fault;
}

/* --- behind the body -----------------------------------------------------------------------------
 */

/* Its offers are planned, unless something was refused before: limits and money, then the first
 * attempt. */
static void begin_call(struct request *request, enum fault fault)
{
    if (fault == FAULT_NONE)
        fault = blocked_call_check(request);
    if (fault == FAULT_NONE)
        fault = gate_hold(request);
    if (fault != FAULT_NONE)
        request_refuse(request);
    else if (request->module->task_write != NULL)
        task_submit(request);
    else
        request_dispatch(request);
}

/* Behind its fields. */
static void admit_asked(struct request *request)
{
    if (request->module->of_task) {
        task_look_up(request);
        return;
    }
    enum fault fault = gate_model(request);
    if (fault == FAULT_NONE && pin_is_needed(request))
        pin_look_up(request);
    else
        begin_call(request, fault == FAULT_NONE ? choose_offers(request) : fault);
}

/* What its Idempotency-Key has made before, which costs nothing; else it goes on. */
static void admit_replay(struct request *request)
{
    enum fault fault = task_replay_take(request);
    if (fault == FAULT_NONE && request->task == NULL) {
        admit_asked(request);
        return;
    }
    if (fault == FAULT_NONE)
        fault = gate_turn(request);
    if (fault == FAULT_NONE)
        task_submit_existing(request, request->task);
    else
        request_refuse(request);
}

void admit_body(struct exchange *x)
{
    struct request *request = x->request;
    enum fault fault = FAULT_NONE;
    bool is_free = request->module->begin != NULL || !request->module->needs_provider;
    if (is_free)
        fault = gate_turn(request);
    if (fault != FAULT_NONE) {
        request_refuse(request);
        return;
    }
    if (request->module->begin != NULL) {
        request->module->begin(request);
        return;
    }
    if (!request->module->needs_provider) {
        fault = request->module->local(request, &request->local, &request->failure);
        if (fault == FAULT_NONE)
            request_reply_local(request);
        else
            request_refuse(request);
        return;
    }
    fault = gate_fields(request);
    bool may_be_made = fault == FAULT_NONE && task_replay_is_needed(request);
    if (may_be_made)
        fault = task_replay_look_up(request);
    if (fault != FAULT_NONE)
        request_refuse(request);
    else if (!may_be_made)
        admit_asked(request);
}

void admit_looked_up(struct exchange *x)
{
    struct request *request = x->request;
    enum fault fault;
    if (task_replay_is_here(request)) {
        admit_replay(request);
        return;
    }
    if (!request->module->of_task) {
        fault = pin_take(request);
        begin_call(request, fault == FAULT_NONE ? pin_plan(request) : fault);
        return;
    }
    fault = gate_model(request);
    if (fault == FAULT_NONE)
        fault = task_submit_take_origin(request);
    begin_call(request, fault == FAULT_NONE ? task_submit_plan(request) : fault);
}
