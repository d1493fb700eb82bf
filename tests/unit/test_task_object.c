#include "relay/task_object.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define HEAD "{\"id\":\"task_1\",\"task_id\":\"task_1\",\"object\":\"video\",\"model\":\"m\","

static struct task one(enum task_state state)
{
    return (struct task){
        .public_id = "task_1",
        .state = state,
        .model = "m",
        .upstream_id = "secret",
        .urls = "https://secret",
        .prompt = "a \"cat\"\n",
        .seconds = "15",
        .aspect_ratio = "9:16",
        .created_ms = 1795546800999,
        .progress = 45,
    };
}

static void assert_written(const struct task *task, task_object_writer *write, const char *expected)
{
    struct buf body;
    buf_init(&body, 65536);
    assert_true(write(task, NULL, &body) && buf_add_char(&body, '\0'));
    assert_string_equal(body.p, expected);
    buf_release(&body);
}

static void new_task_has_every_member(void **state)
{
    (void)state;
    struct task task = one(TASK_queued);
    assert_written(&task, task_object_write,
                   HEAD "\"status\":\"queued\",\"progress\":0,\"created_at\":1795546800,"
                        "\"completed_at\":null,\"expires_at\":null,\"prompt\":\"a \\\"cat\\\"\\n\","
                        "\"seconds\":\"15\",\"size\":null,\"remixed_from_video_id\":null,"
                        "\"error\":null,\"aspect_ratio\":\"9:16\",\"metadata\":{}}");
}

static void completed_task_tells_when_and_failed_one_why(void **state)
{
    (void)state;
    struct task done = one(TASK_completed), failed = one(TASK_failed);
    done.ended_ms = 1795546860000;
    done.expires_ms = 1795550000500;
    done.size = "720x1280";
    done.remixed_from = "task_0";
    assert_written(&done, task_object_write,
                   HEAD "\"status\":\"completed\",\"progress\":100,\"created_at\":1795546800,"
                        "\"completed_at\":1795546860,\"expires_at\":1795550000,"
                        "\"prompt\":\"a \\\"cat\\\"\\n\",\"seconds\":\"15\",\"size\":\"720x1280\","
                        "\"remixed_from_video_id\":\"task_0\",\"error\":null,"
                        "\"aspect_ratio\":\"9:16\",\"metadata\":{}}");
    failed.ended_ms = 1795546860000;
    failed.error_code = "prompt_blocked";
    failed.error_message = "No \"such\" thing";
    assert_written(&failed, task_object_write,
                   HEAD "\"status\":\"failed\",\"progress\":45,\"created_at\":1795546800,"
                        "\"completed_at\":null,\"expires_at\":null,"
                        "\"prompt\":\"a \\\"cat\\\"\\n\",\"seconds\":\"15\",\"size\":null,"
                        "\"remixed_from_video_id\":null,\"error\":{\"code\":\"prompt_blocked\","
                        "\"message\":\"No \\\"such\\\" thing\"},\"aspect_ratio\":\"9:16\","
                        "\"metadata\":{}}");
}

static void older_form_names_the_content_of_a_completed_one(void **state)
{
    (void)state;
    struct task open = one(TASK_in_progress), done = one(TASK_completed);
    assert_written(&open, task_object_write_older,
                   "{\"task_id\":\"task_1\",\"status\":\"in_progress\",\"progress\":45,"
                   "\"url\":null,\"format\":null,\"error\":null}");
    assert_written(&done, task_object_write_older,
                   "{\"task_id\":\"task_1\",\"status\":\"completed\",\"progress\":100,"
                   "\"url\":\"/v1/videos/task_1/content\",\"format\":\"mp4\",\"error\":null}");
}

static void link_stands_in_the_metadata(void **state)
{
    (void)state;
    struct task done = one(TASK_completed);
    struct buf body;
    buf_init(&body, 65536);
    assert_true(task_object_write(&done, "/v1/a?b=\"c", &body));
    assert_true(str_ends(buf_str(&body), STR("\"metadata\":{\"url\":\"/v1/a?b=\\\"c\"}}")));
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_task_has_every_member),
        cmocka_unit_test(completed_task_tells_when_and_failed_one_why),
        cmocka_unit_test(older_form_names_the_content_of_a_completed_one),
        cmocka_unit_test(link_stands_in_the_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
