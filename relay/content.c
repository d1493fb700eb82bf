#include "relay/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "relay/content_answer.h"
#include "relay/content_kept.h"
#include "relay/content_renewal.h"
#include "relay/content_source.h"
#include "relay/data_url.h"
#include "relay/fetch.h"
#include "relay/query.h"
#include "relay/request.h"
#include "relay/verdict.h"

/* What a redirect may show of an address; a longer one is relayed. */
#define LOCATION_BYTES_MAX ((size_t)4 << 10)

void content_cut(struct request *request)
{
    content_break_off(request, FAULT_STREAM_SHUTDOWN, "killed");
}

/* The lines that describe the bytes, but for the name that they have there. */
static bool add_passed(struct request *request, struct str lines)
{
    struct str line;
    bool ok = true;
    while (ok && str_cut(&lines, '\n', &line)) {
        if (line.n > 0 && !str_starts_nocase(line, STR("content-disposition:")))
            ok = buf_add_str(&request->answer_headers, line) &&
                 buf_add_char(&request->answer_headers, '\n');
    }
    return ok;
}

/* --- bytes that are here -------------------------------------------------------------------------
 */

static void deliver_bytes(struct request *request, struct str type, struct str bytes)
{
    struct byte_range range;
    bool ok = content_add_range(request, type, bytes.n, NULL, &range);
    struct str piece = str_slice(bytes, (size_t)range.from, (size_t)range.to);
    if (ok && !content_is_head(request))
        ok = stream_push(&request->stream, piece.p, piece.n);
    if (ok)
        content_answer_whole(request, content_status_of(&range), (int64_t)piece.n);
    else
        content_refuse(request, FAULT_GATEWAY_MEMORY);
}

static void deliver_data_url(struct request *request, struct str url)
{
    struct buf bytes;
    struct str type;
    buf_init(&bytes, url.n);
    if (!data_url_read(url, &type, &bytes) || !content_is_media(type) || !headers_value_ok(type))
        content_refuse(request, FAULT_UPSTREAM_INVALID);
    else
        deliver_bytes(request, type, buf_str(&bytes));
    buf_release(&bytes);
}

/* --- bytes that lie elsewhere --------------------------------------------------------------------
 */

static bool is_wanted(int status)
{
    return status == 200 || status == 206;
}

/* Whether an address may be shown is known from its head. */
static bool needs_no_bytes(const struct request *request)
{
    return request->is_tried || content_is_head(request);
}

static bool on_body(void *context, const char *p, size_t n)
{
    struct request *request = context;
    if (!is_wanted(request->fetch->attempt->head.status) || needs_no_bytes(request))
        return true;
    if (stream_ready(&request->stream) > STREAM_HIGH) {
        request->paused_for_room = true;
        return false;
    }
    if (!stream_push(&request->stream, p, n))
        request->ended_early = true;
    stream_release_all(&request->stream);
    loop_mark(request->relay->loop, &request->ready);
    return true;
}

static void on_changed(void *context)
{
    struct request *request = context;
    loop_mark(request->relay->loop, &request->ready);
}

/* Asks for it at request->result_url, or where that is NULL at the provider's own path. */
static void begin_fetch(struct request *request, const struct provider *provider,
                        const char *variant)
{
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = request};
    const struct content_source source = {
        .provider = provider,
        .task = request->task,
        .client = &request->client,
        .url = request->result_url,
        .variant = variant,
        /* One byte is the least that can be asked for. */
        .range = request->is_tried ? "bytes=0-0" : request->client.range,
        .if_range = request->is_tried ? NULL : request->client.if_range,
    };
    enum fault fault =
        content_source_fetch(&request->fetch, request->relay->engine, &source, &sink);
    if (fault != FAULT_NONE) {
        content_refuse(request, fault);
        return;
    }
    request_enter(request, REQUEST_DISPATCHING, "content");
    request_enter(request, REQUEST_AWAITING, provider->name);
}

/* --- an address that has expired -----------------------------------------------------------------
 */

static const struct provider *provider_of(const struct request *request)
{
    return snapshot_provider(request->snapshot, str_of(request->task->provider));
}

/* If it answers. */
static bool may_show(const struct provider *provider, struct str url)
{
    bool is_web = str_starts_nocase(url, STR("https://")) || str_starts_nocase(url, STR("http://"));
    return provider->content_mode == CONTENT_REDIRECT && is_web && url.n <= LOCATION_BYTES_MAX &&
           headers_value_ok(url);
}

/* `url` empty: at the provider's own path. */
static void begin_at(struct request *request, const char *variant, struct str url)
{
    const struct provider *provider = provider_of(request);
    free(request->result_url);
    request->result_url = url.n > 0 ? str_dup(url) : NULL;
    request->is_tried = may_show(provider, url);
    if (url.n > 0 && request->result_url == NULL)
        content_refuse(request, FAULT_GATEWAY_MEMORY);
    else
        begin_fetch(request, provider, variant);
}

static void renewed(struct request *request, const char *urls)
{
    struct str rest = str_of(urls), url = STR_EMPTY;
    if (str_cut(&rest, '\n', &url))
        begin_at(request, "", url);
    else
        content_refuse(request, FAULT_UPSTREAM_ACCOUNT);
}

/* Once: an address that is refused again is refused for another reason. */
static void renew(struct request *request)
{
    fetch_free(&request->fetch);
    request->renewal = content_renewal_new(request, provider_of(request), renewed);
    if (request->renewal == NULL)
        content_refuse(request, FAULT_GATEWAY_MEMORY);
}

/* A page, or the beginning of something that is none. */
static bool is_sound(const struct request *request, const struct attempt_head *head)
{
    struct str seen = stream_peek(&request->stream);
    bool begins = head->status == 200 && seen.n > 0;
    return content_is_media(str_of(head->content_type)) &&
           !(begins && (seen.p[0] == '{' || seen.p[0] == '<'));
}

/* --- an address that the client is sent to -------------------------------------------------------
 */

/* It has answered, by all rules of where a fetch may lead. */
static void redirect(struct request *request)
{
    if (buf_add_str(&request->answer_headers, STR("Location: ")) &&
        buf_add_str(&request->answer_headers, str_of(request->result_url)) &&
        buf_add_str(&request->answer_headers, STR("\nCache-Control: private\n")))
        content_answer_whole(request, 302, 0);
    else
        content_refuse(request, FAULT_GATEWAY_MEMORY);
}

/* What lies at the provider's own host is for who has its key. */
static void show_address(struct request *request)
{
    if (!request->fetch->began_at_home) {
        redirect(request);
        return;
    }
    request->is_tried = false;
    fetch_free(&request->fetch);
    begin_fetch(request, provider_of(request), "");
}

/* --- its head is here ----------------------------------------------------------------------------
 */

static void commit(struct request *request)
{
    const struct attempt_head *head = &request->fetch->attempt->head;
    if (!is_sound(request, head)) {
        content_refuse(request, FAULT_UPSTREAM_INVALID);
        return;
    }
    if (request->is_tried) {
        show_address(request);
        return;
    }
    if (!content_add_name(request, str_of(head->content_type)) ||
        !add_passed(request, buf_str(&head->pass))) {
        content_refuse(request, FAULT_GATEWAY_MEMORY);
        return;
    }
    request->answer_status = head->status;
    request->answer_bytes = head->length;
    task_free(&request->task);
    client_headers_release(&request->client);
    if (content_is_head(request)) {
        content_answer_whole(request, head->status, head->length);
        return;
    }
    request->answer = ANSWER_STREAM;
    request_enter(request, REQUEST_RELAYING, "content");
    loop_mark(request->relay->loop, &request->ready);
    request_wake_exchange(request);
}

/* Nothing of the range is there; only who has the bytes knows how many they are. */
static void tell_no_range(struct request *request, struct str passed)
{
    if (content_add_name(request, STR_EMPTY) && add_passed(request, passed))
        content_answer_whole(request, 416, 0);
    else
        content_refuse(request, FAULT_GATEWAY_MEMORY);
}

static void step_head(struct request *request)
{
    struct fetch *fetch = request->fetch;
    int status = fetch->attempt->head.status;
    bool over = fetch_is_over(fetch);
    if (status == 416 && !request->is_tried && request->client.range != NULL)
        tell_no_range(request, buf_str(&fetch->attempt->head.pass));
    else if (status == 404 || status == 410)
        content_refuse(request, FAULT_TASK_EXPIRED);
    else if ((status == 401 || status == 403) && request->renewal == NULL &&
             request->task->urls != NULL)
        renew(request);
    else if (status == 401 || status == 403)
        content_refuse(request, FAULT_UPSTREAM_ACCOUNT);
    else if (!is_wanted(status))
        content_refuse(request, FAULT_UPSTREAM_ERROR);
    else if (needs_no_bytes(request) || stream_size(&request->stream) > 0)
        commit(request);
    else if (over)
        content_refuse(request, fetch->attempt->end == ATTEMPT_COMPLETE
                                    ? FAULT_UPSTREAM_EMPTY
                                    : verdict_of_end(fetch->attempt->end));
}

static void step_relaying(struct request *request)
{
    const struct fetch *fetch = request->fetch;
    request_wake_exchange(request);
    if (request->ended_early) {
        content_break_off(request, FAULT_GATEWAY_MEMORY, "upstream_gone");
    } else if (!fetch_is_over(fetch)) {
        return;
    } else if (fetch->attempt->end == ATTEMPT_COMPLETE) {
        stream_end(&request->stream);
        content_finish(request, "finished");
    } else {
        bool late = fetch->attempt->end == ATTEMPT_TIMEOUT;
        content_break_off(request, late ? FAULT_STREAM_TIMEOUT : FAULT_STREAM_DISCONNECTED,
                          late ? "timeout" : "upstream_gone");
    }
}

void content_step(struct request *request)
{
    const struct fetch *fetch = request->fetch;
    if (request->state == REQUEST_RELAYING)
        step_relaying(request);
    else if (fetch->fault != FAULT_NONE)
        content_refuse(request, fetch->fault);
    else if (fetch->landed)
        step_head(request);
    else if (fetch_is_over(fetch))
        content_refuse(request, verdict_of_end(fetch->attempt->end));
}

/* --- where they lie ------------------------------------------------------------------------------
 */

static void refuse_variant(struct request *request, const char *expected)
{
    failure_set(&request->failure, FAULT_INVALID_VALUE, "'variant': expected %s", expected);
    failure_set_param(&request->failure, "variant");
    request_refuse(request);
}

/* Empty for the film itself; false when it was refused. */
static bool read_variant(struct request *request, char *variant, size_t size)
{
    switch (query_find(str_of(request->query), STR("variant"), variant, size)) {
    case QUERY_NONE:
        variant[0] = '\0';
        return true;
    case QUERY_FOUND:
        if (strcmp(variant, "video") == 0)
            variant[0] = '\0';
        if (variant[0] == '\0' || strcmp(variant, "thumbnail") == 0 ||
            strcmp(variant, "spritesheet") == 0)
            return true;
        break;
    case QUERY_BAD:
        break;
    }
    refuse_variant(request, "video, thumbnail or spritesheet");
    return false;
}

static void relay_variant(struct request *request, const char *variant)
{
    struct str urls = str_of(request->task->urls), url = STR_EMPTY;
    const struct provider *provider = provider_of(request);
    if (urls.n > 0)
        (void)!str_cut(&urls, '\n', &url);
    if (provider == NULL) {
        failure_set(&request->failure, FAULT_NO_PROVIDER, "%s", request->task->model);
        request_refuse(request);
    } else if (url.n > 0 && variant[0] != '\0') {
        refuse_variant(request, "video, of a provider that makes no other");
    } else if (str_index(str_of(request->client.range), ',') < str_of(request->client.range).n) {
        tell_no_range(request, STR_EMPTY);
    } else if (data_url_is_one(url)) {
        deliver_data_url(request, url);
    } else {
        begin_at(request, variant, url);
    }
}

void content_relay(struct request *request)
{
    relay_variant(request, "");
}

void content_begin(struct request *request)
{
    char variant[16];
    if (!read_variant(request, variant, sizeof variant))
        return;
    if (variant[0] == '\0' && content_kept_begin(request))
        return;
    relay_variant(request, variant);
}
