#include "relay/chat_reply.h"

enum {
    WANT_ERROR,
    WANT_CHOICES,
    WANT_CHOICE,
    WANT_INDEX,
    WANT_FINISH,
    WANT_CHOICE_USAGE,
    WANT_USAGE,
    WANT_GROQ_USAGE,
    WANT_TIER
};

const struct jspan_want chat_reply_wants[CHAT_REPLY_WANTS] = {
    [WANT_ERROR] = {{"error"}, JSPAN_COPY},
    [WANT_CHOICES] = {{"choices"}, JSPAN_STRINGS},
    [WANT_CHOICE] = {{"choices", "[]"}, 0},
    [WANT_INDEX] = {{"choices", "[]", "index"}, 0},
    [WANT_FINISH] = {{"choices", "[]", "finish_reason"}, 0},
    [WANT_CHOICE_USAGE] = {{"choices", "[]", "usage"}, JSPAN_INSIDE},
    [WANT_USAGE] = {{"usage"}, JSPAN_INSIDE},
    [WANT_GROQ_USAGE] = {{"x_groq", "usage"}, JSPAN_INSIDE},
    [WANT_TIER] = {{"service_tier"}, 0},
};

void chat_reply_take(struct tap *tap, const struct jspan_value *value)
{
    uint64_t index = 0;
    switch (value->want) {
    case WANT_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_CHOICES:
        tap_take_result(tap, value);
        break;
    case WANT_CHOICE: /* after its members: which choice it was, and whether it has finished */
        tap_note_choice(tap, tap->choice.index, tap->choice.finished);
        tap->choice = (struct tap_choice){0, false};
        break;
    case WANT_INDEX:
        if (jspan_value_u64(value, UINT32_MAX, &index))
            tap->choice.index = index;
        break;
    case WANT_FINISH:
        tap->choice.finished = value->type == JSPAN_STRING;
        break;
    case WANT_CHOICE_USAGE:
    case WANT_USAGE:
    case WANT_GROQ_USAGE:
        tap_take_usage(tap, value);
        break;
    case WANT_TIER:
        tap_take_word(value, tap->service_tier, sizeof tap->service_tier);
        break;
    default:
        break;
    }
}

void chat_reply_text(struct tap *tap, struct str name, struct str piece, bool first)
{
    static const struct str spoken[] = {
        STR_INIT("content"), STR_INIT("reasoning_content"), STR_INIT("reasoning"),
        STR_INIT("refusal"), STR_INIT("arguments"),         STR_INIT("name"),
        STR_INIT("text"),    STR_INIT("thinking"),
    };
    (void)first; /* the deltas of a stream are one text: runs go on */
    for (size_t i = 0; i < COUNT(spoken); i++) {
        if (str_eq(name, spoken[i])) {
            estimate_feed(&tap->output, piece.p, piece.n);
            return;
        }
    }
}

bool chat_reply_is_good(const struct tap *tap)
{
    return tap->seen.result && !tap->seen.error;
}

enum event_fate chat_reply_fate(struct tap *tap, const struct sse_event *event)
{
    if (str_eq(str_trim(event->head), STR("[DONE]")))
        return EVENT_LAST;
    if (tap->seen.error)
        return EVENT_ERROR;
    /* Azure's first chunk has empty choices too, but no usage. */
    if (tap->injected_usage && tap->seen.result_empty && tap->seen.usage)
        return EVENT_WITHHOLD;
    return EVENT_PASS;
}

bool chat_reply_is_complete(const struct tap *tap)
{
    return tap_choices_finished(tap);
}
