/* What answers of the Responses API show: a document, or events that are typed and numbered. */
#ifndef RELAY_RESPONSES_REPLY_H
#define RELAY_RESPONSES_REPLY_H

#include "relay/module.h"
#include "relay/tap.h"

#define RESPONSES_REPLY_WANTS 25
extern const struct jspan_want responses_reply_wants[RESPONSES_REPLY_WANTS];

void responses_reply_take(struct tap *tap, const struct jspan_value *value);
void responses_reply_text(struct tap *tap, struct str name, struct str piece, bool first);
unsigned responses_reply_kind(struct str type);
bool responses_reply_is_good(const struct tap *tap);
enum event_fate responses_reply_fate(struct tap *tap, const struct sse_event *event);
bool responses_reply_is_complete(const struct tap *tap);

#endif
