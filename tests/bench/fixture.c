/* The bench's upstream: answers every request with the same chat completion or, where it asks for a
 * stream, with events at a fixed interval.
 *
 *   fixture [INTERVAL_US]     prints "ready PORT"
 *
 * SIGUSR1 brings every open stream to its proper end.  SIGTERM ends the process, which then prints
 * "served REQUESTS bad REQUESTS".  One thread, one epoll. */
#include "tests/bench/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "tests/bench/request.h"

#define LIFETIME_S 900 /* whatever happens to the one who started it */
#define SEND_WAIT_MS 5000
#define FDS_MAX 65536

struct connection {
    int fd;
    size_t n;
    char in[REQUEST_MAX];
    /* Of a stream: its place in the list of streams, the one that is due first in front. */
    struct connection *previous, *next;
    int64_t due_us;
    uint64_t events;
    bool streaming;
};

struct fixture {
    int epoll, listener, signals;
    int64_t interval_us;
    struct connection *connections[FDS_MAX]; /* by descriptor; kept for the next one that has it */
    struct connection *first, *last;
    uint64_t served, bad, streams;
    bool ending, stopping; /* what a signal has asked for */
};

/* --- streams -------------------------------------------------------------------------------------
 */

static void unlist(struct fixture *f, struct connection *c)
{
    *(c->previous != NULL ? &c->previous->next : &f->first) = c->next;
    *(c->next != NULL ? &c->next->previous : &f->last) = c->previous;
    c->previous = c->next = NULL;
}

static void enlist(struct fixture *f, struct connection *c)
{
    struct connection *before = f->last;
    while (before != NULL && before->due_us > c->due_us)
        before = before->previous;
    c->previous = before;
    c->next = before != NULL ? before->next : f->first;
    *(c->next != NULL ? &c->next->previous : &f->last) = c;
    *(before != NULL ? &before->next : &f->first) = c;
}

static void hang_up(struct fixture *f, struct connection *c)
{
    if (c->streaming)
        unlist(f, c);
    c->streaming = false;
    close(c->fd);
}

/* All of it: a reader that is slow is waited for, since it is not what is measured here. */
static bool send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        if (sent < 0 && errno == EAGAIN && poll(&writable, 1, SEND_WAIT_MS) == 1)
            continue;
        if (sent < 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

static bool send_event(struct connection *c)
{
    char chunk[EVENT_N + 32];
    int n =
        snprintf(chunk, sizeof chunk, "%zx\r\n%s%0*" PRIu64 "%0*" PRId64 "%s\r\n", EVENT_N,
                 EVENT_HEAD, EVENT_DIGITS, c->events, EVENT_DIGITS, clock_precise_us(), EVENT_TAIL);
    c->events++;
    return send_all(c->fd, chunk, (size_t)n);
}

static void stream_end(struct fixture *f, struct connection *c)
{
    char text[sizeof EVENTS_LAST + 32];
    int n =
        snprintf(text, sizeof text, "%zx\r\n%s\r\n0\r\n\r\n", sizeof EVENTS_LAST - 1, EVENTS_LAST);
    unlist(f, c);
    c->streaming = false;
    if (!send_all(c->fd, text, (size_t)n))
        hang_up(f, c);
}

/* The first event at once; the next ones of many streams are spread over the interval. */
static bool stream_begin(struct fixture *f, struct connection *c)
{
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                               "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    double place = (double)f->streams++ * 0.618034;
    place -= (double)(uint64_t)place;
    c->streaming = true;
    c->events = 0;
    c->due_us = clock_precise_us() + (int64_t)((double)f->interval_us * (1 + place));
    enlist(f, c);
    return send_all(c->fd, head, sizeof head - 1) && send_event(c);
}

/* Behind the events of a turn, which may name any connection. */
static void streams_due(struct fixture *f)
{
    while (f->ending && f->first != NULL)
        stream_end(f, f->first);
    f->ending = false;
    int64_t now = clock_precise_us();
    while (f->first != NULL && f->first->due_us <= now) {
        struct connection *c = f->first;
        unlist(f, c);
        c->due_us += f->interval_us;
        enlist(f, c);
        if (!send_event(c))
            hang_up(f, c);
    }
}

/* --- requests ------------------------------------------------------------------------------------
 */

static bool answer(struct fixture *f, struct connection *c, struct str body)
{
    f->served++;
    if (memmem(body.p, body.n, "\"stream\":true", 13) != NULL)
        return stream_begin(f, c);
    char text[sizeof ANSWER_JSON + 128];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                     "content-length: %zu\r\n\r\n%s",
                     sizeof ANSWER_JSON - 1, ANSWER_JSON);
    return send_all(c->fd, text, (size_t)n);
}

static void on_readable(struct fixture *f, struct connection *c)
{
    ssize_t got = recv(c->fd, c->in + c->n, sizeof c->in - c->n, 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        hang_up(f, c);
        return;
    }
    c->n += (size_t)got;
    struct str body = STR_EMPTY;
    size_t n = request_length((struct str){c->in, c->n}, &body);
    if (n == 0)
        return;
    /* One request at a time: whoever sends more has not understood the answer. */
    if (n != c->n || c->streaming) {
        f->bad++;
        hang_up(f, c);
        return;
    }
    c->n = 0;
    if (!answer(f, c, body))
        hang_up(f, c);
}

/* --- the loop ------------------------------------------------------------------------------------
 */

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void on_connect(struct fixture *f)
{
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    CHECK(fd < FDS_MAX);
    if (f->connections[fd] == NULL)
        f->connections[fd] = calloc(1, sizeof *f->connections[fd]);
    CHECK(f->connections[fd] != NULL);
    f->connections[fd]->fd = fd;
    f->connections[fd]->n = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    watch(f->epoll, fd);
}

static void on_signal(struct fixture *f)
{
    struct signalfd_siginfo info;
    CHECK(read(f->signals, &info, sizeof info) == (ssize_t)sizeof info);
    *(info.ssi_signo == SIGUSR1 ? &f->ending : &f->stopping) = true;
}

static void fixture_open(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    f->signals = signalfd(-1, &set, SFD_CLOEXEC);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(f->signals >= 0 && f->epoll >= 0 && f->listener >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(f->listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(f->listener, 4096) == 0);
    CHECK(getsockname(f->listener, (struct sockaddr *)&address, &length) == 0);
    watch(f->epoll, f->listener);
    watch(f->epoll, f->signals);
    printf("ready %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static int wait_ms(const struct fixture *f)
{
    if (f->first == NULL)
        return -1;
    int64_t left_us = f->first->due_us - clock_precise_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

int main(int argc, char **argv)
{
    static struct fixture f;
    uint64_t interval_us = 1000000;
    if (argc > 1 && (!str_u64(str_of(argv[1]), 1000000000, &interval_us) || interval_us == 0)) {
        fprintf(stderr, "usage: fixture [INTERVAL_US]\n");
        return 2;
    }
    f.interval_us = (int64_t)interval_us;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    alarm(LIFETIME_S);
    fixture_open(&f);
    while (!f.stopping) {
        struct epoll_event events[256];
        int n = epoll_wait(f.epoll, events, 256, wait_ms(&f));
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == f.listener)
                on_connect(&f);
            else if (fd == f.signals)
                on_signal(&f);
            else
                on_readable(&f, f.connections[fd]);
        }
        streams_due(&f);
    }
    printf("served %" PRIu64 " bad %" PRIu64 "\n", f.served, f.bad);
    return 0;
}
