/* The gateway's own error event, told in a stream that has begun, in its endpoint's shape. */
#ifndef RELAY_ERROR_EVENT_H
#define RELAY_ERROR_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "relay/failure.h"

/* Each is what the SDKs of its endpoint raise an error for. */
enum error_event_shape {
    ERROR_EVENT_CHUNK,   /* chat, completions: data alone, `error` with an integer code */
    ERROR_EVENT_TYPED,   /* images, audio: `event: error`, flat members and a nested `error`; codes
                            are strings, the schemas take no others */
    ERROR_EVENT_NUMBERED /* responses: the same, with its sequence_number */
};

struct error_event {
    enum error_event_shape shape;
    int dialect; /* ERROR_DIALECT_* */
    const char *request_id;
    uint64_t number; /* its sequence_number */
};

/* Adds the whole event to `out`.  False when out of memory. */
MUST_USE bool error_event_write(const struct error_event *event, const struct failure *failure,
                                struct buf *out);

#endif
