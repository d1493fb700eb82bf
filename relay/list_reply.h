/* Answers whose result is a list: embeddings, pictures, rankings, moderations. */
#ifndef RELAY_LIST_REPLY_H
#define RELAY_LIST_REPLY_H

#include "relay/module.h"
#include "relay/tap.h"

#define LIST_REPLY_WANTS 8
extern const struct jspan_want list_reply_wants[LIST_REPLY_WANTS];

void list_reply_take(struct tap *tap, const struct jspan_value *value);
bool list_reply_is_good(const struct tap *tap);
/* For endpoints that do not stream. */
enum event_fate list_reply_fate(struct tap *tap, const struct sse_event *event);
bool list_reply_is_complete(const struct tap *tap);

#endif
