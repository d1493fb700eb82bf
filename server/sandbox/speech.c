#include "server/sandbox/speech.h"

#include "base/base64.h"
#include "server/sandbox/asked.h"
#include "server/sandbox/call.h"
#include "server/sandbox/tones.h"
#include "server/sandbox/wav.h"
#include "server/sandbox/words.h"

#define CHARACTERS_MAX 4096
#define SOUND_BYTES_MAX ((size_t)20 << 20)
/* Half a second is sent at a time. */
#define PIECE_BYTES ((size_t)TONES_RATE * TONES_SAMPLE_BYTES / 2)
/* As gpt-4o-mini-tts counts it, roughly. */
#define TOKENS_PER_SECOND 21

/* One request as it is answered. */
struct speech {
    struct sandbox_call *call;
    struct str input;
    bool bare; /* samples without a head */
    bool events;
    struct buf sound;
};

/* --- reading the request ------------------------------------------------------------------- */

static size_t characters_of(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += ((uint8_t)text.p[i] & 0xc0) != 0x80;
    return n;
}

/* An absent text is as good as one of the list. */
static bool is_one_of(struct str text, const char *const *list, size_t count)
{
    bool found = text.n == 0;
    for (size_t i = 0; i < count; i++)
        found = found || str_eq(text, str_of(list[i]));
    return found;
}

/* False when it is refused. */
static bool refuse(const struct speech *speech, const char *param, const char *message)
{
    sandbox_reply_error(speech->call, 400, param, NULL, message);
    return false;
}

static bool speech_read(struct speech *speech)
{
    static const char *const formats[] = {"mp3", "opus", "aac", "flac", "wav", "pcm"};
    static const char *const streams[] = {"audio", "sse"};
    struct sandbox_call *call = speech->call;
    struct str format = asked_text(call, "response_format");
    struct str stream = asked_text(call, "stream_format");
    speech->input = asked_text(call, "input");
    if (speech->input.n == 0 || characters_of(speech->input) > CHARACTERS_MAX)
        return refuse(speech, "input", "input must have 1 to 4096 characters.");
    if (json_object_get(call->json, "voice") == NULL)
        return refuse(speech, "voice", "voice is required.");
    if (!is_one_of(format, formats, COUNT(formats)))
        return refuse(speech, "response_format", "There is no such format.");
    if (!is_one_of(stream, streams, COUNT(streams)))
        return refuse(speech, "stream_format", "stream_format must be audio or sse.");
    speech->bare = str_eq(format, STR("pcm"));
    speech->events = str_eq(stream, STR("sse"));
    return true;
}

static bool speak(struct speech *speech)
{
    size_t ms = TONES_MS_BEFORE + speech->input.n * TONES_MS_PER_BYTE + TONES_MS_AFTER;
    size_t bytes = ms * TONES_RATE / 1000 * TONES_SAMPLE_BYTES;
    return (speech->bare || wav_add_head(&speech->sound, TONES_RATE, bytes)) &&
           tones_add(&speech->sound, speech->input);
}

/* --- answering ----------------------------------------------------------------------------- */

static json_t *usage_of(const struct speech *speech)
{
    int64_t in = words_tokens(speech->input);
    int64_t a_second = (int64_t)TONES_RATE * TONES_SAMPLE_BYTES;
    int64_t out = ((int64_t)speech->sound.n * TOKENS_PER_SECOND + a_second - 1) / a_second;
    return json_pack("{s:I, s:I, s:I}", "input_tokens", (json_int_t)in, "output_tokens",
                     (json_int_t)out, "total_tokens", (json_int_t)in + out);
}

static void add_delta(struct speech *speech, struct str piece)
{
    struct script *script = &speech->call->script;
    struct buf text;
    buf_init(&text, 2 * PIECE_BYTES);
    if (base64_add(&text, piece.p, piece.n))
        script_add_event(
            script, speech->call->switches.word_us,
            json_pack("{s:s, s:s%}", "type", "speech.audio.delta", "audio", text.p, text.n));
    else
        script->failed = true;
    buf_release(&text);
}

/* False when the answer is to be cut there. */
static bool add_sound(struct speech *speech)
{
    const struct switches *switches = &speech->call->switches;
    struct str rest = buf_str(&speech->sound);
    for (int64_t sent = 0; rest.n > 0; sent++) {
        struct str piece = str_slice(rest, 0, PIECE_BYTES);
        rest = str_from(rest, PIECE_BYTES);
        /* A sound that is too short is cut before its last piece. */
        if (switches->cut >= 0 && (sent == switches->cut || rest.n == 0))
            return false;
        if (speech->events)
            add_delta(speech, piece);
        else
            script_add(&speech->call->script, switches->word_us, piece);
    }
    return true;
}

static void speech_answer(struct speech *speech)
{
    struct script *script = &speech->call->script;
    script_init(script);
    script->cut = !add_sound(speech);
    if (!speech->events) {
        sandbox_reply_bytes(speech->call, speech->bare ? "audio/pcm" : "audio/wav");
        return;
    }
    if (!script->cut)
        script_add_event(
            script, 0,
            json_pack("{s:s, s:o}", "type", "speech.audio.done", "usage", usage_of(speech)));
    sandbox_reply_script(speech->call);
}

void sandbox_speech_create(struct sandbox_call *call)
{
    struct speech speech = {.call = call};
    if (!speech_read(&speech))
        return;
    buf_init(&speech.sound, SOUND_BYTES_MAX);
    if (speak(&speech))
        speech_answer(&speech);
    buf_release(&speech.sound);
}
