#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/attempt.h"
#include "relay/engine.h"
#include "relay/pool.h"

/* An engine, a provider on the loopback interface, and a try at it. */
struct scene {
    struct loop *loop;
    struct engine *engine;
    int listener;
    char base_url[64], name[4];
    struct provider provider;
    struct buf seen;
};

static bool on_body(void *context, const char *p, size_t n)
{
    struct scene *scene = context;
    return buf_add(&scene->seen, p, n);
}

static void on_changed(void *context)
{
    (void)context;
}

static void turn(struct scene *scene)
{
    loop_wait(scene->loop, 20);
    loop_run_events(scene->loop);
    loop_run_timers(scene->loop);
    engine_collect(scene->engine);
    loop_run_ready(scene->loop);
    loop_reap(scene->loop);
}

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){.name = "P"};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    clock_tick();
    assert_true(engine_open_library());
    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(scene->listener, 8), 0);
    assert_int_equal(getsockname(scene->listener, (struct sockaddr *)&address, &n), 0);
    snprintf(scene->base_url, sizeof scene->base_url, "http://127.0.0.1:%u/v1",
             (unsigned)ntohs(address.sin_port));
    scene->provider = (struct provider){.name = scene->name,
                                        .base_url = scene->base_url,
                                        .allow_private = true,
                                        .connect_timeout_ms = 5000};
    buf_init(&scene->seen, 4096);
    assert_int_equal(loop_new(&scene->loop), FAULT_NONE);
    assert_int_equal(engine_new(&scene->engine, scene->loop, NULL, 4), FAULT_NONE);
}

static void scene_close(struct scene *scene)
{
    engine_free(&scene->engine);
    loop_free(&scene->loop);
    buf_release(&scene->seen);
    close(scene->listener);
}

static struct attempt *ask(struct scene *scene)
{
    const struct call call = {.provider = &scene->provider,
                              .path = "/models",
                              .headers = STR_EMPTY,
                              .whole_ms = 5000,
                              .idle_ms = 5000};
    const struct sink sink = {.body = on_body, .changed = on_changed, .context = scene};
    struct attempt *attempt = NULL;
    buf_clear(&scene->seen);
    assert_int_equal(attempt_start(&attempt, scene->engine, &call, &sink), FAULT_NONE);
    return attempt;
}

static int accept_one(struct scene *scene)
{
    int fd = -1;
    for (int i = 0; i < 250 && fd < 0; i++) {
        turn(scene);
        fd = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
    }
    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void ends_with(struct scene *scene, struct attempt **attempt, const char *body)
{
    for (int i = 0; i < 250 && (*attempt)->end == ATTEMPT_RUNNING; i++)
        turn(scene);
    assert_int_equal((*attempt)->end, ATTEMPT_COMPLETE);
    assert_int_equal((*attempt)->head.status, 200);
    assert_int_equal(scene->seen.n, strlen(body));
    assert_memory_equal(scene->seen.p, body, strlen(body));
    attempt_free(attempt);
}

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

/* One exchange; gives the peer's end of the connection that is idle then. */
static int leave_one_idle(struct scene *scene)
{
    struct attempt *attempt = ask(scene);
    int peer = accept_one(scene);
    say(peer, ANSWER "ok");
    ends_with(scene, &attempt, "ok");
    assert_int_equal(scene->engine->pool.count, 1);
    return peer;
}

static void a_quiet_one_is_used_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    int peer = leave_one_idle(&scene);
    struct attempt *attempt = ask(&scene);
    assert_true(attempt->reused);
    say(peer, ANSWER "2.");
    ends_with(&scene, &attempt, "2.");
    close(peer);
    scene_close(&scene);
}

/* What came before the loop could look is no answer to the next request. */
static void one_that_has_spoken_is_not_used_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    int peer = leave_one_idle(&scene);
    say(peer, ANSWER "no");
    struct attempt *attempt = ask(&scene);
    assert_false(attempt->reused);
    assert_int_equal(scene.engine->pool.count, 0);
    int other = accept_one(&scene);
    say(other, ANSWER "2.");
    ends_with(&scene, &attempt, "2.");
    close(peer);
    close(other);
    scene_close(&scene);
}

static void one_that_was_closed_is_not_used_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    close(leave_one_idle(&scene));
    struct attempt *attempt = ask(&scene);
    assert_false(attempt->reused);
    int other = accept_one(&scene);
    say(other, ANSWER "2.");
    ends_with(&scene, &attempt, "2.");
    close(other);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_one_is_used_again),
        cmocka_unit_test(one_that_has_spoken_is_not_used_again),
        cmocka_unit_test(one_that_was_closed_is_not_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
