#include "relay/dialer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "relay/conn.h"
#include "relay/easy.h"

#define WARM_STEPS 20
#define WARM_STEP_MS 5

struct multi {
    struct dialer *dialer;
    CURLM *handle;
    struct ready ready; /* curl asked for a call at once */
    struct timer timer; /* or for one later */
    unsigned handles;
    bool has_done; /* a connection may have been made since the last collect */
};

/* One descriptor of libcurl's. */
struct dialer_socket {
    struct watch watch;
    struct multi *multi;
};

static void note_done(struct multi *multi)
{
    multi->has_done = true;
    multi->dialer->has_done = true;
}

/* --- sockets -------------------------------------------------------------------------------------
 */

static void socket_on_events(struct watch *watch, uint32_t events)
{
    struct multi *multi = CONTAINER_OF(watch, struct dialer_socket, watch)->multi;
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

static struct dialer_socket *socket_at(struct dialer *dialer, int fd)
{
    size_t at = (size_t)fd;
    if (at >= dialer->socket_capacity) {
        size_t capacity = at * 2 + 64;
        struct dialer_socket **grown = realloc(dialer->sockets, capacity * sizeof *dialer->sockets);
        if (grown == NULL)
            return NULL;
        memset(grown + dialer->socket_capacity, 0,
               (capacity - dialer->socket_capacity) * sizeof(struct dialer_socket *));
        dialer->sockets = grown;
        dialer->socket_capacity = capacity;
    }
    if (dialer->sockets[at] == NULL) {
        struct dialer_socket *s = calloc(1, sizeof *s);
        if (s == NULL)
            return NULL;
        s->watch.fd = -1;
        s->watch.on_events = socket_on_events;
        dialer->sockets[at] = s;
    }
    return dialer->sockets[at];
}

void dialer_forget(struct dialer *dialer, int fd)
{
    if (fd >= 0 && (size_t)fd < dialer->socket_capacity && dialer->sockets[fd] != NULL)
        loop_unwatch(dialer->loop, &dialer->sockets[fd]->watch);
}

void dialer_close_socket(struct dialer *dialer, int fd)
{
    dialer_forget(dialer, fd);
    if (fd == dialer->taken_fd)
        dialer->taken = true;
    else
        close(fd);
}

/* curl closes a socket that never connected without a word and asks for it afterwards: what epoll
 * no longer knows is added anew, or forgotten. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    (void)easy;
    (void)unused;
    struct multi *multi = context;
    struct loop *loop = multi->dialer->loop;
    if (what == CURL_POLL_REMOVE) {
        dialer_forget(multi->dialer, fd);
        return 0;
    }
    struct dialer_socket *s = socket_at(multi->dialer, fd);
    if (s == NULL)
        return -1;
    s->multi = multi;
    uint32_t wanted = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (s->watch.fd >= 0 && s->watch.events == wanted)
        return 0;
    if (s->watch.fd >= 0 && loop_watch(loop, &s->watch, fd, wanted))
        return 0;
    loop_unwatch(loop, &s->watch);
    return loop_watch(loop, &s->watch, fd, wanted) ? 0 : -1;
}

/* --- timers of a multi ---------------------------------------------------------------------------
 */

/* Never early: curl would find nothing due, and does not tell the same deadline twice. */
static int on_timer(CURLM *handle, long timeout_ms, void *context)
{
    (void)handle;
    struct multi *multi = context;
    struct loop *loop = multi->dialer->loop;
    timer_disarm(loop_timers(loop), &multi->timer);
    if (timeout_ms == 0)
        loop_mark(loop, &multi->ready);
    else if (timeout_ms > 0)
        timer_arm(loop_timers(loop), &multi->timer, clock_precise_us() / 1000 + 1 + timeout_ms);
    return 0;
}

static void multi_kick(struct ready *ready)
{
    struct multi *multi = CONTAINER_OF(ready, struct multi, ready);
    int running = 0;
    curl_multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
    note_done(multi);
    dialer_collect(multi->dialer);
}

static void multi_timer(struct timer *timer)
{
    struct multi *multi = CONTAINER_OF(timer, struct multi, timer);
    loop_mark(multi->dialer->loop, &multi->ready);
}

static void multi_free(struct multi **multi)
{
    struct multi *m = *multi;
    if (m == NULL)
        return;
    CHECK(m->handles == 0);
    if (m->handle != NULL)
        curl_multi_cleanup(m->handle);
    timer_disarm(loop_timers(m->dialer->loop), &m->timer);
    loop_unmark(m->dialer->loop, &m->ready);
    free(m);
    *multi = NULL;
}

static struct multi *multi_new(struct dialer *dialer)
{
    struct multi *multi = calloc(1, sizeof *multi);
    if (multi == NULL)
        return NULL;
    multi->dialer = dialer;
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
    /* Those that are in use count, too: none is closed for another. */
    curl_multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, DIALER_HANDLES * 4L);
    curl_multi_setopt(multi->handle, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return multi;
}

static struct multi *multi_with_room(struct dialer *dialer)
{
    for (unsigned i = 0; i < dialer->multi_count; i++) {
        if (dialer->multis[i]->handles < DIALER_HANDLES)
            return dialer->multis[i];
    }
    if (dialer->multi_count == DIALER_MULTIS)
        return NULL;
    struct multi *multi = multi_new(dialer);
    if (multi != NULL)
        dialer->multis[dialer->multi_count++] = multi;
    return multi;
}

/* --- the dialer ----------------------------------------------------------------------------------
 */

bool dialer_init(struct dialer *dialer, struct loop *loop)
{
    *dialer = (struct dialer){.loop = loop, .taken_fd = -1};
    dialer->share = curl_share_init();
    if (dialer->share == NULL)
        return false;
    curl_share_setopt(dialer->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(dialer->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return true;
}

void dialer_release(struct dialer *dialer)
{
    for (unsigned i = 0; i < dialer->idle_easy_count; i++)
        curl_easy_cleanup(dialer->idle_easy[i]);
    for (unsigned i = 0; i < dialer->multi_count; i++)
        multi_free(&dialer->multis[i]);
    curl_share_cleanup(dialer->share);
    for (size_t i = 0; i < dialer->socket_capacity; i++) {
        dialer_forget(dialer, (int)i);
        free(dialer->sockets[i]);
    }
    free(dialer->sockets);
    *dialer = (struct dialer){.taken_fd = -1};
}

/* A listener on loopback that never says a word; -1 = none. */
static int listen_mute(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, n) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) != 0) {
        close(fd);
        return -1;
    }
    (void)snprintf(url, size, "https://127.0.0.1:%u/", (unsigned)ntohs(address.sin_port));
    return fd;
}

void dialer_warm(struct dialer *dialer)
{
    char url[64];
    int running = 0;
    int fd = listen_mute(url, sizeof url);
    struct multi *multi = multi_with_room(dialer);
    CURL *easy = fd >= 0 && multi != NULL ? easy_new_to(dialer, url) : NULL;
    if (easy != NULL && curl_multi_add_handle(multi->handle, easy) == CURLM_OK) {
        for (unsigned i = 0; i < WARM_STEPS && !easy_is_connected(easy); i++) {
            (void)curl_multi_perform(multi->handle, &running);
            (void)curl_multi_poll(multi->handle, NULL, 0, WARM_STEP_MS, NULL);
        }
        (void)curl_multi_remove_handle(multi->handle, easy);
    }
    curl_easy_cleanup(easy);
    if (fd >= 0)
        close(fd);
}

bool dialer_add(struct dialer *dialer, struct conn *conn)
{
    struct multi *multi = multi_with_room(dialer);
    if (multi == NULL || curl_multi_add_handle(multi->handle, conn->easy) != CURLM_OK)
        return false;
    multi->handles++;
    conn->multi = multi;
    return true;
}

void dialer_remove(struct dialer *dialer, struct conn *conn)
{
    (void)dialer;
    struct multi *multi = conn->multi;
    if (multi == NULL)
        return;
    curl_multi_remove_handle(multi->handle, conn->easy);
    multi->handles--;
    conn->multi = NULL;
}

bool dialer_take(struct dialer *dialer, struct conn *conn, int fd)
{
    dialer->taken_fd = fd;
    dialer->taken = false;
    dialer_remove(dialer, conn);
    dialer->taken_fd = -1;
    return dialer->taken;
}

static void multi_collect(struct multi *multi)
{
    CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(multi->handle, &left)) != NULL) {
        struct conn *conn = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &conn);
        conn_opened(conn, easy_end_of((int)code));
    }
}

void dialer_collect(struct dialer *dialer)
{
    if (!dialer->has_done)
        return;
    dialer->has_done = false;
    for (unsigned i = 0; i < dialer->multi_count; i++) {
        if (!dialer->multis[i]->has_done)
            continue;
        dialer->multis[i]->has_done = false;
        multi_collect(dialer->multis[i]);
    }
}

void *dialer_take_easy(struct dialer *dialer)
{
    if (dialer->idle_easy_count > 0)
        return dialer->idle_easy[--dialer->idle_easy_count];
    return easy_new(dialer);
}

void dialer_give_easy(struct dialer *dialer, void *easy, bool complete)
{
    if (complete && dialer->idle_easy_count < DIALER_IDLE_EASY_MAX)
        dialer->idle_easy[dialer->idle_easy_count++] = easy;
    else
        curl_easy_cleanup(easy);
}
