/* What chat-like answers (chat and text completions) show in their events and documents. */
#ifndef RELAY_CHAT_REPLY_H
#define RELAY_CHAT_REPLY_H

#include "relay/module.h"
#include "relay/tap.h"

#define CHAT_REPLY_WANTS 9
extern const struct jspan_want chat_reply_wants[CHAT_REPLY_WANTS];

void chat_reply_take(struct tap *tap, const struct jspan_value *value);
void chat_reply_text(struct tap *tap, struct str name, struct str piece, bool first);
bool chat_reply_is_good(const struct tap *tap);
enum event_fate chat_reply_fate(struct tap *tap, const struct sse_event *event);
bool chat_reply_is_complete(const struct tap *tap);

#endif
