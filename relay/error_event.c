#include "relay/error_event.h"

#include <inttypes.h>

#include "relay/error_dialect.h"

/* An event, its failure as it is told, and the message's text. */
struct draft {
    const struct error_event *event;
    const struct failure *failure;
    struct error_told told;
    struct str message;
    struct buf *out;
};

static bool add_code(const struct draft *draft, bool as_text)
{
    if (draft->told.code != NULL)
        return buf_add_char(draft->out, '"') &&
               buf_add_json(draft->out, str_of(draft->told.code)) && buf_add_char(draft->out, '"');
    return buf_addf(draft->out, as_text ? "\"%d\"" : "%d", draft->told.status);
}

static bool add_message(const struct draft *draft)
{
    return buf_add_str(draft->out, STR("\"message\":\"")) &&
           buf_add_json(draft->out, draft->message) && buf_add_char(draft->out, '"');
}

static bool add_chunk(const struct draft *draft)
{
    return buf_add_str(draft->out, STR("data: {\"error\":{")) && add_message(draft) &&
           buf_addf(draft->out, ",\"type\":\"%s\",\"code\":", draft->told.type) &&
           add_code(draft, false) &&
           buf_addf(draft->out, ",\"param\":null,\"reason\":\"%s\",\"request_id\":\"%s\"}}\n\n",
                    failure_reason(draft->failure), draft->event->request_id);
}

/* Flat members alone are not raised by openai-node 6 and openai-python 2, nested ones alone are not
 * what the specification says: so both. */
static bool add_typed(const struct draft *draft)
{
    struct buf *out = draft->out;
    bool ok = buf_add_str(out, STR("event: error\ndata: {\"type\":\"error\",\"code\":")) &&
              add_code(draft, true) && buf_add_char(out, ',') && add_message(draft) &&
              buf_add_str(out, STR(",\"param\":null"));
    if (ok && draft->event->shape == ERROR_EVENT_NUMBERED)
        ok = buf_addf(out, ",\"sequence_number\":%" PRIu64, draft->event->number);
    return ok && buf_addf(out, ",\"error\":{\"type\":\"%s\",\"code\":", draft->told.type) &&
           add_code(draft, true) && buf_add_char(out, ',') && add_message(draft) &&
           buf_add_str(out, STR(",\"param\":null}}\n\n"));
}

bool error_event_write(const struct error_event *event, const struct failure *failure,
                       struct buf *out)
{
    struct buf message;
    buf_init(&message, FAILURE_MESSAGE_MAX * 2);
    bool ok = failure_message(failure, &message);
    struct draft draft = {event, failure, error_tell(failure, event->dialect), buf_str(&message),
                          out};
    if (ok)
        ok = event->shape == ERROR_EVENT_CHUNK ? add_chunk(&draft) : add_typed(&draft);
    buf_release(&message);
    return ok;
}
