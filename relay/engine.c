#include "relay/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>
#include <uthash.h>

#include "base/clock.h"
#include "relay/attempt.h"
#include "relay/attempt_curl.h"

#define PREPARED_MAX 512
#define IDLE_EASY_MAX 256
#define POOLED_MIN 4L
#define POOLED_MAX 256L

struct multi {
    struct engine *engine;
    CURLM *handle;
    struct ready ready; /* curl asked for a call at once */
    struct timer timer; /* or for one later */
    unsigned transfers;
    bool stream;
    bool has_done; /* a transfer may have finished since the last collect */
};

/* One descriptor of libcurl's.  curl forgets it (REMOVE) after each transfer and asks again at the
 * next; a socket of ours stays registered in between, which saves two system calls a request. */
struct socket {
    struct watch watch;
    struct multi *multi;
    uint32_t wanted;
    bool ours; /* made by our OPENSOCKETFUNCTION, so CLOSESOCKETFUNCTION will tell its end */
};

struct prepared {
    char *key; /* URL, LF, header lines */
    CURLU *url;
    struct curl_slist *headers;
    unsigned users;
    UT_hash_handle hh;
};

struct engine {
    struct loop *loop;
    CURLSH *share; /* DNS answers and TLS sessions, for all multis of the loop */
    char *sandbox_url;
    long pooled; /* connections that a multi keeps */
    struct multi *multis[ENGINE_MULTIS];
    unsigned multi_count;
    bool has_done;
    struct socket **sockets; /* by descriptor */
    size_t socket_capacity;
    struct prepared *prepared;
    CURL *idle[IDLE_EASY_MAX];
    unsigned idle_count;
};

bool engine_open_library(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

struct loop *engine_loop(struct engine *engine)
{
    return engine->loop;
}

unsigned engine_attempts(const struct engine *engine)
{
    unsigned n = 0;
    for (unsigned i = 0; i < engine->multi_count; i++)
        n += engine->multis[i]->transfers;
    return n;
}

const char *engine_sandbox_url(const struct engine *engine)
{
    return engine->sandbox_url;
}

/* --- sockets -------------------------------------------------------------------------------------
 */

static void note_done(struct multi *multi)
{
    multi->has_done = true;
    multi->engine->has_done = true;
}

static void socket_on_events(struct watch *watch, uint32_t events)
{
    struct socket *s = CONTAINER_OF(watch, struct socket, watch);
    struct multi *multi = s->multi;
    if (s->wanted == 0) {
        /* An idle pooled connection was closed by its peer; curl finds out when it tries it. */
        loop_unwatch(multi->engine->loop, watch);
        return;
    }
    int mask = 0;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & EPOLLERR)
        mask |= CURL_CSELECT_ERR;
    int running = 0;
    curl_multi_socket_action(multi->handle, watch->fd, mask, &running);
    note_done(multi);
}

static struct socket *socket_at(struct engine *engine, int fd)
{
    size_t at = (size_t)fd;
    if (at >= engine->socket_capacity) {
        size_t capacity = at * 2 + 64;
        struct socket **grown = realloc(engine->sockets, capacity * sizeof *engine->sockets);
        if (grown == NULL)
            return NULL;
        memset(grown + engine->socket_capacity, 0,
               (capacity - engine->socket_capacity) * sizeof *grown);
        engine->sockets = grown;
        engine->socket_capacity = capacity;
    }
    if (engine->sockets[at] == NULL) {
        struct socket *s = calloc(1, sizeof *s);
        if (s == NULL)
            return NULL;
        s->watch.fd = -1;
        s->watch.on_events = socket_on_events;
        engine->sockets[at] = s;
    }
    return engine->sockets[at];
}

static void socket_forget(struct engine *engine, struct socket *s)
{
    if (s->watch.fd >= 0)
        loop_unwatch(engine->loop, &s->watch);
    s->wanted = 0;
    s->ours = false;
    s->multi = NULL;
}

/* curl closes a socket that never connected without a word and asks for it afterwards: what epoll
 * no longer knows is added anew, or forgotten. */
static int socket_register(struct engine *engine, struct socket *s, int fd)
{
    if (s->watch.fd >= 0 && s->watch.events == s->wanted)
        return 0;
    if (s->watch.fd >= 0 && loop_watch(engine->loop, &s->watch, fd, s->wanted))
        return 0;
    loop_unwatch(engine->loop, &s->watch);
    return loop_watch(engine->loop, &s->watch, fd, s->wanted) ? 0 : -1;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct multi *multi = context;
    struct engine *engine = multi->engine;
    struct socket *s = socket_at(engine, fd);
    if (s == NULL)
        return -1;
    s->multi = multi;
    if (what == CURL_POLL_REMOVE) {
        bool stays = s->ours && s->watch.fd >= 0 && s->watch.events == EPOLLIN;
        if (!stays)
            loop_unwatch(engine->loop, &s->watch);
        s->wanted = 0;
        return 0;
    }
    s->wanted = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    return socket_register(engine, s, fd);
}

void engine_note_socket(struct engine *engine, int fd)
{
    struct socket *s = socket_at(engine, fd);
    if (s != NULL)
        s->ours = true;
}

void engine_close_socket(struct engine *engine, int fd)
{
    struct socket *s = socket_at(engine, fd);
    if (s != NULL)
        socket_forget(engine, s);
    close(fd);
}

/* --- timers of a multi ---------------------------------------------------------------------------
 */

/* Never early: curl would find nothing due, and does not tell the same deadline twice. */
static int on_timer(CURLM *handle, long timeout_ms, void *context)
{
    (void)handle;
    struct multi *multi = context;
    struct timers *timers = loop_timers(multi->engine->loop);
    timer_disarm(timers, &multi->timer);
    if (timeout_ms == 0)
        loop_mark(multi->engine->loop, &multi->ready);
    else if (timeout_ms > 0)
        timer_arm(timers, &multi->timer, clock_precise_us() / 1000 + 1 + timeout_ms);
    return 0;
}

static void multi_kick(struct ready *ready)
{
    struct multi *multi = CONTAINER_OF(ready, struct multi, ready);
    int running = 0;
    curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
    note_done(multi);
    engine_collect(multi->engine);
}

static void multi_timer(struct timer *timer)
{
    struct multi *multi = CONTAINER_OF(timer, struct multi, timer);
    loop_mark(multi->engine->loop, &multi->ready);
}

static void multi_free(struct multi **multi)
{
    struct multi *m = *multi;
    if (m == NULL)
        return;
    CHECK(m->transfers == 0);
    if (m->handle != NULL)
        curl_multi_cleanup(m->handle);
    timer_disarm(loop_timers(m->engine->loop), &m->timer);
    loop_unmark(m->engine->loop, &m->ready);
    free(m);
    *multi = NULL;
}

static struct multi *multi_new(struct engine *engine, bool stream)
{
    struct multi *multi = calloc(1, sizeof *multi);
    if (multi == NULL)
        return NULL;
    multi->engine = engine;
    multi->stream = stream;
    multi->ready.run = multi_kick;
    timer_init(&multi->timer, multi_timer);
    multi->handle = curl_multi_init();
    if (multi->handle == NULL) {
        multi_free(&multi);
        return NULL;
    }
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
    /* The default follows the number of transfers and closes connections whenever it falls. */
    curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, engine->pooled);
    curl_multi_setopt(multi->handle, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return multi;
}

static struct multi *multi_for(struct engine *engine, bool stream)
{
    for (unsigned i = 0; i < engine->multi_count; i++) {
        struct multi *multi = engine->multis[i];
        if (multi->stream == stream && multi->transfers < ENGINE_MULTI_TRANSFERS)
            return multi;
    }
    if (engine->multi_count == ENGINE_MULTIS)
        return NULL;
    struct multi *multi = multi_new(engine, stream);
    if (multi != NULL)
        engine->multis[engine->multi_count++] = multi;
    return multi;
}

/* --- the engine ----------------------------------------------------------------------------------
 */

enum fault engine_new(struct engine **out, struct loop *loop, const char *sandbox_url, long pooled)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return FAULT_GATEWAY_MEMORY;
    engine->loop = loop;
    engine->pooled = pooled < POOLED_MIN ? POOLED_MIN : pooled > POOLED_MAX ? POOLED_MAX : pooled;
    engine->share = curl_share_init();
    if (engine->share == NULL)
        goto fail;
    curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    if (sandbox_url != NULL) {
        engine->sandbox_url = str_dup(str_of(sandbox_url));
        if (engine->sandbox_url == NULL)
            goto fail;
    }
    *out = engine;
    return FAULT_NONE;
fail:
    engine_free(&engine);
    return FAULT_GATEWAY_MEMORY;
}

static void prepared_free(struct engine *engine, struct prepared *prepared)
{
    HASH_DEL(engine->prepared, prepared);
    curl_url_cleanup(prepared->url);
    curl_slist_free_all(prepared->headers);
    free(prepared->key);
    free(prepared);
}

void engine_free(struct engine **engine)
{
    struct engine *e = *engine;
    if (e == NULL)
        return;
    for (unsigned i = 0; i < e->idle_count; i++)
        curl_easy_cleanup(e->idle[i]);
    for (unsigned i = 0; i < e->multi_count; i++)
        multi_free(&e->multis[i]);
    struct prepared *p, *next;
    HASH_ITER(hh, e->prepared, p, next)
    {
        prepared_free(e, p);
    }
    curl_share_cleanup(e->share);
    for (size_t i = 0; i < e->socket_capacity; i++) {
        if (e->sockets[i] != NULL && e->sockets[i]->watch.fd >= 0)
            loop_unwatch(e->loop, &e->sockets[i]->watch);
        free(e->sockets[i]);
    }
    free(e->sockets);
    free(e->sandbox_url);
    free(e);
    *engine = NULL;
}

static void multi_collect(struct multi *multi)
{
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(multi->handle, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct attempt *attempt = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
        attempt_finish(attempt, (int)message->data.result);
    }
}

void engine_collect(struct engine *engine)
{
    if (!engine->has_done)
        return;
    engine->has_done = false;
    for (unsigned i = 0; i < engine->multi_count; i++) {
        if (!engine->multis[i]->has_done)
            continue;
        engine->multis[i]->has_done = false;
        multi_collect(engine->multis[i]);
    }
}

/* --- what calls share ----------------------------------------------------------------------------
 */

static bool prepared_fill(struct prepared *prepared, const char *base_url, const char *path,
                          struct str headers)
{
    struct buf url;
    buf_init(&url, 8192);
    prepared->url = curl_url();
    bool ok = prepared->url != NULL && buf_addf(&url, "%s%s", base_url, path) &&
              curl_url_set(prepared->url, CURLUPART_URL, url.p, 0) == CURLUE_OK;
    buf_release(&url);
    struct buf line;
    buf_init(&line, 16384);
    struct str one, rest = headers;
    while (ok && str_cut(&rest, '\n', &one)) {
        if (one.n == 0)
            continue;
        buf_clear(&line);
        ok = buf_add_str(&line, one) && buf_add(&line, "", 1);
        struct curl_slist *longer = ok ? curl_slist_append(prepared->headers, line.p) : NULL;
        ok = longer != NULL;
        if (ok)
            prepared->headers = longer;
    }
    /* Without these curl would wait for a 100, and add headers of its own. */
    static const char *const own[] = {"Expect:", "User-Agent: gateway/" GATEWAY_VERSION};
    for (size_t i = 0; ok && i < COUNT(own); i++) {
        struct curl_slist *longer = curl_slist_append(prepared->headers, own[i]);
        ok = longer != NULL;
        if (ok)
            prepared->headers = longer;
    }
    buf_release(&line);
    return ok;
}

static void prepared_trim(struct engine *engine)
{
    if (HASH_COUNT(engine->prepared) < PREPARED_MAX)
        return;
    struct prepared *p, *next;
    HASH_ITER(hh, engine->prepared, p, next)
    {
        if (p->users == 0)
            prepared_free(engine, p);
    }
}

struct prepared *engine_prepare(struct engine *engine, const char *base_url, const char *path,
                                struct str headers)
{
    struct buf key;
    buf_init(&key, 65536);
    if (!buf_addf(&key, "%s%s\n", base_url, path) || !buf_add_str(&key, headers))
        return NULL;
    struct prepared *prepared = NULL;
    HASH_FIND(hh, engine->prepared, key.p, key.n, prepared);
    if (prepared != NULL) {
        buf_release(&key);
        prepared->users++;
        return prepared;
    }
    prepared_trim(engine);
    prepared = calloc(1, sizeof *prepared);
    if (prepared == NULL) {
        buf_release(&key);
        return NULL;
    }
    size_t key_bytes = key.n;
    prepared->key = buf_take(&key, &key_bytes);
    buf_release(&key);
    if (prepared->key == NULL || !prepared_fill(prepared, base_url, path, headers)) {
        curl_url_cleanup(prepared->url);
        curl_slist_free_all(prepared->headers);
        free(prepared->key);
        free(prepared);
        return NULL;
    }
    prepared->users = 1;
    HASH_ADD_KEYPTR(hh, engine->prepared, prepared->key, key_bytes, prepared);
    return prepared;
}

void *prepared_url(struct prepared *prepared)
{
    return prepared->url;
}

void *prepared_headers(struct prepared *prepared)
{
    return prepared->headers;
}

void engine_unprepare(struct engine *engine, struct prepared **prepared)
{
    (void)engine;
    if (*prepared == NULL)
        return;
    CHECK((*prepared)->users > 0);
    (*prepared)->users--;
    *prepared = NULL;
}

/* --- handles -------------------------------------------------------------------------------------
 */

void *engine_take_easy(struct engine *engine)
{
    if (engine->idle_count > 0)
        return engine->idle[--engine->idle_count];
    CURL *easy = curl_easy_init();
    if (easy != NULL && !attempt_configure(easy, engine, engine->share)) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

void engine_give_easy(struct engine *engine, void *easy, bool complete)
{
    if (complete && engine->idle_count < IDLE_EASY_MAX)
        engine->idle[engine->idle_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

bool engine_add(struct engine *engine, struct attempt *attempt)
{
    struct multi *multi = multi_for(engine, attempt->call.stream);
    if (multi == NULL || curl_multi_add_handle(multi->handle, attempt->easy) != CURLM_OK)
        return false;
    multi->transfers++;
    attempt->multi = multi;
    return true;
}

void engine_remove(struct engine *engine, struct attempt *attempt)
{
    (void)engine;
    struct multi *multi = attempt->multi;
    if (multi == NULL)
        return;
    curl_multi_remove_handle(multi->handle, attempt->easy);
    multi->transfers--;
    attempt->multi = NULL;
}
