/* Transcripts as JSON, as plain text, subtitles among it, or as typed events. */
#ifndef RELAY_TRANSCRIPT_REPLY_H
#define RELAY_TRANSCRIPT_REPLY_H

#include "relay/module.h"
#include "relay/tap.h"

#define TRANSCRIPT_REPLY_WANTS 10
extern const struct jspan_want transcript_reply_wants[TRANSCRIPT_REPLY_WANTS];

void transcript_reply_take(struct tap *tap, const struct jspan_value *value);
void transcript_reply_text(struct tap *tap, struct str name, struct str piece, bool first);
/* `text` is a string, and it may be empty: silence. */
bool transcript_reply_is_good(const struct tap *tap);
enum event_fate transcript_reply_fate(struct tap *tap, const struct sse_event *event);
unsigned transcript_reply_event_kind(struct str type);

#endif
