/* POST /audio/transcriptions and /audio/translations: sound to text, whole in many formats or as a
 * stream.  The request is a form with the sound in its part `file`. */
#include <string.h>

#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/form.h"
#include "relay/plain_reply.h"
#include "relay/request.h"
#include "relay/transcript_reply.h"

/* Of sound that does not tell how long it lasts: about 128 kbit/s; and 32 for a ceiling. */
#define BYTES_A_MS 16
#define BYTES_A_MS_LEAST 4
#define HOLD_MS_LEAST 1000

#define SOUND_TOKENS_A_MINUTE 1700
#define TEXT_TOKENS_A_SECOND_MOST 10 /* nobody talks faster */

static int64_t lasts_ms(const struct sound *sound, uint64_t bytes_a_ms)
{
    int64_t ms = sound_ms(sound);
    return ms > 0 ? ms : (int64_t)(sound->bytes / bytes_a_ms) + 1;
}

static int64_t sound_tokens(int64_t ms)
{
    return (ms * SOUND_TOKENS_A_MINUTE + 59999) / 60000;
}

/* --- what is asked -------------------------------------------------------------------------------
 */

static bool is_text_format(const char *format)
{
    return strcmp(format, "text") == 0 || strcmp(format, "srt") == 0 || strcmp(format, "vtt") == 0;
}

static enum fault transcription_check(struct request *request, struct failure *failure)
{
    struct fields *fields = request->fields;
    char format[16] = "json";
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = form_need_file(fields->form, failure);
    if (f == FAULT_NONE)
        f = fields_bool(fields, FIELD_stream, &request->stream_asked, failure);
    fields_text(fields, FIELD_response_format, format, sizeof format);
    request->text_asked = is_text_format(format);
    request->pieces = lasts_ms(form_sound(fields->form), BYTES_A_MS);
    fields->media_tokens = sound_tokens(request->pieces);
    return f;
}

static void transcription_ceiling(const struct request *request, struct counters *counters)
{
    int64_t ms = lasts_ms(form_sound(request->fields->form), BYTES_A_MS_LEAST);
    if (ms < HOLD_MS_LEAST)
        ms = HOLD_MS_LEAST;
    int64_t text = ms * TEXT_TOKENS_A_SECOND_MOST / 1000;
    int64_t most = request->model->max_output;
    counters->n[COUNTER_audio_ms] = ms;
    counters->n[COUNTER_in_audio] = sound_tokens(ms);
    counters->n[COUNTER_in_text] = estimate_hold_tokens(&request->fields->prompt, 0);
    counters->n[COUNTER_out_text] = most > 0 && most < text ? most : text;
}

/* --- what has come -------------------------------------------------------------------------------
 */

static void transcription_quantities(const struct request *request, struct counters *counters)
{
    int64_t beside_ms = request->tap.usage.beside_ms; /* of use also where the usage is bad */
    if (counters->n[COUNTER_audio_ms] == 0)
        counters->n[COUNTER_audio_ms] = beside_ms > 0 ? beside_ms : request->pieces;
    if (counters_input(counters) > 0)
        return;
    counters->n[COUNTER_in_audio] = sound_tokens(counters->n[COUNTER_audio_ms]);
    counters->n[COUNTER_in_text] = request->prompt_tokens - sound_tokens(request->pieces);
}

/* The two differ in the language of the text. */
#define TRANSCRIPTION(endpoint_, path_)                                                            \
    {                                                                                              \
        .name = #endpoint_, .method = "POST", .path = path_, .body = BODY_KIND_MULTIPART,          \
        .needs_provider = true, .endpoint = ENDPOINT_##endpoint_, .repeat_ambiguous = true,        \
        .upstream_path = path_, .error_event = ERROR_EVENT_TYPED, .check = transcription_check,    \
        .edit = edit_model_only, .ceiling = transcription_ceiling,                                 \
        .quantities = transcription_quantities, .reply_wants = transcript_reply_wants,             \
        .reply_want_count = TRANSCRIPT_REPLY_WANTS, .reply_take = transcript_reply_take,           \
        .reply_text = transcript_reply_text, .reply_is_good = transcript_reply_is_good,            \
        .fate = transcript_reply_fate, .event_kind = transcript_reply_event_kind,                  \
        .is_complete = plain_reply_is_complete,                                                    \
    }

const struct module transcriptions_module = TRANSCRIPTION(transcription, "/audio/transcriptions");
const struct module translations_module = TRANSCRIPTION(translation, "/audio/translations");
