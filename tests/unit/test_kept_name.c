#include "relay/kept_name.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#define ID "task_0123456789abcdefghijABCDEFGHIJ01"

static void name_says_what_it_is_and_is_read_again(void **state)
{
    (void)state;
    static const struct {
        const char *type, *kept, *name;
    } cases[] = {
        {"video/mp4", "video/mp4", ID ".video-mp4"},
        {"video/mp4; codecs=\"avc1\"", "video/mp4", ID ".video-mp4"},
        {"application/octet-stream", "application/octet-stream", ID ".application-octet-stream"},
        {"image/x-y.z+1", "image/x-y.z+1", ID ".image-x-y.z+1"},
        {"", "video/mp4", ID ".video-mp4"},
        {"video", "video/mp4", ID ".video-mp4"},
        {"video/", "video/mp4", ID ".video-mp4"},
        {"x-y/z", "video/mp4", ID ".video-mp4"},
        {"video/../../a", "video/mp4", ID ".video-mp4"},
        {"VIDEO/MP4", "video/mp4", ID ".video-mp4"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kept kept = {.bytes = 1}, again = {.bytes = 1};
        char id[TASK_PUBLIC_SIZE];
        kept_name(&kept, ID, str_of(cases[i].type));
        assert_string_equal(kept.type, cases[i].kept);
        assert_string_equal(kept.name, cases[i].name);
        assert_true(kept_read_name(&again, id, str_of(kept.name)));
        assert_string_equal(again.type, kept.type);
        assert_string_equal(id, ID);
    }
}

static void other_names_are_not_ours(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        ".",
                                        "..",
                                        ID,
                                        ID ".",
                                        ID ".part",
                                        ID ".video",
                                        "x" ID ".video-mp4",
                                        "task_1.video-mp4",
                                        ID ".VIDEO-MP4",
                                        ID ".video/mp4"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct kept kept = {.bytes = 1};
        char id[TASK_PUBLIC_SIZE];
        assert_false(kept_read_name(&kept, id, str_of(names[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_says_what_it_is_and_is_read_again),
        cmocka_unit_test(other_names_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
