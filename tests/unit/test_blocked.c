#include "relay/blocked.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct blocked_prompt prompt_of(int64_t user, uint64_t bytes, uint8_t first)
{
    return (struct blocked_prompt){.user_id = user, .bytes = bytes, .hash = {first}};
}

static void prompt_is_known_until_its_time(void **state)
{
    (void)state;
    struct blocked *blocked = blocked_new();
    assert_non_null(blocked);
    struct blocked_prompt prompt = prompt_of(7, 100, 1);
    struct blocked_prompt other_user = prompt_of(8, 100, 1), longer = prompt_of(7, 101, 1),
                          other = prompt_of(7, 100, 2);
    assert_false(blocked_has(blocked, &prompt, 0));
    blocked_add(blocked, &prompt, 60000);
    assert_true(blocked_may_have(blocked, 7, 100, 59999));
    assert_true(blocked_has(blocked, &prompt, 59999));
    assert_false(blocked_has(blocked, &prompt, 60000));
    assert_false(blocked_may_have(blocked, 8, 100, 0) || blocked_may_have(blocked, 7, 101, 0));
    assert_false(blocked_has(blocked, &other_user, 0) || blocked_has(blocked, &longer, 0) ||
                 blocked_has(blocked, &other, 0));
    blocked_free(&blocked);
    blocked_free(&blocked);
}

static void oldest_gives_way(void **state)
{
    (void)state;
    struct blocked *blocked = blocked_new();
    assert_non_null(blocked);
    for (unsigned i = 0; i <= BLOCKED_PROMPTS_MAX; i++) {
        struct blocked_prompt prompt = prompt_of(i, 1, 1);
        blocked_add(blocked, &prompt, 1000);
    }
    assert_false(blocked_may_have(blocked, 0, 1, 0));
    assert_true(blocked_may_have(blocked, 1, 1, 0));
    assert_true(blocked_may_have(blocked, BLOCKED_PROMPTS_MAX, 1, 0));
    blocked_free(&blocked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompt_is_known_until_its_time),
        cmocka_unit_test(oldest_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
