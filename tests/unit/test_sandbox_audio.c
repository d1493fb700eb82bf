/* room: server */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/sandbox/tones.h"
#include "server/sandbox/wav.h"
#include "tests/unit/sandbox_client.h"

#define SPEECH "/v1/audio/speech"
#define HELLO "Hello, 世界: naïve café 🎵"

/* Each reply has the whole sound, of so many bytes of text. */
static size_t sound_bytes(size_t text_bytes)
{
    return (TONES_MS_BEFORE + text_bytes * TONES_MS_PER_BYTE + TONES_MS_AFTER) * TONES_RATE / 1000 *
           TONES_SAMPLE_BYTES;
}

static struct reply speak(const char *members)
{
    char body[512];
    snprintf(body, sizeof body, "{\"model\":\"m:tps=100000\",\"voice\":\"alloy\",%s}", members);
    return ask(port, "POST", SPEECH, body);
}

static void assert_says(struct str samples, const char *text)
{
    struct buf heard;
    buf_init(&heard, TONES_TEXT_MAX);
    assert_int_equal(samples.n, sound_bytes(strlen(text)));
    assert_true(tones_read(samples, &heard));
    assert_true(str_eq(buf_str(&heard), str_of(text)));
    buf_release(&heard);
}

static void assert_wav_says(struct str file, const char *text)
{
    struct wav wav;
    assert_true(wav_read(file, &wav));
    assert_int_equal(wav.rate, TONES_RATE);
    assert_int_equal(wav.samples.n + 44, file.n);
    assert_says(wav.samples, text);
}

/* --- speech -------------------------------------------------------------------------------- */

static void speech_is_a_wav_file_and_says_so(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"input\":\"" HELLO "\"", "\"input\":\"" HELLO "\",\"response_format\":\"wav\"",
        "\"input\":\"" HELLO "\",\"response_format\":\"mp3\",\"stream_format\":\"audio\""};
    for (size_t i = 0; i < COUNT(members); i++) {
        struct reply reply = speak(members[i]);
        assert_int_equal(reply.status, 200);
        assert_true(reply.whole);
        assert_non_null(strcasestr(reply.head.p, "content-type: audio/wav\r\n"));
        assert_wav_says(buf_str(&reply.body), HELLO);
        reply_release(&reply);
    }
}

static void speech_as_pcm_has_no_head(void **state)
{
    (void)state;
    struct reply reply = speak("\"input\":\"" HELLO "\",\"response_format\":\"pcm\"");
    assert_non_null(strcasestr(reply.head.p, "content-type: audio/pcm\r\n"));
    assert_says(buf_str(&reply.body), HELLO);
    reply_release(&reply);
}

static void speech_as_events_is_the_same_sound_with_usage(void **state)
{
    (void)state;
    struct reply reply = speak("\"input\":\"" HELLO "\",\"stream_format\":\"sse\"");
    bool whole;
    json_t *list = events_of(&reply, &whole);
    struct buf file;
    buf_init(&file, REPLY_MAX);
    assert_true(whole);
    size_t n = json_array_size(list);
    assert_true(n > 2);
    for (size_t i = 0; i + 1 < n; i++) {
        json_t *event = json_array_get(list, i);
        assert_string_equal(text_at(event, "type"), "speech.audio.delta");
        add_base64(&file, text_at(event, "audio"));
    }
    assert_wav_says(buf_str(&file), HELLO);
    assert_string_equal(text_at(last_of(list), "type"), "speech.audio.done");
    json_int_t in = number_at(last_of(list), "usage.input_tokens");
    json_int_t out = number_at(last_of(list), "usage.output_tokens");
    assert_in_range(in, 5, 20);
    /* 21 a second. */
    assert_int_equal(out, (file.n * 21 + 47999) / 48000);
    assert_int_equal(number_at(last_of(list), "usage.total_tokens"), in + out);
    buf_release(&file);
    json_decref(list);
}

static void speech_is_cut_on_demand(void **state)
{
    (void)state;
    static const char body[] =
        "{\"model\":\"sandbox-cut\",\"voice\":\"a\",\"input\":\"" HELLO "\"%s}";
    char text[256];
    snprintf(text, sizeof text, body, "");
    struct reply reply = ask(port, "POST", SPEECH, text);
    assert_int_equal(reply.status, 200);
    assert_false(reply.whole);
    assert_true(reply.body.n > 0 && reply.body.n < sound_bytes(strlen(HELLO)));
    reply_release(&reply);
    snprintf(text, sizeof text, body, ",\"stream_format\":\"sse\"");
    bool whole;
    json_t *list = events(SPEECH, text, &whole);
    assert_false(whole);
    assert_string_equal(text_at(last_of(list), "type"), "speech.audio.delta");
    json_decref(list);
}

static void speech_mistakes_are_answered_with_400(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"input\":\"\"",
        "\"input\":\"x\",\"response_format\":\"midi\"",
        "\"input\":\"x\",\"stream_format\":\"json\"",
    };
    for (size_t i = 0; i < COUNT(members); i++) {
        struct reply reply = speak(members[i]);
        json_decref(json_of(&reply, 400));
    }
    json_decref(answer(SPEECH, "{\"model\":\"m\",\"input\":\"x\"}", 400));
    struct buf body;
    buf_init(&body, 65536);
    assert_true(buf_add_str(&body, STR("{\"model\":\"m\",\"voice\":\"a\",\"input\":\"")));
    for (unsigned i = 0; i < 4097; i++)
        assert_true(buf_add_str(&body, STR("é")));
    assert_true(buf_add(&body, "\"}", 3));
    json_decref(answer(SPEECH, body.p, 400));
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_is_a_wav_file_and_says_so),
        cmocka_unit_test(speech_as_pcm_has_no_head),
        cmocka_unit_test(speech_as_events_is_the_same_sound_with_usage),
        cmocka_unit_test(speech_is_cut_on_demand),
        cmocka_unit_test(speech_mistakes_are_answered_with_400),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
