#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"

#define WALL_MS INT64_C(1709164800123) /* 2024-02-29T00:00:00Z */

static int ends[2]; /* what the log writes comes out of ends[0] */
static char text[1 << 20];

static int set_up(void **state)
{
    (void)state;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    clock_set(1000000, WALL_MS);
    log_open(ends[1], LOG_INFO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    log_leave();
    log_flush();
    close(ends[0]);
    close(ends[1]);
    clock_thaw();
    return 0;
}

/* What was written since the last call. */
static const char *written(void)
{
    size_t n = 0;
    ssize_t got = 0;
    while (n < sizeof text - 1 && (got = read(ends[0], text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return text;
}

static size_t count_of(const char *needle)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

static bool log_fd_is_readable(void)
{
    struct pollfd fd = {.fd = log_fd(), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void line_in_a_file_is_a_json_object(void **state)
{
    (void)state;
    log_write(LOG_WARNING, "relay", "a \"b\"\n%d\x01", 7);
    assert_string_equal(written(), "{\"ts\":\"2024-02-29T00:00:00Z\",\"level\":\"warning\","
                                   "\"room\":\"relay\",\"msg\":\"a \\\"b\\\"\\n7\\u0001\"}\n");
}

static void line_on_a_terminal_escapes_control_bytes(void **state)
{
    (void)state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0)
        skip(); /* a machine without pseudo terminals */
    int slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    struct termios raw;
    assert_int_equal(tcgetattr(slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
    log_open(slave, LOG_INFO);
    log_write(LOG_ERROR, "server", "a\x1b[2J\n\xc2\x9b\x7f é");
    struct pollfd ready = {.fd = terminal, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 10000), 1);
    ssize_t n = read(terminal, text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, "2024-02-29T00:00:00Z error server: a\\x1b[2J\\x0a\\x9b\\x7f é\n");
    log_open(ends[1], LOG_INFO);
    close(slave);
    close(terminal);
}

static void line_below_the_level_is_not_written(void **state)
{
    (void)state;
    log_write(LOG_DEBUG, "relay", "quiet");
    assert_string_equal(written(), "");
    log_set_level(LOG_DEBUG);
    log_write(LOG_DEBUG, "relay", "loud");
    assert_non_null(strstr(written(), "loud"));
}

static void line_is_masked_whatever_the_caller_passed(void **state)
{
    (void)state;
    log_write(LOG_INFO, "relay", "key %s, header %s", "sk-abcdefghijkl", "Bearer abcdefghijkl");
    assert_non_null(strstr(written(), "key sk-***, header Bearer ***"));
    assert_null(strstr(text, "abcdef"));
}

static void joined_thread_writes_only_at_the_flush(void **state)
{
    (void)state;
    log_flush();
    assert_false(log_fd_is_readable());
    log_join();
    log_write(LOG_INFO, "store", "first");
    log_write(LOG_INFO, "store", "second");
    assert_string_equal(written(), "");
    assert_true(log_fd_is_readable());
    log_flush();
    written();
    assert_true(strstr(text, "first") < strstr(text, "second"));
    assert_int_equal(count_of("\n"), 2);
    assert_false(log_fd_is_readable());
    log_flush();
    assert_string_equal(written(), "");
    log_write(LOG_INFO, "store", "third");
    assert_true(log_fd_is_readable());
}

static void line_of_a_thread_that_left_is_still_written(void **state)
{
    (void)state;
    log_join();
    log_write(LOG_INFO, "store", "the last words");
    log_leave();
    log_leave();
    log_flush();
    assert_non_null(strstr(written(), "the last words"));
    log_write(LOG_INFO, "store", "at once");
    assert_non_null(strstr(written(), "at once"));
}

static void full_ring_drops_and_says_how_many(void **state)
{
    (void)state;
    char expected[64];
    log_join();
    for (int i = 0; i < 2000; i++)
        log_write(LOG_INFO, "relay", "line %d of many", i);
    log_flush();
    written();
    size_t kept = count_of("of many");
    assert_in_range(kept, 500, 1000);
    snprintf(expected, sizeof expected, "%zu lines were dropped", 2000 - kept);
    assert_int_equal(count_of(expected), 1);
    assert_int_equal(count_of("line 0 of many"), 1);
    /* There is room again, past the end of the ring, too. */
    for (int i = 0; i < 2000; i++) {
        log_write(LOG_INFO, "relay", "again");
        log_flush();
    }
    written();
    assert_int_equal(count_of("\"again\"}\n"), 2000);
    assert_int_equal(count_of("dropped"), 0);
}

static void long_line_is_cut(void **state)
{
    (void)state;
    log_write(LOG_INFO, "relay", "%0100000d", 7);
    size_t n = strlen(written());
    assert_in_range(n, 1000, 8000);
    assert_int_equal(text[n - 1], '\n');
}

static void limited_line_comes_once_a_second(void **state)
{
    (void)state;
    int64_t gate = 0;
    for (int ms = 0; ms < 2500; ms += 100) {
        clock_set(INT64_C(1000) * (5000 + ms), WALL_MS);
        log_limited(&gate, LOG_INFO, "relay", "often %d", ms);
    }
    written();
    assert_int_equal(count_of("often"), 3);
    assert_int_equal(count_of("often 0\""), 1);
    assert_int_equal(count_of("often 1000\""), 1);
    assert_int_equal(count_of("often 2000\""), 1);
}

#define THREADS 4
#define LINES 5000

static void *write_lines(void *gate)
{
    log_join();
    for (int i = 0; i < LINES; i++) {
        log_write(LOG_INFO, "relay", "a line of a thread");
        log_limited(gate, LOG_DEBUG, "relay", "below the level");
        if (i % 100 == 0)
            log_limited(gate, LOG_INFO, "relay", "limited");
    }
    log_leave();
    return NULL;
}

/* Every line is either there, whole, or counted as dropped. */
static void lines_of_many_threads_are_whole_and_counted(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    static int64_t gate;
    size_t seen = 0, dropped = 0, ended = 0, limited = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &gate), 0);
    for (bool last = false; !last;) {
        last = ended == THREADS;
        if (!last && pthread_tryjoin_np(threads[ended], NULL) == 0)
            ended++;
        log_flush();
        written();
        seen += count_of("\"msg\":\"a line of a thread\"}\n");
        limited += count_of("\"limited\"}\n");
        for (const char *at = text; (at = strstr(at, " lines were dropped")) != NULL; at++) {
            const char *digits = at;
            while (digits[-1] >= '0' && digits[-1] <= '9')
                digits--;
            uint64_t n = 0;
            assert_true(str_u64((struct str){digits, (size_t)(at - digits)}, UINT64_MAX, &n));
            dropped += n;
        }
    }
    assert_true(limited < THREADS * LINES / 100); /* the run may last longer than a second */
    assert_in_range(seen + limited + dropped, THREADS * LINES + 1,
                    THREADS * LINES + THREADS * LINES / 100);
    assert_true(seen > 0);
}

static void expect_mask(const char *raw, bool hosts, const char *expected)
{
    char line[256];
    size_t n = strlen(raw);
    memcpy(line, raw, n);
    size_t masked = log_mask(line, n, hosts);
    assert_true(masked <= n);
    line[masked] = '\0';
    assert_string_equal(line, expected);
}

static void mask_hides_every_kind_of_secret(void **state)
{
    (void)state;
    expect_mask("Incorrect key: sk-proj-AbC_123. Next", false, "Incorrect key: sk-*** Next");
    expect_mask("sk-abcdef", false, "sk-***");
    expect_mask("{\"k\":\"sk-abcdef\"}", false, "{\"k\":\"sk-***\"}");
    expect_mask("key=sk-abcdef&x", false, "key=sk-***&x");
    expect_mask("my-sk-abcdef", false, "my-sk-***");
    expect_mask("xsk-0123456789abcdef", false, "xsk-***");
    expect_mask("authorization: bearer abcdefghi==", false, "authorization: bearer ***");
    expect_mask("organization org-AbCdEf123 is", false, "organization org-*** is");
    expect_mask("two sk-aaaaaa sk-bbbbbb", false, "two sk-*** sk-***");
    expect_mask("http://me:word@host/x", false, "http://***@host/x");
    expect_mask("socks5://me@host:1", false, "socks5://**@host:1");
    expect_mask("redis://a:p@ss@host", false, "redis://***@host");
}

static void mask_hides_hosts_if_asked(void **state)
{
    (void)state;
    expect_mask("see https://up.example/x?y=1 now", true, "see *** now");
    expect_mask("(HTTP://10.0.0.1:8080)", true, "(***)");
    expect_mask("see https://up.example/x now", false, "see https://up.example/x now");
    expect_mask("http://me:word@host/x", true, "***");
}

static void mask_leaves_ordinary_words(void **state)
{
    (void)state;
    static const char *const ordinary[] = {"task-queue of the risk-team",
                                           "Expected 'Bearer <token>'",
                                           "a bearer token",
                                           "sk-",
                                           "org-x",
                                           "",
                                           "://",
                                           "http://host/a@b",
                                           "file:///etc/passwd",
                                           "mail to me@host"};
    for (size_t i = 0; i < COUNT(ordinary); i++)
        expect_mask(ordinary[i], false, ordinary[i]);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(line_in_a_file_is_a_json_object),
        LOG_TEST(line_on_a_terminal_escapes_control_bytes),
        LOG_TEST(line_below_the_level_is_not_written),
        LOG_TEST(line_is_masked_whatever_the_caller_passed),
        LOG_TEST(joined_thread_writes_only_at_the_flush),
        LOG_TEST(line_of_a_thread_that_left_is_still_written),
        LOG_TEST(full_ring_drops_and_says_how_many),
        LOG_TEST(long_line_is_cut),
        LOG_TEST(limited_line_comes_once_a_second),
        LOG_TEST(lines_of_many_threads_are_whole_and_counted),
        cmocka_unit_test(mask_hides_every_kind_of_secret),
        cmocka_unit_test(mask_hides_hosts_if_asked),
        cmocka_unit_test(mask_leaves_ordinary_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
