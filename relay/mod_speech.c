/* POST /audio/speech: text to sound, as bytes or, on demand, as an event stream. */
#include <string.h>

#include "relay/asked_model.h"
#include "relay/edit.h"
#include "relay/plain_reply.h"
#include "relay/request.h"

/* Of a model priced by tokens whose answer tells no usage: a second of speech is about 3.3 tokens
 * of text and 21 of sound, in English as in Chinese.  The ceiling allows for a slow voice. */
#define SOUND_PER_TEXT 6
#define SOUND_PER_TEXT_MOST 12

static enum fault refuse_format(struct failure *failure)
{
    failure_set(failure, FAULT_INVALID_VALUE, "'stream_format': expected 'audio' or 'sse'");
    failure_set_param(failure, "stream_format");
    return FAULT_INVALID_VALUE;
}

static enum fault check_format(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    char format[16] = "audio";
    enum fault f =
        fields_type(fields, FIELD_stream_format, 1u << JSPAN_STRING, "a string", failure);
    if (f != FAULT_NONE)
        return f;
    fields_text(fields, FIELD_stream_format, format, sizeof format);
    request->stream_asked = strcmp(format, "sse") == 0;
    return request->stream_asked || strcmp(format, "audio") == 0 ? FAULT_NONE
                                                                 : refuse_format(failure);
}

static enum fault speech_check(struct request *request, struct failure *failure)
{
    const struct fields *fields = request->fields;
    enum fault f = asked_model_check(request, failure);
    if (f == FAULT_NONE)
        f = fields_need_text(fields, FIELD_input, failure);
    if (f == FAULT_NONE)
        f = fields_type(fields, FIELD_voice, 1u << JSPAN_STRING | 1u << JSPAN_OBJECT,
                        "a string or an object", failure);
    if (f == FAULT_NONE)
        f = fields_need(fields, FIELD_voice, failure);
    request->pieces = fields->input_characters;
    return f == FAULT_NONE ? check_format(request, failure) : f;
}

static void speech_ceiling(const struct request *request, struct counters *counters)
{
    int64_t tokens = estimate_hold_tokens(&request->fields->prompt, 0);
    counters->n[COUNTER_characters] = request->pieces;
    counters->n[COUNTER_in_text] = tokens;
    counters->n[COUNTER_out_audio] = tokens * SOUND_PER_TEXT_MOST;
}

static void speech_quantities(const struct request *request, struct counters *counters)
{
    counters->n[COUNTER_characters] = request->pieces;
    if (counters->n[COUNTER_out_audio] == 0)
        counters->n[COUNTER_out_audio] = request->prompt_tokens * SOUND_PER_TEXT;
}

/* --- the event stream, and errors told with a 2xx ------------------------------------------------
 */

enum { KIND_UNKNOWN, KIND_DELTA, KIND_LAST, KIND_ERROR };

static unsigned speech_event_kind(struct str type)
{
    if (str_eq(type, STR("speech.audio.delta")))
        return KIND_DELTA;
    if (str_eq(type, STR("speech.audio.done")))
        return KIND_LAST;
    return str_eq(type, STR("error")) ? KIND_ERROR : KIND_UNKNOWN;
}

/* A document is never what was asked for. */
static bool speech_is_good(const struct tap *tap)
{
    (void)tap;
    return false;
}

static enum event_fate speech_fate(struct tap *tap, const struct sse_event *event)
{
    unsigned kind = tap_kind(tap, event->type);
    if (kind == KIND_ERROR)
        tap_take_flat_error(tap);
    if (tap->seen.error)
        return EVENT_ERROR;
    if (kind == KIND_LAST)
        return EVENT_LAST;
    if (kind == KIND_DELTA)
        tap->items = 1; /* there is sound to charge for */
    return EVENT_PASS;
}

const struct module speech_module = {
    .name = "speech",
    .method = "POST",
    .path = "/audio/speech",
    .body = BODY_KIND_JSON,
    .needs_provider = true,
    .endpoint = ENDPOINT_speech,
    .repeat_ambiguous = true,
    .upstream_path = "/audio/speech",
    .error_event = ERROR_EVENT_TYPED,
    .binary = true,
    .check = speech_check,
    .edit = edit_model_only,
    .ceiling = speech_ceiling,
    .quantities = speech_quantities,
    .reply_wants = plain_reply_wants,
    .reply_want_count = PLAIN_REPLY_WANTS,
    .reply_take = plain_reply_take,
    .reply_is_good = speech_is_good,
    .fate = speech_fate,
    .event_kind = speech_event_kind,
    .is_complete = plain_reply_is_complete,
};
