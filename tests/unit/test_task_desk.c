#include "relay/task_desk.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static int64_t id_of_worker(unsigned worker, unsigned workers, int64_t from)
{
    while (task_owner(from, workers) != worker)
        from++;
    return from;
}

static void task_lies_on_the_desk_of_its_owner_in_order(void **state)
{
    (void)state;
    struct task_desks *desks = task_desks_new(3);
    assert_non_null(desks);
    int64_t a = id_of_worker(1, 3, 1), b = id_of_worker(1, 3, a + 1), c = id_of_worker(2, 3, 1);
    const int64_t ids[] = {a, b, c};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char provider[] = "p";
        const struct task task = {.id = ids[i], .provider = provider};
        task_desk_ask(desks, &task);
        provider[0] = 'x'; /* a copy was taken */
    }
    assert_null(task_desk_take(desks, 0));
    const struct {
        unsigned worker;
        int64_t id;
    } rows[] = {{1, a}, {2, c}, {1, b}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct task *task = task_desk_take(desks, rows[i].worker);
        assert_non_null(task);
        assert_int_equal(task->id, rows[i].id);
        assert_string_equal(task->provider, "p");
        task_free(&task);
    }
    assert_null(task_desk_take(desks, 1));
    task_desks_free(&desks);
    assert_null(desks);
}

static void full_desk_drops_and_is_freed_with_what_lies_there(void **state)
{
    (void)state;
    struct task_desks *desks = task_desks_new(1);
    const struct task task = {.id = 7};
    unsigned n = 0;
    assert_non_null(desks);
    for (unsigned i = 0; i < TASK_DESK_MAX + 10; i++)
        task_desk_ask(desks, &task);
    for (struct task *one; (one = task_desk_take(desks, 0)) != NULL; n++)
        task_free(&one);
    assert_int_equal(n, TASK_DESK_MAX);
    task_desk_ask(desks, &task);
    task_desk_ask(desks, &task);
    struct task *one = task_desk_take(desks, 0);
    task_free(&one);
    task_desks_free(&desks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_lies_on_the_desk_of_its_owner_in_order),
        cmocka_unit_test(full_desk_drops_and_is_freed_with_what_lies_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
