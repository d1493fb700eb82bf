#include "relay/target.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static struct provider_path deployment = {"chat", "/chat/completions",
                                          (char[]){"/deployments/{model}/chat"}};
static struct provider_path elsewhere = {"rerank", "/rerank", (char[]){"/v2/rerank"}};

static void assert_target_of(const struct provider *provider, const char *usual, const char *id,
                             const char *expected)
{
    struct buf room;
    buf_init(&room, 4096);
    assert_string_equal(target_of(provider, usual, "org/my model:1.5~\xc3\xa9%", id, &room),
                        expected);
    buf_release(&room);
}

static void assert_target(const struct provider *provider, const char *usual, const char *expected)
{
    assert_target_of(provider, usual, NULL, expected);
}

static void usual_path_is_not_copied(void **state)
{
    (void)state;
    static const char usual[] = "/chat/completions";
    struct provider provider = {.paths = {&elsewhere, 1}};
    struct buf room;
    buf_init(&room, 1);
    assert_ptr_equal(target_of(&provider, usual, "m", NULL, &room), usual);
}

static void model_stands_percent_encoded_in_a_path(void **state)
{
    (void)state;
    struct provider_path paths[] = {elsewhere, deployment};
    struct provider provider = {.paths = {paths, 2}};
    assert_target(&provider, "/chat/completions",
                  "/deployments/org%2Fmy%20model%3A1.5~%C3%A9%25/chat");
    assert_target(&provider, "/rerank", "/v2/rerank");
    provider.query = (char[]){"api-version=1&x=2"};
    assert_target(&provider, "/chat/completions",
                  "/deployments/org%2Fmy%20model%3A1.5~%C3%A9%25/chat?api-version=1&x=2");
    assert_target(&provider, "/responses", "/responses?api-version=1&x=2");
}

static void id_of_an_object_stands_in_its_path(void **state)
{
    (void)state;
    struct provider_path poll = {"video_poll", "/videos/{id}", (char[]){"/x/{model}/{id}/y"}};
    struct provider usual = {.name = NULL}, own = {.paths = {&poll, 1}};
    assert_target_of(&usual, "/videos/{id}", "a/b?c", "/videos/a%2Fb%3Fc");
    assert_target_of(&usual, "/videos/{id}/content", "{model}", "/videos/%7Bmodel%7D/content");
    assert_target_of(&own, "/videos/{id}", "t-1", "/x/org%2Fmy%20model%3A1.5~%C3%A9%25/t-1/y");
}

static void target_without_room_is_none(void **state)
{
    (void)state;
    struct provider provider = {.paths = {&deployment, 1}};
    struct buf room;
    buf_init(&room, 19); /* one byte less than its text and the NUL */
    assert_null(target_of(&provider, "/chat/completions", "m", NULL, &room));
    buf_release(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_path_is_not_copied),
        cmocka_unit_test(model_stands_percent_encoded_in_a_path),
        cmocka_unit_test(id_of_an_object_stands_in_its_path),
        cmocka_unit_test(target_without_room_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
