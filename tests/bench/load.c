/* The bench's clients: connections of one thread that send the same request again and again, or
 * read one stream each, and check every byte of the answers.
 *
 *   load json PORT KEY CONNECTIONS SECONDS REQUESTS_MAX
 *   load stream PORT KEY CONNECTIONS
 *
 * Prints {"open":...} when all connections stand (stream: when each has its first event) and waits
 * for a line on standard input.
 * json: sends for SECONDS, at most REQUESTS_MAX; prints the figures when the last answer is there,
 * and stays until the end of its input. stream: counts events until the next line and prints the
 * figures; when all streams have ended, it prints how. Exits 1 when an answer was not right. */
#include <errno.h>
#include <inttypes.h>
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
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "tests/bench/answer_reader.h"
#include "tests/bench/histogram.h"
#include "tests/bench/request.h"

#define LIFETIME_S 900 /* whatever happens to the one who started it */
#define OPENING_MAX 64 /* streams that wait for their first event */

struct load;

struct client {
    struct load *load;
    int fd;
    bool busy;
    int64_t sent_us;
    struct answer_reader reader;
};

struct load {
    bool stream, going, input_ended;
    int epoll;
    uint16_t port;
    char request[REQUEST_MAX];
    size_t request_n;
    struct client *clients;
    unsigned client_count, opened, busy; /* opened: connected or, stream, asked for */
    uint64_t started;                    /* streams with a first event */
    int64_t limit_us, begin_us, end_us;
    uint64_t sent, sent_max, done, bad;
    struct histogram latency;
};

/* --- requests ------------------------------------------------------------------------------------
 */

/* The client is of no more use: its answer was wrong, or its connection ended. */
static void client_close(struct client *c)
{
    struct load *l = c->load;
    l->busy -= c->busy;
    c->busy = false;
    close(c->fd);
    c->fd = -1;
}

static void client_fail(struct client *c, const char *fault, struct str bytes)
{
    struct load *l = c->load;
    if (l->bad++ == 0)
        fprintf(stderr, "load: %s: %.*s\n", fault, (int)(bytes.n < 600 ? bytes.n : 600), bytes.p);
    if (l->stream && c->reader.events == 0)
        l->started++;
    client_close(c);
}

static void client_send(struct client *c)
{
    struct load *l = c->load;
    reader_reset(&c->reader);
    c->busy = true;
    l->busy++;
    l->sent++;
    c->sent_us = clock_precise_us();
    if (send(c->fd, l->request, l->request_n, MSG_NOSIGNAL) != (ssize_t)l->request_n)
        client_fail(c, "a request that could not be sent", STR_EMPTY);
}

static void on_event(void *context, int64_t sent_us)
{
    struct client *c = context;
    struct load *l = c->load;
    if (c->reader.events == 1)
        l->started++;
    if (!l->going)
        return;
    l->done++;
    histogram_add(&l->latency, clock_precise_us() - sent_us);
}

static bool may_send(const struct load *l)
{
    return !l->stream && l->going && l->sent < l->sent_max && clock_precise_us() < l->end_us;
}

static void answered(struct client *c)
{
    struct load *l = c->load;
    c->busy = false;
    l->busy--;
    if (l->stream)
        return;
    l->done++;
    histogram_add(&l->latency, clock_precise_us() - c->sent_us);
    if (may_send(l))
        client_send(c);
}

static void client_readable(struct client *c)
{
    char bytes[16384];
    ssize_t got = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    struct str text = {bytes, got > 0 ? (size_t)got : 0};
    if (got <= 0 || !c->busy) {
        if (c->busy || got > 0)
            client_fail(c, "a connection that ended, or an answer nobody asked for", text);
        else
            client_close(c);
        return;
    }
    reader_feed(&c->reader, text);
    if (c->reader.fault != NULL)
        client_fail(c, c->reader.fault, text);
    else if (reader_is_done(&c->reader))
        answered(c);
}

/* --- the course ----------------------------------------------------------------------------------
 */

static void client_open(struct load *l)
{
    struct client *c = &l->clients[l->opened++];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(l->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(c->fd >= 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        client_fail(c, "a connection that was refused", STR_EMPTY);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    CHECK(epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0);
    if (l->stream)
        client_send(c);
}

static void open_all(struct load *l)
{
    while (l->opened < l->client_count && (!l->stream || l->opened - l->started < OPENING_MAX))
        client_open(l);
}

static void tell_figures(struct load *l)
{
    printf("{\"done\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"seconds\":%.6f,\"p50_us\":%" PRId64
           ",\"p99_us\":%" PRId64 "}\n",
           l->done, l->bad, (double)(clock_precise_us() - l->begin_us) / 1e6,
           histogram_at(&l->latency, 0.5), histogram_at(&l->latency, 0.99));
    fflush(stdout);
    l->going = false;
}

/* A line of the one who measures: begin, and for streams end. */
static void on_input(struct load *l)
{
    char line[64];
    if (read(STDIN_FILENO, line, sizeof line) <= 0) {
        l->input_ended = true;
        return;
    }
    if (l->going) {
        tell_figures(l);
        return;
    }
    l->going = true;
    l->begin_us = clock_precise_us();
    l->end_us = l->begin_us + l->limit_us;
    for (unsigned i = 0; i < l->client_count && may_send(l); i++) {
        if (l->clients[i].fd >= 0)
            client_send(&l->clients[i]);
    }
}

static void turn(struct load *l)
{
    struct epoll_event events[256];
    int n = epoll_wait(l->epoll, events, 256, -1);
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        if (c == NULL)
            on_input(l);
        else if (c->fd >= 0)
            client_readable(c);
    }
}

static bool is_open(const struct load *l)
{
    return l->opened == l->client_count && (!l->stream || l->started >= l->client_count);
}

static int run(struct load *l)
{
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    bool told_open = false;
    CHECK(epoll_ctl(l->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) == 0);
    while (!l->input_ended) {
        open_all(l);
        if (!told_open && is_open(l)) {
            told_open = true;
            printf("{\"open\":%u,\"bad\":%" PRIu64 "}\n", l->client_count, l->bad);
            fflush(stdout);
        }
        turn(l);
        if (l->busy > 0 || !told_open)
            continue;
        if (l->stream)
            break;
        if (l->going)
            tell_figures(l);
    }
    if (l->stream)
        printf("{\"ended\":%" PRIu64 ",\"bad\":%" PRIu64 "}\n", l->started - l->bad, l->bad);
    return l->bad > 0;
}

/* The arguments behind the kind; false = not understood. */
static bool load_init(struct load *l, int argc, char **argv)
{
    uint64_t port, clients, seconds = 0;
    l->stream = argc == 5 && strcmp(argv[1], "stream") == 0;
    if (!l->stream && (argc != 7 || strcmp(argv[1], "json") != 0))
        return false;
    l->sent_max = UINT64_MAX;
    if (!str_u64(str_of(argv[2]), 65535, &port) || !str_u64(str_of(argv[4]), 100000, &clients) ||
        (!l->stream && (!str_u64(str_of(argv[5]), 600, &seconds) ||
                        !str_u64(str_of(argv[6]), UINT64_MAX, &l->sent_max) || l->sent_max == 0)))
        return false;
    l->port = (uint16_t)port;
    l->client_count = (unsigned)clients;
    l->limit_us = (int64_t)seconds * 1000000;
    l->request_n = request_write(l->request, l->port, argv[3], l->stream);
    l->clients = calloc(l->client_count, sizeof *l->clients);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK(l->clients != NULL && l->epoll >= 0);
    for (unsigned i = 0; i < l->client_count; i++) {
        struct client *c = &l->clients[i];
        *c = (struct client){.load = l, .fd = -1};
        c->reader = (struct answer_reader){.stream = l->stream, .on_event = on_event, .context = c};
    }
    return true;
}

int main(int argc, char **argv)
{
    static struct load l;
    if (!load_init(&l, argc, argv)) {
        fprintf(stderr, "usage: load json PORT KEY CONNECTIONS SECONDS REQUESTS_MAX\n"
                        "       load stream PORT KEY CONNECTIONS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    alarm(LIFETIME_S);
    int status = run(&l);
    free(l.clients);
    return status;
}
