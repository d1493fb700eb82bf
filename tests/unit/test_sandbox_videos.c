/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "server/sandbox/video.h"
#include "tests/unit/mp4_reader.h"
#include "tests/unit/png_reader.h"
#include "tests/unit/sandbox_client.h"

#define VIDEOS "/v1/videos"

/* Creates one that is made at once; gives the path of its content. */
static void make(const char *members, char path[256])
{
    char body[512];
    snprintf(body, sizeof body, "{\"model\":\"m:takes=0s\",\"prompt\":\"a cat\"%s}", members);
    json_t *json = answer(VIDEOS, body, 200);
    assert_string_equal(text_at(json, "status"), "completed");
    snprintf(path, 256, VIDEOS "/%s/content", text_at(json, "id"));
    json_decref(json);
}

static struct reply fetch(const char *method, const char *path, const char *headers)
{
    struct reply reply;
    read_reply(dial_bytes(port, method, path, headers, STR_EMPTY), &reply);
    return reply;
}

static void video_is_a_film_of_its_size_and_length(void **state)
{
    (void)state;
    const struct {
        const char *members;
        unsigned width, height, seconds;
    } cases[] = {
        {"", 720, 1280, 15},
        {",\"seconds\":4,\"size\":\"1280x720\"", 1280, 720, 4},
        {",\"seconds\":\"12\",\"aspect_ratio\":\"1:1\"", 1024, 1024, 12},
        {",\"seconds\":1,\"aspect_ratio\":\"16:9\",\"size\":null", 1280, 720, 1},
        {",\"seconds\":2,\"size\":\"480x854\"", 480, 854, 2},
        {",\"seconds\":3600,\"size\":\"1920x1080\"", 1920, 1080, 3600},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[256];
        make(cases[i].members, path);
        struct reply reply = fetch("GET", path, "");
        assert_int_equal(reply.status, 200);
        assert_true(reply.whole);
        assert_non_null(strcasestr(reply.head.p, "content-type: video/mp4\r\n"));
        struct mp4_film film = mp4_read(buf_str(&reply.body));
        assert_int_equal(film.width, cases[i].width);
        assert_int_equal(film.height, cases[i].height);
        assert_int_equal(film.pictures, cases[i].seconds);
        assert_true(film.seconds == cases[i].seconds);
        reply_release(&reply);
    }
}

static void content_has_ranges_and_a_head(void **state)
{
    (void)state;
    char path[256], headers[256];
    make(",\"seconds\":1", path);
    struct reply whole = fetch("GET", path, ""), reply;
    const char *etag = strcasestr(whole.head.p, "etag: ");
    assert_non_null(etag);
    assert_non_null(strcasestr(whole.head.p, "accept-ranges: bytes\r\n"));
    reply = fetch("GET", path, "range: bytes=4-11\r\n");
    assert_int_equal(reply.status, 206);
    assert_true(reply.whole);
    assert_int_equal(reply.body.n, 8);
    assert_memory_equal(reply.body.p, "ftypisom", 8);
    snprintf(headers, sizeof headers, "content-range: bytes 4-11/%zu\r\n", whole.body.n);
    assert_non_null(strcasestr(reply.head.p, headers));
    reply_release(&reply);
    reply = fetch("GET", path, "range: bytes=99999999-\r\n");
    assert_int_equal(reply.status, 416);
    snprintf(headers, sizeof headers, "content-range: bytes */%zu\r\n", whole.body.n);
    assert_non_null(strcasestr(reply.head.p, headers));
    reply_release(&reply);
    snprintf(headers, sizeof headers, "range: bytes=0-0\r\nif-range: %.*s\r\n",
             (int)strcspn(etag + 6, "\r"), etag + 6);
    reply = fetch("GET", path, headers);
    assert_int_equal(reply.status, 206);
    reply_release(&reply);
    reply = fetch("GET", path, "range: bytes=0-0\r\nif-range: \"other\"\r\n");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.n, whole.body.n);
    reply_release(&reply);
    reply = fetch("HEAD", path, "");
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.n, 0);
    snprintf(headers, sizeof headers, "content-length: %zu\r\n", whole.body.n);
    assert_non_null(strcasestr(reply.head.p, headers));
    reply_release(&reply);
    reply_release(&whole);
}

static void thumbnail_is_a_picture_of_the_size(void **state)
{
    (void)state;
    char path[256], picture[300];
    make(",\"size\":\"480x480\"", path);
    snprintf(picture, sizeof picture, "%s?variant=thumbnail", path);
    struct reply reply = fetch("GET", picture, "");
    assert_int_equal(reply.status, 200);
    assert_non_null(strcasestr(reply.head.p, "content-type: image/png\r\n"));
    struct png_read png = png_read(buf_str(&reply.body));
    assert_int_equal(png.width, 480);
    assert_int_equal(png.height, 480);
    free(png.indexes);
    reply_release(&reply);
}

/* The states by the clock, with all that the id keeps. */
static void video_goes_on_by_the_clock(void **state)
{
    (void)state;
    struct video video = {.created_ms = 1000000,
                          .number = 77,
                          .takes_ms = 3000,
                          .seconds = 15,
                          .size = 2,
                          .fails = false},
                 read;
    char id[VIDEO_ID_SIZE], again[VIDEO_ID_SIZE];
    int progress;
    video_make_id(&video, id);
    assert_true(video_read_id(str_of(id), &read));
    video_make_id(&read, again);
    assert_string_equal(again, id);
    assert_int_equal(read.number, 77);
    assert_int_equal(read.seconds, 15);
    assert_int_equal(video_stage_at(&read, 999000, &progress), VIDEO_QUEUED);
    assert_int_equal(video_stage_at(&read, 1000999, &progress), VIDEO_QUEUED);
    assert_int_equal(progress, 0);
    assert_int_equal(video_stage_at(&read, 1001500, &progress), VIDEO_IN_PROGRESS);
    assert_int_equal(progress, 50);
    assert_int_equal(video_stage_at(&read, 1002999, &progress), VIDEO_IN_PROGRESS);
    assert_int_equal(progress, 99);
    assert_int_equal(video_stage_at(&read, 1003000, &progress), VIDEO_COMPLETED);
    assert_int_equal(progress, 100);
    video.fails = true;
    assert_int_equal(video_stage_at(&video, 1003000, &progress), VIDEO_FAILED);
    static const char *const wrong[] = {"",
                                        "video_sandbox",
                                        "video_sandbox1x2x3x4x5",
                                        "video_sandbox1x2x3x4x5x6x7",
                                        "video_sandbox1x2x3x0x5x0",
                                        "video_sandbox1x2x3x4x99x0",
                                        "video_sandbox1x2x999999999x4x5x0",
                                        "video_sandbox1x2x3x4x-5x0",
                                        "video_other1x2x3x4x5x0"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(video_read_id(str_of(wrong[i]), &read));
}

static void video_is_queued_and_not_there_at_first(void **state)
{
    (void)state;
    char path[256];
    json_t *json = answer(VIDEOS, "{\"model\":\"m\",\"prompt\":\"x\",\"seconds\":15}", 200);
    assert_string_equal(text_at(json, "object"), "video");
    assert_string_equal(text_at(json, "status"), "queued");
    assert_string_equal(text_at(json, "seconds"), "15");
    assert_string_equal(text_at(json, "size"), "720x1280");
    snprintf(path, sizeof path, VIDEOS "/%s/content", text_at(json, "id"));
    json_decref(json);
    struct reply reply = ask(port, "GET", path, "");
    json_decref(json_of(&reply, 404));
    path[strlen(path) - strlen("/content")] = '\0';
    reply = ask(port, "GET", path, "");
    json_decref(json_of(&reply, 200));
}

static void video_fails_by_the_models_name(void **state)
{
    (void)state;
    static const char *const models[] = {"sandbox-fail:takes=0s", "m:takes=0ms:fail"};
    for (size_t i = 0; i < COUNT(models); i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"model\":\"%s\",\"prompt\":\"x\"}", models[i]);
        json_t *json = answer(VIDEOS, body, 200);
        assert_string_equal(text_at(json, "status"), "failed");
        assert_string_equal(text_at(json, "error.code"), "moderation_blocked");
        json_decref(json);
    }
}

static void form_and_remix_make_videos(void **state)
{
    (void)state;
    struct buf form;
    char path[256];
    buf_init(&form, REPLY_MAX);
    add_part(&form, "model", NULL, STR("m:takes=0s"));
    add_part(&form, "prompt", NULL, STR("a cat"));
    add_part(&form, "seconds", NULL, STR("8"));
    add_part(&form, "size", NULL, STR("1280x720"));
    add_part(&form, "input_reference", "cat.png", STR("\x89PNG"));
    struct reply reply = ask_form(VIDEOS, &form);
    json_t *json = json_of(&reply, 200), *again;
    assert_string_equal(text_at(json, "seconds"), "8");
    snprintf(path, sizeof path, VIDEOS "/%s/remix", text_at(json, "id"));
    again = answer(path, "{\"prompt\":\"a dog\"}", 200);
    assert_string_not_equal(text_at(again, "id"), text_at(json, "id"));
    assert_string_equal(text_at(again, "seconds"), "8");
    assert_string_equal(text_at(again, "size"), "1280x720");
    json_decref(again);
    json_decref(json);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[][2] = {
        {"{\"model\":\"m\"}", "prompt"},
        {"{\"model\":\"m\",\"prompt\":\"x\",\"seconds\":0}", "seconds"},
        {"{\"model\":\"m\",\"prompt\":\"x\",\"seconds\":\"soon\"}", "seconds"},
        {"{\"model\":\"m\",\"prompt\":\"x\",\"seconds\":3601}", "seconds"},
        {"{\"model\":\"m\",\"prompt\":\"x\",\"size\":\"7x7\"}", "size"},
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        json_t *json = answer(VIDEOS, bodies[i][0], 400);
        assert_string_equal(text_at(json, "error.param"), bodies[i][1]);
        json_decref(json);
    }
    static const char *const paths[] = {VIDEOS "/none", VIDEOS "/none/content"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct reply reply = ask(port, "GET", paths[i], "");
        json_decref(json_of(&reply, 404));
    }
    json_decref(answer(VIDEOS "/none/remix", "{\"prompt\":\"x\"}", 404));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(video_is_a_film_of_its_size_and_length),
        cmocka_unit_test(content_has_ranges_and_a_head),
        cmocka_unit_test(thumbnail_is_a_picture_of_the_size),
        cmocka_unit_test(video_goes_on_by_the_clock),
        cmocka_unit_test(video_is_queued_and_not_there_at_first),
        cmocka_unit_test(video_fails_by_the_models_name),
        cmocka_unit_test(form_and_remix_make_videos),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
