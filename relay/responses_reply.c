#include "relay/responses_reply.h"

#include <string.h>

#define NUMBER_MAX ((uint64_t)1 << 53)

enum {
    /* Of a document. */
    WANT_ID,
    WANT_STATUS,
    WANT_OUTPUT,
    WANT_OUTPUT_ID,
    WANT_USAGE,
    WANT_TIER,
    WANT_CONVERSATION,
    /* Of a document that has failed, or of an error event. */
    WANT_ERROR,
    WANT_ERROR_CODE,
    /* Of an event. */
    WANT_TYPE,
    WANT_NUMBER,
    WANT_DELTA,
    WANT_MESSAGE,
    WANT_CODE,
    WANT_PARAM,
    WANT_ITEM_ID,
    WANT_ITEM_NAME,
    WANT_IN_ID,
    WANT_IN_OUTPUT,
    WANT_IN_OUTPUT_ID,
    WANT_IN_USAGE,
    WANT_IN_TIER,
    WANT_IN_ERROR,
    WANT_IN_ERROR_CODE,
    WANT_IN_CONVERSATION
};

const struct jspan_want responses_reply_wants[RESPONSES_REPLY_WANTS] = {
    [WANT_ID] = {{"id"}, 0},
    [WANT_STATUS] = {{"status"}, 0},
    [WANT_OUTPUT] = {{"output"}, JSPAN_STRINGS},
    [WANT_OUTPUT_ID] = {{"output", "[]", "id"}, 0},
    [WANT_USAGE] = {{"usage"}, JSPAN_INSIDE},
    [WANT_TIER] = {{"service_tier"}, 0},
    [WANT_CONVERSATION] = {{"conversation", "id"}, 0},
    [WANT_ERROR] = {{"error"}, JSPAN_COPY},
    [WANT_ERROR_CODE] = {{"error", "code"}, 0},
    [WANT_TYPE] = {{"type"}, 0},
    [WANT_NUMBER] = {{"sequence_number"}, 0},
    [WANT_DELTA] = {{"delta"}, JSPAN_STRINGS},
    [WANT_MESSAGE] = {{"message"}, 0},
    [WANT_CODE] = {{"code"}, 0},
    [WANT_PARAM] = {{"param"}, 0},
    [WANT_ITEM_ID] = {{"item", "id"}, 0},
    [WANT_ITEM_NAME] = {{"item", "name"}, 0},
    [WANT_IN_ID] = {{"response", "id"}, 0},
    [WANT_IN_OUTPUT] = {{"response", "output"}, 0},
    [WANT_IN_OUTPUT_ID] = {{"response", "output", "[]", "id"}, 0},
    [WANT_IN_USAGE] = {{"response", "usage"}, JSPAN_INSIDE},
    [WANT_IN_TIER] = {{"response", "service_tier"}, 0},
    [WANT_IN_ERROR] = {{"response", "error"}, JSPAN_COPY},
    [WANT_IN_ERROR_CODE] = {{"response", "error", "code"}, 0},
    [WANT_IN_CONVERSATION] = {{"response", "conversation", "id"}, 0},
};

/* --- what an event is ----------------------------------------------------------------------------
 */

enum kind {
    KIND_UNKNOWN, /* no type, or none of this API's */
    KIND_OTHER,
    KIND_LIFECYCLE, /* comes before anything is sure: real providers refuse right behind it */
    KIND_ADDED,     /* an item of the output begins */
    KIND_SOUND,     /* a delta that is no text */
    KIND_LAST,
    KIND_FAILED, /* the last word, too */
    KIND_ERROR
};

unsigned responses_reply_kind(struct str type)
{
    static const struct {
        const char *type;
        enum kind kind;
    } kinds[] = {
        {"response.created", KIND_LIFECYCLE},
        {"response.queued", KIND_LIFECYCLE},
        {"response.in_progress", KIND_LIFECYCLE},
        {"response.output_item.added", KIND_ADDED},
        {"response.audio.delta", KIND_SOUND},
        {"response.completed", KIND_LAST},
        {"response.incomplete", KIND_LAST},
        {"response.failed", KIND_FAILED},
        {"error", KIND_ERROR},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (str_eq(type, str_of(kinds[i].type)))
            return kinds[i].kind;
    }
    return str_starts(type, STR("response.")) ? KIND_OTHER : KIND_UNKNOWN;
}

/* --- members -------------------------------------------------------------------------------------
 */

/* The codes of a failure that another provider may not have. */
static void take_code(struct tap *tap, const struct jspan_value *value)
{
    tap->may_retry =
        value->type == JSPAN_STRING && (str_eq(value->text, STR("server_error")) ||
                                        str_eq(value->text, STR("rate_limit_exceeded")));
}

static void take_of_document(struct tap *tap, const struct jspan_value *value)
{
    switch (value->want) {
    case WANT_ID:
        tap->seen.id = value->type == JSPAN_STRING && value->count > 0;
        tap_take_id(tap, PIN_ANSWER, value);
        break;
    case WANT_STATUS:
        tap->seen.status = value->type == JSPAN_STRING;
        tap->failed = value->type == JSPAN_STRING && str_eq(value->text, STR("failed"));
        break;
    case WANT_OUTPUT:
        tap_take_result(tap, value);
        break;
    case WANT_OUTPUT_ID:
        tap_take_id(tap, PIN_ITEM, value);
        break;
    case WANT_CONVERSATION:
        tap_take_id(tap, PIN_ANSWER, value);
        break;
    case WANT_ERROR_CODE:
        take_code(tap, value);
        break;
    default:
        break;
    }
}

static void take_of_event(struct tap *tap, const struct jspan_value *value)
{
    struct str beside = {tap->sse.type, tap->sse.type_n};
    switch (value->want) {
    case WANT_TYPE:
        tap_take_kind(tap, value);
        break;
    case WANT_NUMBER:
        tap->seen.numbered = jspan_value_u64(value, NUMBER_MAX, &tap->seen.number);
        break;
    case WANT_MESSAGE:
    case WANT_CODE:
    case WANT_PARAM:
        tap_take_flat(tap, value);
        break;
    case WANT_ITEM_NAME: /* of a function; its arguments come as deltas */
        if (tap_kind(tap, beside) == KIND_ADDED)
            estimate_feed(&tap->output, value->text.p, value->text.n);
        break;
    case WANT_ITEM_ID:
    case WANT_IN_OUTPUT_ID:
        tap_take_id(tap, PIN_ITEM, value);
        break;
    case WANT_IN_ID:
    case WANT_IN_CONVERSATION:
        tap_take_id(tap, PIN_ANSWER, value);
        break;
    case WANT_IN_OUTPUT:
        tap_take_result(tap, value);
        break;
    case WANT_IN_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_IN_ERROR_CODE:
        take_code(tap, value);
        break;
    default:
        break;
    }
}

void responses_reply_take(struct tap *tap, const struct jspan_value *value)
{
    switch (value->want) {
    case WANT_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_USAGE:
    case WANT_IN_USAGE:
        tap_take_usage(tap, value);
        break;
    case WANT_TIER:
    case WANT_IN_TIER:
        tap_take_word(value, tap->service_tier, sizeof tap->service_tier);
        break;
    default:
        if (tap->kind == TAP_JSON)
            take_of_document(tap, value);
        else
            take_of_event(tap, value);
        break;
    }
}

void responses_reply_text(struct tap *tap, struct str name, struct str piece, bool first)
{
    static const char *const spoken[] = {"text", "refusal", "arguments", "name", "input", "code"};
    struct str beside = {tap->sse.type, tap->sse.type_n};
    if (tap->kind == TAP_EVENTS) {
        /* The deltas of a stream are one text: runs go on. */
        if (str_eq(name, STR("delta")) && tap_kind(tap, beside) != KIND_SOUND)
            estimate_feed(&tap->output, piece.p, piece.n);
        return;
    }
    for (size_t i = 0; i < COUNT(spoken); i++) {
        if (!str_eq(name, str_of(spoken[i])))
            continue;
        if (first)
            estimate_break(&tap->output);
        estimate_feed(&tap->output, piece.p, piece.n);
        return;
    }
}

/* --- what becomes of it --------------------------------------------------------------------------
 */

/* `error` is a member of every answer, null as a rule; where it is none, `status` says failed. */
bool responses_reply_is_good(const struct tap *tap)
{
    return tap->seen.id && (tap->seen.result || tap->seen.result_empty || tap->seen.status);
}

enum event_fate responses_reply_fate(struct tap *tap, const struct sse_event *event)
{
    unsigned kind = tap_kind(tap, event->type);
    if (kind == KIND_ERROR) {
        tap_take_flat_error(tap);
        return EVENT_ERROR;
    }
    if (kind == KIND_FAILED) {
        tap->failed = true;
        return EVENT_ERROR;
    }
    if (kind == KIND_UNKNOWN && tap->seen.error)
        return EVENT_FOREIGN_ERROR;
    tap_forget_error(tap);
    if (kind == KIND_LAST)
        return EVENT_LAST;
    /* Some send one behind the last word; in place of it it would hide that the answer was cut. */
    if (kind == KIND_UNKNOWN && str_eq(str_trim(event->head), STR("[DONE]")))
        return EVENT_WITHHOLD;
    if (tap->seen.numbered)
        tap->next_number = tap->seen.number + 1;
    return kind == KIND_LIFECYCLE ? EVENT_HOLD : EVENT_PASS;
}

bool responses_reply_is_complete(const struct tap *tap)
{
    (void)tap;
    return false;
}
