#include "relay/verdict.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "relay/upstream_error.h"

#define RATE_WAIT_DEFAULT_MS 5000
#define WAIT_MAX_MS 60000

/* --- Retry-After in its forms --------------------------------------------------------------------
 */

/* "7", "6.57": seconds as ms; false otherwise. */
static bool seconds_parse(struct str text, int64_t *ms)
{
    size_t dot = str_index(text, '.');
    uint64_t whole = 0, fraction = 0;
    if (!str_u64(str_slice(text, 0, dot), 1000000000, &whole))
        return false;
    struct str decimals = str_slice(text, dot + 1, dot + 4);
    if (decimals.n > 0 && !str_u64(decimals, 999, &fraction))
        return false;
    for (size_t n = decimals.n; n > 0 && n < 3; n++)
        fraction *= 10;
    *ms = (int64_t)(whole * 1000 + fraction);
    return true;
}

/* An HTTP date (RFC 9110, IMF-fixdate) as ms from now. */
static bool date_parse(const char *text, int64_t *ms)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S", &tm);
    if (end == NULL)
        return false;
    int64_t wait = (int64_t)timegm(&tm) * 1000 - clock_wall_ms();
    *ms = wait > 0 ? wait : 0;
    return true;
}

/* "1s", "6m0s", "120ms", "1h2m3s" as ms. */
static bool span_parse(struct str text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    int64_t total = 0;
    while (text.n > 0) {
        size_t digits = 0;
        while (digits < text.n &&
               ((text.p[digits] >= '0' && text.p[digits] <= '9') || text.p[digits] == '.'))
            digits++;
        size_t letters = digits;
        while (letters < text.n && text.p[letters] >= 'a' && text.p[letters] <= 'z')
            letters++;
        int64_t amount = 0; /* thousandths */
        if (!seconds_parse(str_slice(text, 0, digits), &amount))
            return false;
        struct str unit = str_slice(text, digits, letters);
        size_t i = 0;
        while (i < COUNT(units) && !str_eq(unit, str_of(units[i].unit)))
            i++;
        if (i == COUNT(units) || amount > INT64_C(1000000000000))
            return false;
        total += amount * units[i].ms / 1000;
        text = str_from(text, letters);
    }
    *ms = total;
    return total > 0;
}

/* "Please try again in 6.57s." */
static bool sentence_parse(struct str text, int64_t *ms)
{
    static const struct str before = {"try again in ", 13};
    while (text.n > before.n && !str_starts_nocase(text, before))
        text = str_from(text, 1);
    if (!str_starts_nocase(text, before))
        return false;
    text = str_slice(text, before.n, before.n + str_index(str_from(text, before.n), ' '));
    while (str_ends(text, STR(".")) || str_ends(text, STR(",")))
        text.n--;
    return span_parse(text, ms);
}

/* The first that the answer gives; 0 when none. */
static int64_t asked_wait_ms(const struct attempt_head *head, const char *sentence)
{
    int64_t ms = 0;
    uint64_t exact = 0;
    if (str_u64(str_of(head->retry_after_ms), 1000000000, &exact))
        return (int64_t)exact;
    if (seconds_parse(str_of(head->retry_after), &ms) || date_parse(head->retry_after, &ms) ||
        span_parse(str_of(head->reset_requests), &ms) ||
        span_parse(str_of(head->reset_tokens), &ms) || sentence_parse(str_of(sentence), &ms))
        return ms > 0 ? ms : 1;
    return 0;
}

static void set_wait(struct failure *failure, int64_t ms)
{
    failure->retry_after_ms = ms;
    failure->no_retry |= ms > WAIT_MAX_MS;
}

/* --- an answer that is an error ------------------------------------------------------------------
 */

/* In words of its own that the operator has explained. */
static enum fault fault_of_rules(const struct provider *provider,
                                 const struct upstream_error *error)
{
    static const enum fault faults[] = {
        [ERROR_MEANING_blocked] = FAULT_UPSTREAM_BLOCKED,
        [ERROR_MEANING_account] = FAULT_UPSTREAM_ACCOUNT,
        [ERROR_MEANING_rate] = FAULT_UPSTREAM_RATE_LIMITED,
        [ERROR_MEANING_context] = FAULT_UPSTREAM_CONTEXT,
        [ERROR_MEANING_parameter] = FAULT_UPSTREAM_PARAMETER,
        [ERROR_MEANING_model] = FAULT_UPSTREAM_MODEL,
        [ERROR_MEANING_server] = FAULT_UPSTREAM_ERROR,
    };
    static_assert(COUNT(faults) == ERROR_MEANING_COUNT, "each meaning has its fault");
    const struct error_rule *rule = error_rules_find(&provider->errors, str_of(error->code),
                                                     str_of(error->type), str_of(error->message));
    return rule != NULL ? faults[rule->meaning] : FAULT_NONE;
}

static enum fault fault_of_text(const struct upstream_error *error)
{
    if (upstream_error_is_blocked(error))
        return FAULT_UPSTREAM_BLOCKED;
    if (upstream_error_is_account(error))
        return FAULT_UPSTREAM_ACCOUNT;
    if (upstream_error_is_context(error))
        return FAULT_UPSTREAM_CONTEXT;
    if (upstream_error_is_model(error))
        return FAULT_UPSTREAM_MODEL;
    /* Some relays wrap the caller's mistake into a 500. */
    if (error->status >= 500 && str_eq(str_of(error->type), STR("invalid_request_error")))
        return FAULT_UPSTREAM_PARAMETER;
    return FAULT_NONE;
}

static enum fault fault_of_not_found(const struct upstream_error *error)
{
    bool about_url = str_contains_nocase(str_of(error->message), STR("invalid url"));
    return error->is_json && error->nested && !about_url ? FAULT_UPSTREAM_NOT_FOUND
                                                         : FAULT_UPSTREAM_MISCONFIGURED;
}

static enum fault fault_of_status(const struct upstream_error *error)
{
    int status = error->status;
    switch (status) {
    case 400:
    case 415:
    case 422:
        return FAULT_UPSTREAM_PARAMETER;
    case 401:
    case 402:
    case 403:
        return FAULT_UPSTREAM_ACCOUNT;
    case 404:
        return fault_of_not_found(error);
    case 408:
    case 504:
    case 522:
    case 524:
        return FAULT_UPSTREAM_TIMEOUT;
    case 409:
        return FAULT_UPSTREAM_CONFLICT;
    case 413:
        return FAULT_UPSTREAM_TOO_LARGE;
    case 423:
    case 424:
    case 425:
        return FAULT_UPSTREAM_ERROR;
    case 429:
        return str_contains_nocase(str_of(error->message), STR("request too large"))
                   ? FAULT_UPSTREAM_TOO_LARGE
                   : FAULT_UPSTREAM_RATE_LIMITED;
    case 499:
        return FAULT_UPSTREAM_DISCONNECTED;
    case 405:
    case 406:
    case 410:
    case 426:
    case 501:
    case 505:
        return FAULT_UPSTREAM_MISCONFIGURED;
    default:
        break;
    }
    if (status < 400)
        return FAULT_UPSTREAM_MISCONFIGURED;
    if (status < 500)
        return str_eq(str_of(error->type), STR("invalid_request_error")) ? FAULT_UPSTREAM_PARAMETER
                                                                         : FAULT_UPSTREAM_ERROR;
    return status == 503 || status >= 520 ? FAULT_UPSTREAM_OVERLOADED : FAULT_UPSTREAM_ERROR;
}

static bool is_slug(const char *text)
{
    if (*text < 'a' || *text > 'z')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(text);
}

/* The caller gets the provider's own sentence where it is about the caller's request; its string
 * code is added, since some clients show nothing but the message. */
static void tell_sentence(struct failure *failure, const struct upstream_error *error,
                          const char *before)
{
    if (error->message[0] == '\0')
        return;
    struct buf text;
    buf_init(&text, FAILURE_MESSAGE_MAX * 2);
    bool with_code = error->code[0] != '\0' && is_slug(error->code) &&
                     !str_contains_nocase(str_of(error->message), str_of(error->code));
    bool ok = buf_add_str(&text, str_of(before)) && buf_add_str(&text, str_of(error->message)) &&
              (!with_code || buf_addf(&text, " (%s)", error->code));
    size_t n = 0;
    failure->message = ok ? buf_take(&text, &n) : NULL;
    buf_release(&text);
}

static void describe(struct failure *failure, const struct upstream_error *error, const char *model)
{
    enum fault_class class_ = fault_info(failure->fault)->class_;
    bool about_caller = class_ == FAULT_CLASS_PARAMETER || class_ == FAULT_CLASS_TOO_LARGE;
    if (failure->fault == FAULT_UPSTREAM_MODEL)
        failure_set_subject(failure, model);
    if (about_caller) {
        tell_sentence(failure, error, "");
        failure_set_param(failure, error->param);
        if (failure->fault == FAULT_UPSTREAM_PARAMETER && is_slug(error->code))
            snprintf(failure->reason, sizeof failure->reason, "%s", error->code);
    } else if (class_ == FAULT_CLASS_BLOCKED) {
        tell_sentence(failure, error, "The upstream provider rejected the content: ");
    }
    /* Never for ACCOUNT and CONFIG: the operator's trouble is not the caller's to see. */
    if (about_caller || class_ == FAULT_CLASS_BLOCKED || class_ == FAULT_CLASS_RATE ||
        class_ == FAULT_CLASS_SERVER) {
        failure->upstream_status = error->status;
        memcpy(failure->upstream_type, error->type, sizeof error->type);
        memcpy(failure->upstream_code, error->code, sizeof error->code);
    }
}

static enum fault judge_error(const struct outcome *outcome, struct upstream_error *error,
                              struct failure *failure)
{
    const struct provider *provider = outcome->attempt->call.provider;
    enum fault fault = FAULT_NONE;
    if (provider != NULL) {
        fault = fault_of_rules(provider, error);
        upstream_error_hide(error, provider);
    }
    if (fault == FAULT_NONE)
        fault = fault_of_text(error);
    if (fault == FAULT_NONE)
        fault = fault_of_status(error);
    failure_set(failure, fault, "%s", "");
    describe(failure, error, outcome->model);
    int64_t wait = asked_wait_ms(&outcome->attempt->head, error->message);
    enum fault_class class_ = fault_info(fault)->class_;
    if (class_ == FAULT_CLASS_RATE)
        set_wait(failure, wait > 0 ? wait : RATE_WAIT_DEFAULT_MS);
    else if (class_ == FAULT_CLASS_SERVER && wait > 0)
        failure->retry_after_ms = wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS;
    return fault;
}

/* --- an attempt that brought no usable answer ----------------------------------------------------
 */

enum fault verdict_of_end(enum attempt_end end)
{
    switch (end) {
    case ATTEMPT_RUNNING:
    case ATTEMPT_COMPLETE:
        return FAULT_UPSTREAM_INVALID;
    case ATTEMPT_UNREACHABLE:
        return FAULT_UPSTREAM_UNREACHABLE;
    case ATTEMPT_TLS:
        return FAULT_UPSTREAM_TLS;
    case ATTEMPT_CONNECT_TIMEOUT:
        return FAULT_UPSTREAM_CONNECT_TIMEOUT;
    case ATTEMPT_TIMEOUT:
        return FAULT_UPSTREAM_TIMEOUT;
    case ATTEMPT_DISCONNECTED:
        return FAULT_UPSTREAM_DISCONNECTED;
    case ATTEMPT_INVALID:
        return FAULT_UPSTREAM_INVALID;
    case ATTEMPT_FAILED:
        return FAULT_GATEWAY_MEMORY;
    }
    return FAULT_GATEWAY_INTERNAL;
}

/* A 2xx that cannot be delivered: an error inside it, or no result, or not what was asked. */
static enum fault judge_success(const struct outcome *outcome, struct failure *failure)
{
    const struct tap *tap = outcome->tap;
    if (tap->error.n > 0) {
        struct upstream_error error;
        struct buf wrapped; /* the object as it stood, under its name */
        buf_init(&wrapped, TAP_COPY_MAX + 64);
        bool ok = buf_add_str(&wrapped, STR("{\"error\":")) &&
                  buf_add_str(&wrapped, buf_str(&tap->error)) && buf_add_char(&wrapped, '}');
        upstream_error_read(&error, outcome->attempt->head.status,
                            ok ? buf_str(&wrapped) : STR_EMPTY);
        buf_release(&wrapped);
        return judge_error(outcome, &error, failure);
    }
    enum fault fault = FAULT_UPSTREAM_INVALID;
    if (tap->kind == TAP_EVENTS && outcome->stream_asked)
        fault = FAULT_UPSTREAM_UNFINISHED;
    else if (tap->kind == TAP_JSON && !outcome->stream_asked && !tap->json_bad)
        fault = FAULT_UPSTREAM_EMPTY;
    failure_set(failure, fault, "%s", "");
    return fault;
}

static bool names_stream_options(const struct outcome *outcome)
{
    int status = outcome->attempt->head.status;
    return outcome->injected_usage && (status == 400 || status == 422) &&
           str_contains_nocase(outcome->body, STR("stream_options"));
}

/* A provider may fail after it has begun, and say why in any words; what it refuses, it refuses by
 * a status that says so.  303 sends to the result of what was done (RFC 9110, 15.4.4). */
static bool refuses(int status)
{
    return status < 500 ? status != 303 : status == 501 || status == 503 || status == 505;
}

bool verdict_is_no(enum fault fault, int status, bool names_result)
{
    switch (fault_info(fault)->class_) {
    case FAULT_CLASS_CONNECT:
        return true;
    case FAULT_CLASS_ACCOUNT:
    case FAULT_CLASS_CONFIG:
    case FAULT_CLASS_RATE:
    case FAULT_CLASS_TOO_LARGE:
        return refuses(status) && !names_result;
    case FAULT_CLASS_BLOCKED: /* the caller's affair, also where a relay wraps it into a 500 */
    case FAULT_CLASS_PARAMETER:
        return !names_result;
    case FAULT_CLASS_CALLER:
    case FAULT_CLASS_GATEWAY:
    case FAULT_CLASS_AMBIGUOUS:
    case FAULT_CLASS_INVALID:
    case FAULT_CLASS_SERVER:
    case FAULT_CLASS_TRUNCATED:
    case FAULT_CLASS_CLIENT:
    case FAULT_CLASS_FRAMING:
        break;
    }
    return false;
}

/* Of what may be asked of another at all. */
static enum verdict_action action_of(enum fault fault)
{
    switch (fault_info(fault)->class_) {
    case FAULT_CLASS_CONNECT:
    case FAULT_CLASS_ACCOUNT:
    case FAULT_CLASS_CONFIG:
    case FAULT_CLASS_RATE:
    case FAULT_CLASS_TOO_LARGE:
    case FAULT_CLASS_AMBIGUOUS:
    case FAULT_CLASS_INVALID:
    case FAULT_CLASS_SERVER:
        return VERDICT_NEXT;
    case FAULT_CLASS_CALLER:
    case FAULT_CLASS_GATEWAY:
    case FAULT_CLASS_BLOCKED:
    case FAULT_CLASS_PARAMETER:
    case FAULT_CLASS_TRUNCATED:
    case FAULT_CLASS_CLIENT:
    case FAULT_CLASS_FRAMING:
        return VERDICT_FAIL;
    }
    return VERDICT_FAIL;
}

enum verdict_action verdict_of(const struct outcome *outcome, struct failure *failure)
{
    const struct attempt *attempt = outcome->attempt;
    enum fault fault;
    if (attempt->head.status >= 300) {
        if (names_stream_options(outcome))
            return VERDICT_REPEAT;
        struct upstream_error error;
        upstream_error_read(&error, attempt->head.status, outcome->body);
        fault = judge_error(outcome, &error, failure);
    } else if (attempt->head.status >= 200 && outcome->tap != NULL &&
               (attempt->end == ATTEMPT_COMPLETE || outcome->tap->error_seen)) {
        fault = judge_success(outcome, failure);
    } else {
        fault = verdict_of_end(attempt->end);
        failure_set(failure, fault, "%s", "");
    }
    bool is_risky = !outcome->repeat_ambiguous &&
                    fault_info(fault)->class_ != FAULT_CLASS_GATEWAY &&
                    !verdict_is_no(fault, attempt->head.status, outcome->names_result);
    failure->no_retry |= is_risky;
    if (is_risky)
        return VERDICT_FAIL;
    return fault == FAULT_UPSTREAM_BLOCKED && outcome->failover_on_block ? VERDICT_NEXT
                                                                         : action_of(fault);
}

void verdict_in_stream(const struct attempt *attempt, const struct tap *tap,
                       struct failure *failure, bool *relay_it)
{
    *relay_it = false;
    enum fault fault = FAULT_STREAM_TRUNCATED;
    if (tap->error_seen) {
        struct outcome outcome = {.attempt = attempt, .tap = tap, .model = ""};
        struct failure said = {0};
        bool account = judge_success(&outcome, &said) == FAULT_UPSTREAM_ACCOUNT;
        failure_release(&said);
        bool is_object = tap->error.n > 0 && tap->error.p[0] == '{';
        *relay_it = !account && !tap->foreign_error && (is_object || tap->failed);
        fault = FAULT_STREAM_ERROR;
    } else if (attempt->end == ATTEMPT_TIMEOUT) {
        fault = FAULT_STREAM_TIMEOUT;
    } else if (attempt->end != ATTEMPT_COMPLETE) {
        fault = FAULT_STREAM_DISCONNECTED;
    }
    failure_set(failure, fault, "%s", "");
}

static bool is_rate(const struct failure *failure)
{
    return fault_info(failure->fault)->class_ == FAULT_CLASS_RATE;
}

void verdict_merge(struct failure *told, struct failure *latest)
{
    if (told->fault == FAULT_NONE) {
        failure_take(told, latest);
        return;
    }
    if (is_rate(told) && is_rate(latest)) {
        /* The caller may come back as soon as one of them is ready. */
        int64_t sooner = told->retry_after_ms < latest->retry_after_ms ? told->retry_after_ms
                                                                       : latest->retry_after_ms;
        failure_take(told, latest);
        told->no_retry = false;
        set_wait(told, sooner);
    } else if (is_rate(latest)) {
        failure_release(latest);
    } else {
        failure_take(told, latest);
    }
}
