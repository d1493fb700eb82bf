/* A plain HTTP client for tests of servers on the loopback interface: one request a connection. */
#ifndef TESTS_UNIT_LOOPBACK_CLIENT_H
#define TESTS_UNIT_LOOPBACK_CLIENT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"

#define REPLY_MAX ((size_t)4 << 20)

struct reply {
    int status;
    struct buf head, body; /* the body without its chunks' framing; NUL behind both */
    bool whole;            /* it ended as its head had said */
};

/* `headers`: further lines, each with its CRLF. */
static int dial_bytes(uint16_t port, const char *method, const char *path, const char *headers,
                      struct str body)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    struct buf request;
    buf_init(&request, REPLY_MAX);
    assert_true(buf_addf(&request,
                         "%s %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
                         "content-length: %zu\r\n%s\r\n",
                         method, path, body.n, headers));
    assert_true(buf_add_str(&request, body));
    assert_int_equal(send(fd, request.p, request.n, MSG_NOSIGNAL), (ssize_t)request.n);
    buf_release(&request);
    return fd;
}

static int dial(uint16_t port, const char *method, const char *path, const char *body)
{
    return dial_bytes(port, method, path, "", str_of(body));
}

static void add_text(struct buf *to, const char *p, size_t n)
{
    assert_true(buf_add(to, p, n));
    assert_true(buf_reserve(to, 1));
    to->p[to->n] = '\0';
}

static void unchunk(struct reply *reply, const char *p, const char *end)
{
    while (p < end) {
        char *line_end;
        size_t n = strtoul(p, &line_end, 16);
        const char *data = line_end + 2;
        if (data > end || n > (size_t)(end - data))
            return;
        reply->whole = n == 0;
        add_text(&reply->body, data, n);
        p = data + n + 2;
    }
}

static void read_reply(int fd, struct reply *reply)
{
    struct buf raw;
    buf_init(&raw, REPLY_MAX);
    memset(reply, 0, sizeof *reply);
    buf_init(&reply->head, REPLY_MAX);
    buf_init(&reply->body, REPLY_MAX);
    char piece[4096];
    ssize_t got;
    while ((got = recv(fd, piece, sizeof piece, 0)) > 0)
        add_text(&raw, piece, (size_t)got);
    close(fd);
    if (raw.n == 0)
        return;
    const char *end = raw.p + raw.n;
    const char *body = strstr(raw.p, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    add_text(&reply->head, raw.p, (size_t)(body - raw.p));
    assert_int_equal(sscanf(raw.p, "HTTP/1.1 %d", &reply->status), 1);
    add_text(&reply->body, "", 0);
    const char *length = strcasestr(reply->head.p, "content-length: ");
    if (length == NULL) {
        unchunk(reply, body, end);
    } else {
        add_text(&reply->body, body, (size_t)(end - body));
        reply->whole = strtoul(length + 16, NULL, 10) == reply->body.n;
    }
    buf_release(&raw);
}

static void reply_release(struct reply *reply)
{
    buf_release(&reply->head);
    buf_release(&reply->body);
}

static struct reply ask(uint16_t port, const char *method, const char *path, const char *body)
{
    struct reply reply;
    read_reply(dial(port, method, path, body), &reply);
    return reply;
}

#endif
