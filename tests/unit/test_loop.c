#include "base/loop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static struct loop *loop;

/* One end is watched, the other is written by the test. */
struct end {
    struct watch watch;
    int pair[2];
    int calls;
    uint32_t events;
    struct end *victim; /* unwatched by the callback */
};

static int set_up(void **state)
{
    (void)state;
    clock_set(1000000, 0);
    return loop_new(&loop) == FAULT_NONE ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(&loop);
    assert_null(loop);
    clock_thaw();
    return 0;
}

static void on_events(struct watch *watch, uint32_t events)
{
    struct end *end = CONTAINER_OF(watch, struct end, watch);
    end->calls++;
    end->events = events;
    if (end->victim)
        loop_unwatch(loop, &end->victim->watch);
}

static void end_open(struct end *end, uint32_t events)
{
    *end = (struct end){.watch = {.fd = -1, .on_events = on_events}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, end->pair), 0);
    assert_true(loop_watch(loop, &end->watch, end->pair[0], events));
}

static void end_close(struct end *end)
{
    loop_unwatch(loop, &end->watch);
    close(end->pair[0]);
    close(end->pair[1]);
}

static void poke(struct end *end)
{
    assert_int_equal(write(end->pair[1], "x", 1), 1);
}

static void turn(void)
{
    loop_wait(loop, 0);
    loop_run_events(loop);
}

static void level_triggered_watch_is_called_until_it_is_read(void **state)
{
    (void)state;
    struct end end;
    char byte;
    end_open(&end, EPOLLIN);
    turn();
    assert_int_equal(end.calls, 0);
    poke(&end);
    turn();
    turn();
    assert_int_equal(end.calls, 2);
    assert_int_equal(end.events, EPOLLIN);
    assert_int_equal(read(end.pair[0], &byte, 1), 1);
    turn();
    assert_int_equal(end.calls, 2);
    end_close(&end);
}

static void edge_triggered_watch_is_called_once(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, EPOLLIN | EPOLLRDHUP | EPOLLET);
    poke(&end);
    turn();
    turn();
    assert_int_equal(end.calls, 1);
    assert_int_equal(shutdown(end.pair[1], SHUT_WR), 0);
    turn();
    assert_int_equal(end.calls, 2);
    assert_true(end.events & EPOLLRDHUP);
    end_close(&end);
}

static void watch_changed_gets_the_new_events(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, EPOLLIN);
    assert_true(loop_watch(loop, &end.watch, end.pair[0], EPOLLOUT));
    poke(&end);
    turn();
    assert_int_equal(end.events, EPOLLOUT);
    end_close(&end);
    assert_int_equal(end.watch.fd, -1);
}

static void event_no_longer_wanted_is_not_told(void **state)
{
    (void)state;
    struct end end;
    end_open(&end, EPOLLIN);
    poke(&end);
    loop_wait(loop, 0);
    assert_true(loop_watch(loop, &end.watch, end.pair[0], 0));
    loop_run_events(loop);
    assert_int_equal(end.calls, 0);
    end_close(&end);
}

static void unwatch_in_a_callback_drops_events_of_this_turn(void **state)
{
    (void)state;
    struct end a, b;
    end_open(&a, EPOLLIN);
    end_open(&b, EPOLLIN);
    a.victim = &b;
    b.victim = &a;
    poke(&a);
    poke(&b);
    turn();
    assert_int_equal(a.calls + b.calls, 1);
    turn();
    assert_int_equal(a.calls + b.calls, 2); /* the survivor, again */
    end_close(&a);
    end_close(&b);
}

static void watch_of_a_bad_fd_is_refused(void **state)
{
    (void)state;
    struct watch watch = {.fd = -1, .on_events = on_events};
    assert_false(loop_watch(loop, &watch, 1 << 30, EPOLLIN));
    assert_int_equal(watch.fd, -1);
    loop_unwatch(loop, &watch);
}

static void more_events_than_a_batch_are_all_told(void **state)
{
    (void)state;
    static struct end ends[150];
    char byte;
    for (size_t i = 0; i < COUNT(ends); i++) {
        end_open(&ends[i], EPOLLIN | EPOLLET);
        poke(&ends[i]);
    }
    for (int turns = 0; turns < 3; turns++)
        turn();
    for (size_t i = 0; i < COUNT(ends); i++) {
        assert_int_equal(ends[i].calls, 1);
        assert_int_equal(read(ends[i].pair[0], &byte, 1), 1);
        end_close(&ends[i]);
    }
}

static int mails;

static void on_mail(struct mail *mail)
{
    (void)mail;
    mails++;
}

static void *post(void *mail)
{
    mailbox_post(loop_mailbox(loop), mail);
    return NULL;
}

static void mail_of_another_thread_ends_the_wait(void **state)
{
    (void)state;
    struct mail mail = {.deliver = on_mail};
    pthread_t thread;
    mails = 0;
    assert_int_equal(pthread_create(&thread, NULL, post, &mail), 0);
    loop_wait(loop, -1);
    loop_run_events(loop);
    assert_int_equal(mails, 1);
    pthread_join(thread, NULL);
    turn();
    assert_int_equal(mails, 1);
}

struct worker {
    struct ready ready;
    struct worker *next; /* marked by its run */
    int runs, again, order;
};

static int order;

static void run(struct ready *ready)
{
    struct worker *worker = CONTAINER_OF(ready, struct worker, ready);
    worker->runs++;
    worker->order = ++order;
    if (worker->again-- > 0)
        loop_mark(loop, ready);
    if (worker->next)
        loop_mark(loop, &worker->next->ready);
}

static void ready_list_runs_in_order_and_once_for_two_marks(void **state)
{
    (void)state;
    struct worker a = {.ready.run = run}, b = {.ready.run = run};
    order = 0;
    assert_false(loop_has_ready(loop));
    loop_mark(loop, &b.ready);
    loop_mark(loop, &a.ready);
    loop_mark(loop, &b.ready);
    assert_true(loop_has_ready(loop));
    loop_run_ready(loop);
    assert_int_equal(b.order, 1);
    assert_int_equal(a.order, 2);
    assert_int_equal(b.runs, 1);
    assert_false(loop_has_ready(loop));
}

static void marked_while_running_runs_in_the_same_call(void **state)
{
    (void)state;
    struct worker b = {.ready.run = run};
    struct worker a = {.ready.run = run, .again = 3, .next = &b};
    order = 0;
    loop_mark(loop, &a.ready);
    loop_run_ready(loop);
    assert_int_equal(a.runs, 4);
    assert_true(b.runs >= 1);
    assert_false(loop_has_ready(loop));
}

static void unmark_anywhere_keeps_the_rest(void **state)
{
    (void)state;
    for (int gone = 0; gone < 3; gone++) {
        struct worker workers[4] = {{.runs = 0}};
        for (int i = 0; i < 3; i++) {
            workers[i].ready.run = run;
            loop_mark(loop, &workers[i].ready);
        }
        loop_unmark(loop, &workers[gone].ready);
        loop_unmark(loop, &workers[gone].ready);
        workers[3].ready.run = run;
        loop_mark(loop, &workers[3].ready);
        loop_run_ready(loop);
        for (int i = 0; i < 4; i++)
            assert_int_equal(workers[i].runs, i == gone ? 0 : 1);
    }
}

static void mark_for_ever(struct ready *ready)
{
    loop_mark(loop, ready);
}

static void livelock_of_the_ready_list_aborts(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka would catch it */
        struct ready ready = {.run = mark_for_ever};
        loop_mark(loop, &ready);
        loop_run_ready(loop);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

struct body {
    struct grave grave;
    struct body *other; /* buried by its release */
};

static int released;

static void release(struct grave *grave)
{
    struct body *body = CONTAINER_OF(grave, struct body, grave);
    released++;
    if (body->other)
        loop_bury(loop, &body->other->grave);
    free(body);
}

static void reap_releases_what_is_buried_meanwhile_too(void **state)
{
    (void)state;
    struct body *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
    assert_non_null(a);
    assert_non_null(b);
    *a = (struct body){.grave.release = release, .other = b};
    *b = (struct body){.grave.release = release};
    released = 0;
    loop_bury(loop, &a->grave);
    assert_int_equal(released, 0);
    loop_reap(loop);
    assert_int_equal(released, 2);
    loop_reap(loop);
    assert_int_equal(released, 2);
}

static int fired;

static void on_timer(struct timer *timer)
{
    (void)timer;
    fired++;
}

static void timer_fires_when_the_clock_says_so(void **state)
{
    (void)state;
    struct timer timer;
    timer_init(&timer, on_timer);
    fired = 0;
    timer_arm(loop_timers(loop), &timer, clock_ms() + 5);
    loop_run_timers(loop);
    assert_int_equal(fired, 0);
    clock_set(1005000, 0);
    loop_wait(loop, -1); /* comes back at once: the timer is due */
    loop_run_events(loop);
    loop_run_timers(loop);
    assert_int_equal(fired, 1);
}

static void wait_ends_for_a_timer_without_a_spin(void **state)
{
    (void)state;
    struct timer timer;
    clock_thaw();
    timer_init(&timer, on_timer);
    fired = 0;
    timer_arm(loop_timers(loop), &timer, clock_ms() + 5);
    int waits = 0;
    while (fired == 0) {
        loop_wait(loop, -1);
        loop_run_events(loop);
        loop_run_timers(loop);
        waits++;
    }
    assert_int_equal(waits, 1);
}

static void wait_with_something_ready_comes_back(void **state)
{
    (void)state;
    struct worker a = {.ready.run = run};
    loop_mark(loop, &a.ready);
    loop_wait(loop, -1); /* would sleep for ever */
    loop_run_events(loop);
    loop_run_ready(loop);
    assert_int_equal(a.runs, 1);
}

static void lag_is_the_longest_turn_and_starts_anew(void **state)
{
    (void)state;
    assert_int_equal(loop_lag_us(loop), 0);
    clock_set(2000000, 0); /* before the first wait: no turn */
    turn();
    clock_set(2000700, 0);
    turn();
    clock_set(2000800, 0);
    turn();
    assert_int_equal(loop_lag_us(loop), 700);
    assert_int_equal(loop_lag_us(loop), 0);
}

static bool stranger_owned;

static void *own(void *argument)
{
    (void)argument;
    bool before = loop_is_mine(loop);
    loop_own(loop);
    stranger_owned = !before && loop_is_mine(loop);
    return NULL;
}

static void own_gives_the_loop_to_the_calling_thread(void **state)
{
    (void)state;
    pthread_t thread;
    assert_true(loop_is_mine(loop));
    assert_int_equal(pthread_create(&thread, NULL, own, NULL), 0);
    pthread_join(thread, NULL);
    assert_true(stranger_owned);
    assert_false(loop_is_mine(loop));
    loop_own(loop);
    assert_true(loop_is_mine(loop));
}

static void free_of_null_does_nothing(void **state)
{
    (void)state;
    struct loop *none = NULL;
    loop_free(&none);
    assert_null(none);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(level_triggered_watch_is_called_until_it_is_read),
        LOOP_TEST(edge_triggered_watch_is_called_once),
        LOOP_TEST(watch_changed_gets_the_new_events),
        LOOP_TEST(event_no_longer_wanted_is_not_told),
        LOOP_TEST(unwatch_in_a_callback_drops_events_of_this_turn),
        LOOP_TEST(watch_of_a_bad_fd_is_refused),
        LOOP_TEST(more_events_than_a_batch_are_all_told),
        LOOP_TEST(mail_of_another_thread_ends_the_wait),
        LOOP_TEST(ready_list_runs_in_order_and_once_for_two_marks),
        LOOP_TEST(marked_while_running_runs_in_the_same_call),
        LOOP_TEST(unmark_anywhere_keeps_the_rest),
        LOOP_TEST(livelock_of_the_ready_list_aborts),
        LOOP_TEST(reap_releases_what_is_buried_meanwhile_too),
        LOOP_TEST(timer_fires_when_the_clock_says_so),
        LOOP_TEST(wait_ends_for_a_timer_without_a_spin),
        LOOP_TEST(wait_with_something_ready_comes_back),
        LOOP_TEST(lag_is_the_longest_turn_and_starts_anew),
        LOOP_TEST(own_gives_the_loop_to_the_calling_thread),
        LOOP_TEST(free_of_null_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
