#include "server/sandbox/transcriptions.h"

#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/subtitles.h"
#include "server/sandbox/transcript.h"
#include "server/sandbox/words.h"

#define SEGMENT_WORDS 10
#define TITLES_BYTES_MAX ((size_t)4 << 20)
/* A model of tokens counts ten a second of sound, as the gpt-4o ones do. */
#define MS_PER_TOKEN 100

enum format { FORMAT_JSON, FORMAT_TEXT, FORMAT_SRT, FORMAT_VTT, FORMAT_VERBOSE, FORMATS };

static const char *const format_names[FORMATS] = {"json", "text", "srt", "vtt", "verbose_json"};

/* One request as it is answered. */
struct transcription {
    struct sandbox_call *call;
    bool is_translation;
    enum format format;
    bool stream;
    struct transcript transcript;
};

/* --- reading the request ------------------------------------------------------------------- */

static bool read_format(struct transcription *t)
{
    struct str name = asked_text(t->call, "response_format");
    for (unsigned i = 0; i < FORMATS; i++) {
        if (str_eq(name, str_of(format_names[i])) || name.n == 0) {
            t->format = (enum format)i;
            return true;
        }
    }
    sandbox_reply_error(t->call, 400, "response_format", NULL,
                        "The sandbox tells json, text, srt, vtt and verbose_json.");
    return false;
}

static bool transcription_read(struct transcription *t, struct str *recording)
{
    const struct upload_file *file = upload_file(&t->call->upload, STR("file"), 0);
    if (file == NULL || file->bytes.n == 0) {
        sandbox_reply_error(t->call, 400, "file", NULL, "A recording is required.");
        return false;
    }
    *recording = file->bytes;
    t->stream = !t->is_translation && asked_flag(t->call, "stream");
    return read_format(t);
}

/* --- what the answers have ----------------------------------------------------------------- */

static json_t *seconds_of(int64_t ms)
{
    return json_real((double)ms / 1000);
}

/* Models named whisper are billed by time, the others by tokens. */
static json_t *usage_of(const struct transcription *t)
{
    if (str_starts(str_of(t->call->model), STR("whisper")))
        return json_pack("{s:s, s:o}", "type", "duration", "seconds",
                         seconds_of(t->transcript.duration_ms));
    int64_t text = words_tokens(asked_text(t->call, "prompt"));
    int64_t audio = (t->transcript.duration_ms + MS_PER_TOKEN - 1) / MS_PER_TOKEN;
    int64_t out = words_count(buf_str(&t->transcript.text));
    return json_pack("{s:s, s:I, s:{s:I, s:I}, s:I, s:I}", "type", "tokens", "input_tokens",
                     (json_int_t)text + audio, "input_token_details", "text_tokens",
                     (json_int_t)text, "audio_tokens", (json_int_t)audio, "output_tokens",
                     (json_int_t)out, "total_tokens", (json_int_t)text + audio + out);
}

static json_t *segments_of(const struct transcription *t)
{
    json_t *list = json_array();
    struct str rest = buf_str(&t->transcript.text);
    struct transcript_segment segment;
    for (json_int_t i = 0; transcript_cut(&t->transcript, &rest, SEGMENT_WORDS, &segment); i++)
        json_array_append_new(list,
                              json_pack("{s:I, s:i, s:o, s:o, s:s%, s:[], s:f, s:f, s:f, s:f}",
                                        "id", i, "seek", 0, "start", seconds_of(segment.begin_ms),
                                        "end", seconds_of(segment.end_ms), "text", segment.text.p,
                                        segment.text.n, "tokens", "temperature", 0.0, "avg_logprob",
                                        0.0, "compression_ratio", 1.0, "no_speech_prob", 0.0));
    return list;
}

static json_t *words_of(const struct transcription *t)
{
    json_t *list = json_array();
    struct str rest = buf_str(&t->transcript.text);
    struct transcript_segment segment;
    while (transcript_cut(&t->transcript, &rest, 1, &segment)) {
        struct str word = str_trim(segment.text);
        json_array_append_new(list, json_pack("{s:s%, s:o, s:o}", "word", word.p, word.n, "start",
                                              seconds_of(segment.begin_ms), "end",
                                              seconds_of(segment.end_ms)));
    }
    return list;
}

/* Whether the request names this granularity. */
static bool wants(const struct transcription *t, const char *granularity)
{
    const json_t *list = json_object_get(t->call->json, "timestamp_granularities[]");
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (str_eq(words_of_string(json_array_get(list, i)), str_of(granularity)))
            return true;
    }
    return false;
}

/* --- answering ----------------------------------------------------------------------------- */

static json_t *plain_json(const struct transcription *t)
{
    struct str text = buf_str(&t->transcript.text);
    return json_pack("{s:s%, s:o}", "text", text.p, text.n, "usage", usage_of(t));
}

static json_t *verbose_json(const struct transcription *t)
{
    json_t *json = plain_json(t);
    bool chinese = !t->is_translation && words_are_chinese(buf_str(&t->transcript.text));
    json_object_set_new(json, "task", json_string(t->is_translation ? "translate" : "transcribe"));
    json_object_set_new(json, "language", json_string(chinese ? "chinese" : "english"));
    json_object_set_new(json, "duration", seconds_of(t->transcript.duration_ms));
    if (wants(t, "word"))
        json_object_set_new(json, "words", words_of(t));
    if (wants(t, "segment") || !wants(t, "word"))
        json_object_set_new(json, "segments", segments_of(t));
    return json;
}

static void reply_text(struct transcription *t)
{
    struct buf text;
    struct str said = buf_str(&t->transcript.text);
    buf_init(&text, TITLES_BYTES_MAX);
    bool added = t->format == FORMAT_TEXT
                     ? buf_add_str(&text, said) && buf_add_char(&text, '\n')
                     : subtitles_add(&text, t->format == FORMAT_SRT ? SUBTITLES_SRT : SUBTITLES_VTT,
                                     &t->transcript);
    struct script *script = &t->call->script;
    script_init(script);
    script->cut = t->call->switches.cut >= 0;
    script_add(script, 0, str_slice(buf_str(&text), 0, script->cut ? text.n / 2 : text.n));
    if (added)
        sandbox_reply_bytes(t->call, "text/plain; charset=utf-8");
    buf_release(&text);
}

static void reply_stream(struct transcription *t)
{
    const struct switches *switches = &t->call->switches;
    struct script *script = &t->call->script;
    struct str all = buf_str(&t->transcript.text), rest = all, word;
    script_init(script);
    for (int64_t spoken = 0; spoken != switches->cut && word_cut(&rest, &word); spoken++)
        script_add_event(
            script, switches->word_us,
            json_pack("{s:s, s:s%}", "type", "transcript.text.delta", "delta", word.p, word.n));
    /* A text that is too short to be cut in its words is cut before its end. */
    script->cut = switches->cut >= 0;
    if (!script->cut)
        script_add_event(script, 0,
                         json_pack("{s:s, s:s%, s:o}", "type", "transcript.text.done", "text",
                                   all.p, all.n, "usage", usage_of(t)));
    sandbox_reply_script(t->call);
}

static void transcription_answer(struct transcription *t)
{
    if (t->stream)
        reply_stream(t);
    else if (t->format == FORMAT_JSON)
        sandbox_reply_json(t->call, plain_json(t));
    else if (t->format == FORMAT_VERBOSE)
        sandbox_reply_json(t->call, verbose_json(t));
    else
        reply_text(t);
}

static void create(struct transcription *t)
{
    struct str recording;
    if (!transcription_read(t, &recording))
        return;
    if (transcript_hear(&t->transcript, recording))
        transcription_answer(t);
    transcript_release(&t->transcript);
}

void sandbox_transcriptions_create(struct sandbox_call *call)
{
    struct transcription t = {.call = call};
    create(&t);
}

void sandbox_translations_create(struct sandbox_call *call)
{
    struct transcription t = {.call = call, .is_translation = true};
    create(&t);
}
