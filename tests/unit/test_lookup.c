#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "relay/conn.h"
#include "relay/engine.h"
#include "relay/lookup.h"

#define WAITING 5 /* one more than a turn tells */

/* Connections of one origin over TLS.  They have no handle of libcurl's: to dial one fails at once,
 * and its user is told. */
struct scene {
    struct loop *loop;
    struct engine engine;
    struct origin origin;
    struct conn first, waiting[WAITING], second, third;
    unsigned told;
};

static void on_opened(void *context, enum dial_end end)
{
    struct scene *scene = context;
    assert_int_equal(end, DIAL_FAILED);
    scene->told++;
}

static void conn_set(struct scene *scene, struct conn *conn)
{
    *conn = (struct conn){.engine = &scene->engine,
                          .origin = &scene->origin,
                          .user = {.opened = on_opened, .context = scene},
                          .dial_until_ms = clock_ms() + 60000};
}

static int up(void **state)
{
    static struct scene scene;
    scene = (struct scene){.told = 0};
    clock_tick();
    assert_int_equal(loop_new(&scene.loop), FAULT_NONE);
    scene.engine.loop = scene.loop;
    scene.origin.is_tls = true;
    lookup_init(&scene.origin.lookup, scene.loop);
    conn_set(&scene, &scene.first);
    conn_set(&scene, &scene.second);
    conn_set(&scene, &scene.third);
    for (unsigned i = 0; i < WAITING; i++)
        conn_set(&scene, &scene.waiting[i]);
    *state = &scene;
    return 0;
}

static int down(void **state)
{
    struct scene *scene = *state;
    lookup_release(&scene->origin.lookup);
    loop_free(&scene->loop);
    return 0;
}

/* The second address of a name is tried while those who waited for the first are still told. */
static void second_address_is_no_answer_to_the_next_look_up(void **state)
{
    struct scene *scene = *state;
    assert_true(lookup_begin(&scene->first));
    for (unsigned i = 0; i < WAITING; i++)
        assert_false(lookup_begin(&scene->waiting[i]));
    lookup_note_address(&scene->first);
    loop_run_ready(scene->loop);
    assert_int_equal(scene->told, WAITING - 1);
    lookup_note_address(&scene->first);
    loop_run_timers(scene->loop);
    assert_int_equal(scene->told, WAITING);
    assert_true(lookup_begin(&scene->second));
    assert_false(lookup_begin(&scene->third));
    loop_run_ready(scene->loop);
    assert_int_equal(scene->told, WAITING);
    lookup_note_address(&scene->second);
    loop_run_ready(scene->loop);
    assert_int_equal(scene->told, WAITING + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_address_is_no_answer_to_the_next_look_up, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
