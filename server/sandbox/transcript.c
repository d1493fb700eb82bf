#include "server/sandbox/transcript.h"

#include <inttypes.h>

#include <jansson.h>

#include "server/sandbox/tones.h"
#include "server/sandbox/wav.h"
#include "server/sandbox/words.h"

/* Of a file that is no WAV: a usual MP3 has 128 kbit/s. */
#define GUESSED_BYTES_PER_SECOND 16000

/* Tones may carry any bytes; an answer can only tell texts. */
static bool is_utf8(struct str text)
{
    json_t *json = json_stringn(text.p, text.n);
    bool valid = json != NULL;
    json_decref(json);
    return valid;
}

static bool hear_tones(struct transcript *t, struct str samples)
{
    if (!tones_read(samples, &t->text))
        return false;
    if (is_utf8(buf_str(&t->text)))
        return true;
    buf_clear(&t->text);
    return false;
}

static int64_t duration_of(struct str bytes, int64_t bytes_per_second)
{
    return (int64_t)bytes.n * 1000 / bytes_per_second;
}

bool transcript_hear(struct transcript *transcript, struct str recording)
{
    struct transcript *t = transcript;
    struct wav wav;
    bool is_wav = wav_read(recording, &wav);
    struct str samples = is_wav ? wav.samples : recording;
    bool is_voice = !is_wav || (wav.rate == TONES_RATE && wav.channels == 1 && wav.bits == 16);
    buf_init(&t->text, TONES_TEXT_MAX);
    t->begin_ms = 0;
    if (is_voice && hear_tones(t, samples)) {
        t->duration_ms = duration_of(samples, (int64_t)TONES_RATE * TONES_SAMPLE_BYTES);
        t->begin_ms = TONES_MS_BEFORE;
        t->end_ms = t->begin_ms + (int64_t)t->text.n * TONES_MS_PER_BYTE;
        return true;
    }
    t->duration_ms = duration_of(samples, is_wav ? wav.byte_rate : GUESSED_BYTES_PER_SECOND);
    t->end_ms = t->duration_ms;
    return buf_addf(&t->text,
                    "This is the sandbox: it understands its own tones only, and this recording of "
                    "%" PRId64 ".%" PRId64 " seconds is none of them.",
                    t->duration_ms / 1000, t->duration_ms % 1000 / 100);
}

void transcript_release(struct transcript *transcript)
{
    buf_release(&transcript->text);
}

/* When the byte at an offset of the text is said: evenly, as the tones are. */
static int64_t time_of(const struct transcript *t, size_t offset)
{
    return t->begin_ms + (t->end_ms - t->begin_ms) * (int64_t)offset / (int64_t)t->text.n;
}

bool transcript_cut(const struct transcript *transcript, struct str *rest, int64_t words,
                    struct transcript_segment *segment)
{
    if (rest->n == 0)
        return false;
    size_t before = transcript->text.n - rest->n;
    segment->text = words_first(*rest, words);
    segment->begin_ms = time_of(transcript, before);
    segment->end_ms = time_of(transcript, before + segment->text.n);
    *rest = str_from(*rest, segment->text.n);
    return true;
}
