#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define RING_BYTES ((size_t)64 << 10)
#define PATIENCE_MS 100 /* for a log that is a full pipe */
#define LINE_MAX_BYTES ((size_t)4096)

/* One writer (its thread), one reader (log_flush).  Positions only grow; the reader owns what lies
 * between `read` and `written`. */
struct ring {
    struct ring *next;
    atomic_size_t written, read;
    atomic_ulong dropped;
    atomic_bool left; /* its thread has ended */
    char bytes[RING_BYTES];
};

/* The log is one of the two things a process has that every thread may reach. */
static struct {
    pthread_mutex_t lock; /* guards the list of rings */
    struct ring *rings;
    atomic_int fd, level, event_fd;
    atomic_bool signalled; /* the eventfd has been written since the last flush began */
    bool is_terminal;
} the_log = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .level = LOG_INFO, .event_fd = -1};
static _Thread_local struct ring *my_ring;

void log_open(int fd, enum log_level level)
{
    atomic_store(&the_log.fd, fd);
    atomic_store(&the_log.level, (int)level);
    the_log.is_terminal = isatty(fd) == 1;
    if (atomic_load(&the_log.event_fd) < 0)
        atomic_store(&the_log.event_fd, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

void log_set_level(enum log_level level)
{
    atomic_store(&the_log.level, (int)level);
}

int log_fd(void)
{
    return atomic_load(&the_log.event_fd);
}

/* Wakes the main thread once for many lines. */
static void signal_main(void)
{
    if (atomic_exchange(&the_log.signalled, true))
        return;
    uint64_t one = 1;
    ssize_t done = write(log_fd(), &one, sizeof one);
    (void)done; /* without an eventfd the main thread looks from time to time */
}

void log_join(void)
{
    CHECK(my_ring == NULL);
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return; /* its lines are written at once instead */
    pthread_mutex_lock(&the_log.lock);
    ring->next = the_log.rings;
    the_log.rings = ring;
    pthread_mutex_unlock(&the_log.lock);
    my_ring = ring;
}

void log_leave(void)
{
    if (my_ring == NULL)
        return;
    atomic_store(&my_ring->left, true);
    my_ring = NULL;
    signal_main();
}

#define LONG_TOKEN 16 /* that many characters are a secret even in the middle of a word */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-_.~+/=", c) != NULL);
}

static bool is_url_char(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && strchr("\"'<>)\\", c) == NULL;
}

static size_t run_of(struct str text, bool (*belongs)(char c))
{
    size_t n = 0;
    while (n < text.n && belongs(text.p[n]))
        n++;
    return n;
}

/* The length of "://user:pass" (without the '@') if that is what text begins with, else 0. */
static size_t login_length(struct str text)
{
    struct str authority = str_from(text, 3);
    authority = str_slice(authority, 0, run_of(authority, is_url_char));
    size_t login = 0;
    for (size_t i = 0; i < authority.n && !strchr("/?#", authority.p[i]); i++) {
        if (authority.p[i] == '@')
            login = i;
    }
    return login > 0 ? 3 + login : 0;
}

/* How many bytes at the beginning of `text` are a secret with its mark; *keep of them, the mark,
 * stay.  `inside`: a letter or digit stands before it. */
static size_t secret_length(struct str text, bool inside, bool hosts, size_t *keep)
{
    static const struct {
        const char *begin;
        size_t shortest; /* a shorter run behind it is an ordinary word */
    } marks[] = {{"sk-", 3}, {"Bearer ", 6}, {"org-", 6}, {"proj_", 6}};
    for (size_t i = 0; i < COUNT(marks); i++) {
        struct str begin = str_of(marks[i].begin);
        if (!str_starts_nocase(text, begin))
            continue;
        size_t run = run_of(str_from(text, begin.n), is_token_char);
        *keep = begin.n;
        return run >= (inside ? LONG_TOKEN : marks[i].shortest) ? begin.n + run : 0;
    }
    if (str_starts(text, STR("://"))) {
        *keep = 3;
        return login_length(text);
    }
    *keep = 0;
    bool is_url =
        str_starts_nocase(text, STR("http://")) || str_starts_nocase(text, STR("https://"));
    return hosts && is_url ? run_of(text, is_url_char) : 0;
}

size_t log_mask(char *text, size_t n, bool hosts)
{
    CHECK(text || n == 0);
    size_t out = 0, at = 0;
    bool inside = false;
    while (at < n) {
        size_t keep = 0;
        struct str rest = {text + at, n - at};
        /* Only these letters begin a mark: most bytes are passed by quickly. */
        bool may = strchr("sSbBoOpPhH:", *rest.p) != NULL && *rest.p != '\0';
        size_t secret = may ? secret_length(rest, inside, hosts, &keep) : 0;
        inside = is_alnum(*rest.p);
        if (secret == 0) {
            text[out++] = text[at++];
            continue;
        }
        memmove(text + out, text + at, keep);
        out += keep;
        for (size_t stars = 0; stars < 3 && stars < secret - keep; stars++)
            text[out++] = '*';
        at += secret;
        inside = false;
    }
    return out;
}

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* A terminal obeys control bytes, those of C1 (U+0080..9F) too. */
static bool add_for_terminal(struct buf *line, struct str text)
{
    bool ok = true;
    for (size_t i = 0; ok && i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        unsigned char next = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;
        bool is_c1 = c == 0xc2 && next >= 0x80 && next <= 0x9f;
        if (c < 0x20 || c == 0x7f || is_c1)
            ok = buf_addf(line, "\\x%02x", is_c1 ? next : c);
        else
            ok = buf_add_char(line, text.p[i]);
        i += is_c1 ? 1 : 0;
    }
    return ok;
}

static bool format_line(struct buf *line, enum log_level level, const char *room, struct str text)
{
    char when[CLOCK_TEXT_SIZE];
    clock_format_utc(clock_wall_ms(), when);
    if (the_log.is_terminal) {
        return buf_addf(line, "%s %s %s: ", when, level_names[level], room) &&
               add_for_terminal(line, text) && buf_add_char(line, '\n');
    }
    return buf_addf(line, "{\"ts\":\"%s\",\"level\":\"%s\",\"room\":\"%s\",\"msg\":\"", when,
                    level_names[level], room) &&
           buf_add_json(line, text) && buf_add_str(line, STR("\"}\n"));
}

static void write_all(const char *p, size_t n)
{
    int fd = atomic_load(&the_log.fd);
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN) {
            struct pollfd slow = {.fd = fd, .events = POLLOUT};
            if (poll(&slow, 1, PATIENCE_MS) == 1)
                continue;
        }
        if (done <= 0)
            return; /* the log's reader has gone or is stuck: the rest is lost */
        p += done;
        n -= (size_t)done;
    }
}

static void ring_put(struct ring *ring, struct str line)
{
    size_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t read = atomic_load_explicit(&ring->read, memory_order_acquire);
    if (RING_BYTES - (written - read) < line.n) {
        atomic_fetch_add(&ring->dropped, 1);
        signal_main();
        return;
    }
    size_t at = written % RING_BYTES;
    size_t first = line.n < RING_BYTES - at ? line.n : RING_BYTES - at;
    memcpy(ring->bytes + at, line.p, first);
    memcpy(ring->bytes, line.p + first, line.n - first);
    atomic_store_explicit(&ring->written, written + line.n, memory_order_release);
    signal_main();
}

static void log_writev(enum log_level level, const char *room, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

static void log_writev(enum log_level level, const char *room, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    int n = vsnprintf(text, sizeof text, format, args);
    if (n < 0)
        return;
    size_t bytes = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    bytes = log_mask(text, bytes, false);
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES * 8);
    if (format_line(&line, level, room, (struct str){text, bytes})) {
        if (my_ring != NULL)
            ring_put(my_ring, buf_str(&line));
        else
            write_all(line.p, line.n);
    } else if (my_ring != NULL) {
        atomic_fetch_add(&my_ring->dropped, 1); /* out of memory */
    }
    buf_release(&line);
}

void log_write(enum log_level level, const char *room, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&the_log.level, memory_order_relaxed))
        return;
    va_list args;
    va_start(args, format);
    log_writev(level, room, format, args);
    va_end(args);
}

void log_limited(int64_t *gate, enum log_level level, const char *room, const char *format, ...)
{
    /* A call site may be shared by threads; two of them that meet may both write. */
    if ((int)level < atomic_load_explicit(&the_log.level, memory_order_relaxed) ||
        clock_ms() < __atomic_load_n(gate, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(gate, clock_ms() + 1000, __ATOMIC_RELAXED);
    va_list args;
    va_start(args, format);
    log_writev(level, room, format, args);
    va_end(args);
}

static void ring_drain(struct ring *ring)
{
    size_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    size_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    while (read < written) {
        size_t at = read % RING_BYTES;
        size_t piece = written - read < RING_BYTES - at ? written - read : RING_BYTES - at;
        write_all(ring->bytes + at, piece);
        read += piece;
        atomic_store_explicit(&ring->read, read, memory_order_release);
    }
    unsigned long dropped = atomic_exchange(&ring->dropped, 0);
    if (dropped == 0)
        return;
    char text[64];
    int n = snprintf(text, sizeof text, "%lu lines were dropped", dropped);
    struct buf line;
    buf_init(&line, 512);
    /* Whatever the level: that lines are missing must be known. */
    if (n > 0 && format_line(&line, LOG_WARNING, "log", (struct str){text, (size_t)n}))
        write_all(line.p, line.n);
    buf_release(&line);
}

/* Unlinks and frees a ring whose thread has ended. */
static void ring_bury(struct ring *ring)
{
    pthread_mutex_lock(&the_log.lock);
    struct ring **at = &the_log.rings;
    while (*at != ring)
        at = &(*at)->next;
    *at = ring->next;
    pthread_mutex_unlock(&the_log.lock);
    free(ring);
}

void log_flush(void)
{
    /* In this order: a line that is put meanwhile is either seen below or signalled anew. */
    uint64_t count;
    ssize_t got = read(log_fd(), &count, sizeof count);
    (void)got;
    atomic_exchange(&the_log.signalled, false);
    /* Rings are only ever added before the first, and only we take one out: no lock is needed while
     * a slow log is written. */
    pthread_mutex_lock(&the_log.lock);
    struct ring *ring = the_log.rings;
    pthread_mutex_unlock(&the_log.lock);
    while (ring != NULL) {
        struct ring *next = ring->next;
        bool left = atomic_load(&ring->left); /* before the last drain */
        ring_drain(ring);
        if (left)
            ring_bury(ring);
        ring = next;
    }
}
