/* Answers that are one list (embeddings, pictures, rankings, moderations), or come as typed events
 * or as bytes (pictures, speech): the members that the gateway looks at are the same. */
#ifndef RELAY_PLAIN_REPLY_H
#define RELAY_PLAIN_REPLY_H

#include "relay/module.h"
#include "relay/tap.h"

#define PLAIN_REPLY_WANTS 12
extern const struct jspan_want plain_reply_wants[PLAIN_REPLY_WANTS];

void plain_reply_take(struct tap *tap, const struct jspan_value *value);
bool plain_reply_is_good(const struct tap *tap);
/* For endpoints that do not stream. */
enum event_fate plain_reply_fate(struct tap *tap, const struct sse_event *event);
/* For endpoints whose streams are complete by their last word only. */
bool plain_reply_is_complete(const struct tap *tap);

#endif
