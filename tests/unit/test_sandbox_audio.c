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
}

/* So many characters of two bytes. */
static struct reply speak_long(unsigned characters)
{
    struct buf body;
    buf_init(&body, 65536);
    assert_true(buf_add_str(&body, STR("{\"model\":\"m:cut=1\",\"voice\":\"a\",\"input\":\"")));
    for (unsigned i = 0; i < characters; i++)
        assert_true(buf_add_str(&body, STR("é")));
    assert_true(buf_add(&body, "\"}", 3));
    struct reply reply = ask(port, "POST", SPEECH, body.p);
    buf_release(&body);
    return reply;
}

static void speech_takes_4096_characters(void **state)
{
    (void)state;
    struct reply reply = speak_long(4096);
    assert_int_equal(reply.status, 200);
    reply_release(&reply);
    reply = speak_long(4097);
    json_decref(json_of(&reply, 400));
}

/* --- transcriptions ------------------------------------------------------------------------ */

#define TRANSCRIPTIONS "/v1/audio/transcriptions"
#define TRANSLATIONS "/v1/audio/translations"

/* A form with that recording; more parts may follow. */
static struct buf form_of(const char *model, struct str recording)
{
    struct buf form;
    buf_init(&form, REPLY_MAX);
    add_part(&form, "model", NULL, str_of(model));
    add_part(&form, "file", "a.wav", recording);
    return form;
}

/* The same with what the sandbox says when asked for `members` of speech. */
static struct buf form_of_speech(const char *model, const char *members)
{
    struct reply reply = speak(members);
    struct buf form = form_of(model, buf_str(&reply.body));
    reply_release(&reply);
    return form;
}

static json_t *transcribe(const char *path, struct buf *form, int status)
{
    struct reply reply = ask_form(path, form);
    return json_of(&reply, status);
}

static void speech_is_transcribed_to_its_text(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"input\":\"" HELLO "\"",
        "\"input\":\"" HELLO "\",\"response_format\":\"pcm\"",
    };
    static const char *const paths[] = {TRANSCRIPTIONS, TRANSLATIONS};
    double seconds = (double)sound_bytes(strlen(HELLO)) / 48000;
    for (size_t i = 0; i < 4; i++) {
        struct buf form = form_of_speech("whisper-1", members[i % 2]);
        json_t *json = transcribe(paths[i / 2], &form, 200);
        assert_string_equal(text_at(json, "text"), HELLO);
        assert_string_equal(text_at(json, "usage.type"), "duration");
        assert_true(json_real_value(at(json, "usage.seconds")) == seconds);
        json_decref(json);
    }
}

static void transcription_by_tokens_counts_sound_prompt_and_words(void **state)
{
    (void)state;
    struct buf form = form_of_speech("gpt-4o-transcribe", "\"input\":\"one two three\"");
    add_part(&form, "prompt", NULL, STR("a cat"));
    json_t *json = transcribe(TRANSCRIPTIONS, &form, 200);
    /* 13 + 12 bytes of 20 ms each, ten tokens a second. */
    assert_string_equal(text_at(json, "usage.type"), "tokens");
    assert_int_equal(number_at(json, "usage.input_token_details.audio_tokens"), 5);
    assert_int_equal(number_at(json, "usage.input_token_details.text_tokens"), 2);
    assert_int_equal(number_at(json, "usage.input_tokens"), 7);
    assert_int_equal(number_at(json, "usage.output_tokens"), 3);
    assert_int_equal(number_at(json, "usage.total_tokens"), 10);
    json_decref(json);
}

static void other_recordings_are_told_as_such(void **state)
{
    (void)state;
    struct buf wav, mp3;
    buf_init(&wav, REPLY_MAX);
    buf_init(&mp3, REPLY_MAX);
    assert_true(wav_add_head(&wav, 4000, 40000) && buf_reserve(&wav, 40000) &&
                buf_add_str(&mp3, STR("ID3")) && buf_reserve(&mp3, 31997));
    memset(wav.p + wav.n, 0, 40000);
    memset(mp3.p + mp3.n, 7, 31997);
    const struct {
        struct str recording;
        const char *duration;
    } cases[] = {{{wav.p, wav.n + 40000}, "5.0 seconds"}, {{mp3.p, 32000}, "2.0 seconds"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf form = form_of("whisper-1", cases[i].recording);
        json_t *json = transcribe(TRANSCRIPTIONS, &form, 200);
        assert_non_null(strstr(text_at(json, "text"), "sandbox"));
        assert_non_null(strstr(text_at(json, "text"), cases[i].duration));
        json_decref(json);
    }
    buf_release(&wav);
    buf_release(&mp3);
}

static void transcription_formats_are_the_texts_of_theirs(void **state)
{
    (void)state;
    /* 33 bytes of 20 ms each, behind 160 ms. */
    static const char *const formats[][2] = {
        {"text", "a b c d e f g h i j 你 好 world\n"},
        {"srt", "1\n00:00:00,160 --> 00:00:00,540\na b c d e f g h i j\n\n"
                "2\n00:00:00,540 --> 00:00:00,820\n你 好 world\n\n"},
        {"vtt", "WEBVTT\n\n00:00:00.160 --> 00:00:00.540\na b c d e f g h i j\n\n"
                "00:00:00.540 --> 00:00:00.820\n你 好 world\n\n"},
    };
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct buf form =
            form_of_speech("whisper-1", "\"input\":\"a b c d e f g h i j 你 好 world\"");
        add_part(&form, "response_format", NULL, str_of(formats[i][0]));
        struct reply reply = ask_form(TRANSCRIPTIONS, &form);
        assert_int_equal(reply.status, 200);
        assert_true(reply.whole);
        assert_non_null(strcasestr(reply.head.p, "content-type: text/plain; charset=utf-8\r\n"));
        assert_string_equal(reply.body.p, formats[i][1]);
        reply_release(&reply);
    }
}

static void transcription_in_detail_has_segments_and_words(void **state)
{
    (void)state;
    struct buf form = form_of_speech("whisper-1", "\"input\":\"你好 world\"");
    add_part(&form, "response_format", NULL, STR("verbose_json"));
    json_t *json = transcribe(TRANSCRIPTIONS, &form, 200);
    assert_string_equal(text_at(json, "text"), "你好 world");
    assert_string_equal(text_at(json, "task"), "transcribe");
    assert_string_equal(text_at(json, "language"), "chinese");
    assert_true(json_real_value(at(json, "duration")) == 0.48);
    assert_int_equal(json_array_size(at(json, "segments")), 1);
    assert_string_equal(text_at(json, "segments.0.text"), "你好 world");
    assert_true(json_real_value(at(json, "segments.0.start")) == 0.16);
    assert_true(json_real_value(at(json, "segments.0.end")) == 0.4);
    assert_null(at(json, "words"));
    json_decref(json);
    form = form_of_speech("whisper-1", "\"input\":\"两 words\"");
    add_part(&form, "response_format", NULL, STR("verbose_json"));
    add_part(&form, "timestamp_granularities[]", NULL, STR("word"));
    json = transcribe(TRANSLATIONS, &form, 200);
    assert_string_equal(text_at(json, "task"), "translate");
    assert_string_equal(text_at(json, "language"), "english");
    assert_int_equal(json_array_size(at(json, "words")), 2);
    assert_string_equal(text_at(json, "words.1.word"), "words");
    assert_true(json_real_value(at(json, "words.1.start")) == 0.22);
    assert_null(at(json, "segments"));
    json_decref(json);
}

static void transcription_stream_tells_words_then_all(void **state)
{
    (void)state;
    struct buf form = form_of_speech("m:tps=100000", "\"input\":\"one two three\"");
    add_part(&form, "stream", NULL, STR("true"));
    struct reply reply = ask_form(TRANSCRIPTIONS, &form);
    bool whole;
    json_t *list = events_of(&reply, &whole);
    assert_true(whole);
    assert_int_equal(json_array_size(list), 4);
    assert_string_equal(text_at(list, "0.type"), "transcript.text.delta");
    assert_string_equal(text_at(list, "0.delta"), "one");
    assert_string_equal(text_at(list, "2.delta"), " three");
    assert_string_equal(text_at(list, "3.type"), "transcript.text.done");
    assert_string_equal(text_at(list, "3.text"), "one two three");
    assert_int_equal(number_at(list, "3.usage.output_tokens"), 3);
    json_decref(list);
    form = form_of_speech("m:cut=2", "\"input\":\"one two three\"");
    add_part(&form, "stream", NULL, STR("true"));
    reply = ask_form(TRANSCRIPTIONS, &form);
    list = events_of(&reply, &whole);
    assert_false(whole);
    assert_int_equal(json_array_size(list), 2);
    json_decref(list);
}

static void transcription_mistakes_are_answered_with_400(void **state)
{
    (void)state;
    struct buf form = form_of("m", STR(""));
    json_decref(transcribe(TRANSCRIPTIONS, &form, 400));
    form = form_of("m", STR("x"));
    add_part(&form, "response_format", NULL, STR("diarized_json"));
    json_decref(transcribe(TRANSCRIPTIONS, &form, 400));
    form = form_of("", STR("x"));
    json_decref(transcribe(TRANSCRIPTIONS, &form, 400));
    json_decref(answer(TRANSCRIPTIONS, "{\"model\":\"m\"}", 400));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speech_is_a_wav_file_and_says_so),
        cmocka_unit_test(speech_as_pcm_has_no_head),
        cmocka_unit_test(speech_as_events_is_the_same_sound_with_usage),
        cmocka_unit_test(speech_is_cut_on_demand),
        cmocka_unit_test(speech_mistakes_are_answered_with_400),
        cmocka_unit_test(speech_takes_4096_characters),
        cmocka_unit_test(speech_is_transcribed_to_its_text),
        cmocka_unit_test(transcription_by_tokens_counts_sound_prompt_and_words),
        cmocka_unit_test(other_recordings_are_told_as_such),
        cmocka_unit_test(transcription_formats_are_the_texts_of_theirs),
        cmocka_unit_test(transcription_in_detail_has_segments_and_words),
        cmocka_unit_test(transcription_stream_tells_words_then_all),
        cmocka_unit_test(transcription_mistakes_are_answered_with_400),
    };
    return cmocka_run_group_tests(tests, start_sandbox, stop_sandbox);
}
