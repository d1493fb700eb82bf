#include "relay/plain_reply.h"

enum {
    WANT_ERROR,
    WANT_DATA,
    WANT_RESULTS,
    WANT_USAGE,
    WANT_META,
    WANT_QUALITY,
    WANT_SIZE,
    WANT_TIER,
    WANT_TYPE,
    WANT_MESSAGE,
    WANT_CODE,
    WANT_PARAM
};

const struct jspan_want plain_reply_wants[PLAIN_REPLY_WANTS] = {
    [WANT_ERROR] = {{"error"}, JSPAN_COPY},
    [WANT_DATA] = {{"data"}, 0},
    [WANT_RESULTS] = {{"results"}, 0},
    [WANT_USAGE] = {{"usage"}, JSPAN_INSIDE},
    [WANT_META] = {{"meta"}, JSPAN_INSIDE}, /* Cohere, SiliconFlow */
    [WANT_QUALITY] = {{"quality"}, 0},
    [WANT_SIZE] = {{"size"}, 0},
    [WANT_TIER] = {{"service_tier"}, 0},
    /* Of an event. */
    [WANT_TYPE] = {{"type"}, 0},
    [WANT_MESSAGE] = {{"message"}, 0},
    [WANT_CODE] = {{"code"}, 0},
    [WANT_PARAM] = {{"param"}, 0},
};

void plain_reply_take(struct tap *tap, const struct jspan_value *value)
{
    switch (value->want) {
    case WANT_ERROR:
        tap_take_error(tap, value);
        break;
    case WANT_DATA:
    case WANT_RESULTS:
        tap_take_result(tap, value);
        break;
    case WANT_USAGE:
    case WANT_META:
        tap_take_usage(tap, value);
        break;
    case WANT_QUALITY:
        tap_take_word(value, tap->quality, sizeof tap->quality);
        break;
    case WANT_SIZE:
        tap_take_word(value, tap->size, sizeof tap->size);
        break;
    case WANT_TIER:
        tap_take_word(value, tap->service_tier, sizeof tap->service_tier);
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

bool plain_reply_is_good(const struct tap *tap)
{
    return tap->seen.result && !tap->seen.error;
}

enum event_fate plain_reply_fate(struct tap *tap, const struct sse_event *event)
{
    (void)event;
    return tap->seen.error ? EVENT_ERROR : EVENT_PASS;
}

bool plain_reply_is_complete(const struct tap *tap)
{
    (void)tap;
    return false;
}
