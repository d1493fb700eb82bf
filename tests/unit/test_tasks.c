#include "relay/tasks.h"

#include "relay/relay.h"
#include "relay/task_desk.h"
#include "tests/unit/task_fixture.h"

#define MANY 1000
#define TURNS_MAX 60 /* of a second at most, those that have nothing to do */

/* A worker whose provider is gone from the configuration: asking is over at once, and its tasks get
 * another turn.  Its clock stands still, so no timer is due twice. */
struct scene {
    struct snapshot snapshot;
    struct relay relay;
    struct tasks *tasks;
};

static void turn(struct loop *loop)
{
    loop_wait(loop, 1000);
    loop_run_events(loop);
    loop_run_timers(loop);
    loop_run_ready(loop);
    loop_reap(loop);
}

static void scene_up(struct scene *scene, struct fixture *fixture, int64_t wall_ms)
{
    memset(scene, 0, sizeof *scene);
    scene->snapshot.references = 1;
    scene->snapshot.settings.video_refresh_after_ms = 3000;
    scene->snapshot.settings.video_poll_interval_ms = 15000;
    scene->snapshot.settings.video_poll_interval_max_ms = 60000;
    clock_set(clock_us(), wall_ms);
    struct relay *relay = &scene->relay;
    assert_int_equal(loop_new(&relay->loop), FAULT_NONE);
    relay->store = fixture->store;
    relay->snapshot = &scene->snapshot;
    relay->random = 1;
    relay->desks = task_desks_new(1);
    assert_non_null(relay->desks);
    scene->tasks = tasks_new(relay, 0);
    assert_non_null(scene->tasks);
}

static void scene_down(struct scene *scene)
{
    tasks_stop(scene->tasks);
    while (!tasks_are_idle(scene->tasks))
        turn(scene->relay.loop);
    tasks_free(&scene->tasks);
    task_desks_free(&scene->relay.desks);
    loop_free(&scene->relay.loop);
    assert_int_equal(scene->snapshot.references, 1);
    clock_thaw();
}

/* How many have been asked after. */
static int64_t count_asked(struct fixture *fixture)
{
    json_t *list = admin_ok(fixture, "task list", "{\"limit\":1000}");
    json_t *one;
    size_t i;
    int64_t n = 0;
    json_array_foreach(list, i, one)
    {
        int64_t polls = json_integer_value(json_object_get(one, "polls"));
        assert_in_range(polls, 0, 1);
        n += polls;
    }
    json_decref(list);
    return n;
}

static void many_that_are_due_do_not_wait_for_the_next_look(void **state)
{
    struct fixture *fixture = *state;
    struct making making;
    struct scene scene;
    (void)make_queued(fixture, &making, NULL, T0);
    multiply(fixture, MANY);
    /* Each start spreads them anew over half a minute from now. */
    scene_up(&scene, fixture, clock_wall_ms() + 60000);
    for (int turns = 0; turns < TURNS_MAX && count_asked(fixture) < MANY; turns++)
        turn(scene.relay.loop);
    assert_int_equal(count_asked(fixture), MANY);
    scene_down(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_that_are_due_do_not_wait_for_the_next_look, fixture_up,
                                        fixture_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
