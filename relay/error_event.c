#include "relay/error_event.h"

#include <inttypes.h>

static bool add_chunk(const struct failure *failure, struct str message, const char *request_id,
                      struct buf *event)
{
    const struct fault_info *info = fault_info(failure->fault);
    return buf_add_str(event, STR("data: {\"error\":{\"message\":\"")) &&
           buf_add_json(event, message) &&
           buf_addf(event,
                    "\",\"type\":\"%s\",\"code\":%d,\"param\":null,\"reason\":\"%s\","
                    "\"request_id\":\"%s\"}}\n\n",
                    info->type, info->status, failure_reason(failure), request_id);
}

/* Flat members alone are not raised by openai-node 6 and openai-python 2, nested ones alone are not
 * what the specification says: so both. */
static bool add_typed(const struct failure *failure, struct str message, const char *number,
                      struct buf *event)
{
    const struct fault_info *info = fault_info(failure->fault);
    return buf_addf(event, "event: error\ndata: {\"type\":\"error\",\"code\":\"%d\",\"message\":\"",
                    info->status) &&
           buf_add_json(event, message) &&
           buf_addf(event,
                    "\",\"param\":null%s,\"error\":{\"type\":\"%s\",\"code\":\"%d\","
                    "\"message\":\"",
                    number, info->type, info->status) &&
           buf_add_json(event, message) && buf_add_str(event, STR("\",\"param\":null}}\n\n"));
}

bool error_event_write(enum error_event_shape shape, const struct failure *failure,
                       const char *request_id, uint64_t number, struct buf *event)
{
    struct buf message, member;
    buf_init(&message, FAILURE_MESSAGE_MAX * 2);
    buf_init(&member, 64);
    bool ok = failure_message(failure, &message);
    if (ok && shape == ERROR_EVENT_NUMBERED)
        ok = buf_addf(&member, ",\"sequence_number\":%" PRIu64, number);
    ok = ok && buf_add_char(&member, '\0');
    if (ok && shape == ERROR_EVENT_CHUNK)
        ok = add_chunk(failure, buf_str(&message), request_id, event);
    else if (ok)
        ok = add_typed(failure, buf_str(&message), member.p, event);
    buf_release(&message);
    buf_release(&member);
    return ok;
}
