#include "relay/fetch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "relay/engine.h"

static bool is_redirect(const struct attempt *attempt)
{
    int status = attempt->head.status;
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool on_body(void *context, const char *p, size_t n)
{
    struct fetch *fetch = context;
    return is_redirect(fetch->attempt) || fetch->sink.body(fetch->sink.context, p, n);
}

static void on_changed(void *context)
{
    struct fetch *fetch = context;
    loop_mark(fetch->engine->loop, &fetch->ready);
}

static enum fault fault_of_url(enum url_result result)
{
    switch (result) {
    case URL_OK:
        return FAULT_NONE;
    case URL_REFUSED:
        return FAULT_UPSTREAM_INVALID;
    case URL_NO_MEMORY:
        break;
    }
    return FAULT_GATEWAY_MEMORY;
}

/* Asks at fetch->at; `fresh`: not over a pooled connection. */
static enum fault begin_hop(struct fetch *fetch, bool fresh)
{
    const char *path = fetch->hops == 0 ? fetch->path : NULL;
    const struct provider *provider = fetch->provider;
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = fetch};
    fetch->keyed = fetch->keyed && url_same_origin(&fetch->at, &fetch->own);
    int64_t left = fetch->deadline_ms - clock_ms();
    struct call call = {
        .provider = provider,
        .path = path != NULL ? path : fetch->at.target,
        .base_url = path != NULL ? NULL : fetch->at.base,
        .foreign = !url_same_origin(&fetch->at, &fetch->own),
        .headers = str_of(fetch->keyed ? fetch->key_headers : fetch->headers),
        .file = true,
        .fresh_connect = fresh,
        .first_ms = left > 1 ? left : 1,
        .idle_ms = provider->idle_timeout_ms,
    };
    return attempt_start(&fetch->attempt, fetch->engine, &call, &sink);
}

static enum fault follow(struct fetch *fetch)
{
    struct url next;
    const struct buf *location = &fetch->attempt->head.location;
    if (fetch->hops >= FETCH_HOPS || location->n == 0)
        return FAULT_UPSTREAM_INVALID;
    char *text = str_dup(buf_str(location));
    if (text == NULL)
        return FAULT_GATEWAY_MEMORY;
    enum fault fault = fault_of_url(url_read(&next, text, &fetch->at));
    free(text);
    if (fault != FAULT_NONE)
        return fault;
    fetch->hops++;
    attempt_free(&fetch->attempt);
    url_release(&fetch->at);
    fetch->at = next;
    return begin_hop(fetch, false);
}

/* Closed under us before any byte of an answer: once more there, on a new connection. */
static bool died_in_pool(const struct attempt *attempt)
{
    return attempt->end == ATTEMPT_DISCONNECTED && attempt->reused && attempt->head_bytes == 0;
}

static enum fault ask_again(struct fetch *fetch)
{
    attempt_free(&fetch->attempt);
    return begin_hop(fetch, true);
}

static void fetch_step(struct ready *ready)
{
    struct fetch *fetch = CONTAINER_OF(ready, struct fetch, ready);
    if (fetch->fault != FAULT_NONE)
        return;
    bool again = died_in_pool(fetch->attempt);
    if (again || (!fetch->landed && fetch->attempt->head_done && is_redirect(fetch->attempt))) {
        fetch->fault = again ? ask_again(fetch) : follow(fetch);
        if (fetch->fault == FAULT_NONE)
            return;
        attempt_free(&fetch->attempt);
    } else if (!fetch->landed && fetch->attempt->head_done) {
        fetch->landed = true;
        attempt_note_first(fetch->attempt);
    }
    fetch->sink.changed(fetch->sink.context);
}

/* Key headers and the others in one text; the others alone; the path. */
static bool copy_order(struct fetch *fetch, const struct fetch_order *order)
{
    struct buf all;
    size_t n;
    buf_init(&all, (size_t)64 << 10);
    if (buf_add_str(&all, order->key_headers) && buf_add_str(&all, order->headers))
        fetch->key_headers = buf_take(&all, &n);
    buf_release(&all);
    fetch->headers = str_dup(order->headers);
    if (order->path != NULL)
        fetch->path = str_dup(str_of(order->path));
    return fetch->key_headers != NULL && fetch->headers != NULL &&
           (order->path == NULL || fetch->path != NULL);
}

/* Where the first hop is. */
static enum fault read_start(struct fetch *fetch, const char *base, const struct fetch_order *order)
{
    struct buf text;
    buf_init(&text, URL_BYTES_MAX);
    enum fault fault = fault_of_url(url_read(&fetch->own, base, NULL));
    if (fault != FAULT_NONE)
        return fault;
    if (order->path == NULL)
        return fault_of_url(url_read(&fetch->at, order->url, &fetch->own));
    fault = FAULT_GATEWAY_MEMORY;
    if (buf_addf(&text, "%s%s", base, order->path) && buf_add_char(&text, '\0'))
        fault = fault_of_url(url_read(&fetch->at, text.p, NULL));
    buf_release(&text);
    return fault;
}

enum fault fetch_start(struct fetch **out, struct engine *engine, const struct fetch_order *order,
                       const struct sink *sink)
{
    const char *base = attempt_own_base(engine, order->provider);
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (fetch == NULL || base == NULL) {
        free(fetch);
        return FAULT_GATEWAY_MEMORY;
    }
    fetch->engine = engine;
    fetch->sink = *sink;
    fetch->provider = order->provider;
    fetch->keyed = true;
    fetch->deadline_ms = clock_ms() + order->head_ms;
    fetch->ready.run = fetch_step;
    enum fault fault = copy_order(fetch, order) ? FAULT_NONE : FAULT_GATEWAY_MEMORY;
    if (fault == FAULT_NONE)
        fault = read_start(fetch, base, order);
    fetch->began_at_home = fault == FAULT_NONE && url_same_origin(&fetch->at, &fetch->own);
    if (fault == FAULT_NONE)
        fault = begin_hop(fetch, false);
    if (fault != FAULT_NONE) {
        fetch_free(&fetch);
        return fault;
    }
    *out = fetch;
    return FAULT_NONE;
}

void fetch_free(struct fetch **fetch)
{
    struct fetch *f = *fetch;
    if (f == NULL)
        return;
    attempt_free(&f->attempt);
    loop_unmark(f->engine->loop, &f->ready);
    url_release(&f->at);
    url_release(&f->own);
    free(f->path);
    free(f->key_headers);
    free(f->headers);
    free(f);
    *fetch = NULL;
}

void fetch_resume(struct fetch *fetch)
{
    if (fetch->attempt != NULL)
        attempt_resume(fetch->attempt);
}

bool fetch_is_over(const struct fetch *fetch)
{
    return fetch->fault != FAULT_NONE || (fetch->attempt->end != ATTEMPT_RUNNING);
}
