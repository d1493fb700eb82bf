#include "relay/transcript_reply.h"

enum {
    WANT_ERROR,
    WANT_USAGE,
    WANT_TEXT,
    WANT_DURATION,
    WANT_DELTA,
    WANT_CHOICES,
    WANT_TYPE,
    WANT_MESSAGE,
    WANT_CODE,
    WANT_PARAM
};

const struct jspan_want transcript_reply_wants[TRANSCRIPT_REPLY_WANTS] = {
    [WANT_ERROR] = {{"error"}, JSPAN_COPY},
    [WANT_USAGE] = {{"usage"}, JSPAN_INSIDE},
    [WANT_TEXT] = {{"text"}, JSPAN_STRINGS},
    [WANT_DURATION] = {{"duration"}, 0},
    /* Of an event. */
    [WANT_DELTA] = {{"delta"}, JSPAN_STRINGS},
    [WANT_CHOICES] = {{"choices"}, JSPAN_STRINGS}, /* vLLM's are like chat's */
    [WANT_TYPE] = {{"type"}, 0},
    [WANT_MESSAGE] = {{"message"}, 0},
    [WANT_CODE] = {{"code"}, 0},
    [WANT_PARAM] = {{"param"}, 0},
};

void transcript_reply_take(struct tap *tap, const struct jspan_value *value)
{
    switch (value->want) {
    case WANT_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_USAGE:
        tap_take_usage(tap, value);
        break;
    case WANT_TEXT:
        tap->seen.result = value->type == JSPAN_STRING;
        tap->items += tap->seen.result;
        break;
    case WANT_DURATION: /* a number, or the same in quotes */
        usage_note_seconds(&tap->usage, value);
        break;
    case WANT_TYPE:
        tap_take_kind(tap, value);
        break;
    case WANT_MESSAGE:
    case WANT_CODE:
    case WANT_PARAM:
        tap_take_flat(tap, value);
        break;
    default:
        break;
    }
}

void transcript_reply_text(struct tap *tap, struct str name, struct str piece, bool first)
{
    (void)first; /* the deltas of a stream are one text: runs go on */
    if (tap->kind == TAP_TEXT) {
        subtitle_feed(&tap->subtitle, piece);
        tap->usage.beside_ms = tap->subtitle.end_ms;
    } else if (tap->kind == TAP_EVENTS && !str_eq(name, STR("delta")) &&
               !str_eq(name, STR("content"))) {
        return; /* `text` of an event says again what the deltas have said */
    }
    estimate_feed(&tap->output, piece.p, piece.n);
}

bool transcript_reply_is_good(const struct tap *tap)
{
    return tap->seen.result && !tap->seen.error;
}

enum { KIND_UNKNOWN, KIND_OTHER, KIND_LAST, KIND_ERROR };

unsigned transcript_reply_event_kind(struct str type)
{
    if (str_eq(type, STR("transcript.text.done")))
        return KIND_LAST;
    if (str_eq(type, STR("error")))
        return KIND_ERROR;
    return type.n > 0 ? KIND_OTHER : KIND_UNKNOWN;
}

enum event_fate transcript_reply_fate(struct tap *tap, const struct sse_event *event)
{
    unsigned kind = tap_kind(tap, event->type);
    if (kind == KIND_ERROR)
        tap_take_flat_error(tap);
    if (tap->seen.error)
        return kind == KIND_ERROR ? EVENT_ERROR : EVENT_FOREIGN_ERROR;
    bool is_last = kind == KIND_LAST || str_eq(str_trim(event->head), STR("[DONE]"));
    return is_last ? EVENT_LAST : EVENT_PASS;
}
