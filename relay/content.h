/* The bytes of a result as they pass to the client: from where they lie, through the request's
 * stream, with ranges and a head as HTTP has them.  It costs nothing. */
#ifndef RELAY_CONTENT_H
#define RELAY_CONTENT_H

struct request;

/* Begins to deliver the result of request->task (completed). */
void content_begin(struct request *request);
/* The same, though there may be a copy. */
void content_relay(struct request *request);
/* The settle step while request->fetch is there. */
void content_step(struct request *request);
/* The process ends: it breaks off in the middle. */
void content_cut(struct request *request);

#endif
