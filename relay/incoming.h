/* An answer on its way in: what is read becomes a head, decoded bytes of a body, and an end.  What
 * its user has no room for waits here. */
#ifndef RELAY_INCOMING_H
#define RELAY_INCOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "relay/decoder.h"
#include "relay/http_answer.h"

enum incoming_result {
    INCOMING_MORE,  /* everything is taken */
    INCOMING_FULL,  /* the user had no room: what is left comes again by incoming_resume */
    INCOMING_LATER, /* enough was decoded for one turn: incoming_resume in the next one */
    INCOMING_END,
    INCOMING_CUT,
    INCOMING_INVALID,
    INCOMING_NO_MEMORY
};

/* They only copy and mark. */
struct incoming_user {
    bool (*field)(void *context, struct str name, struct str value); /* false: no memory */
    void (*head)(void *context, int status);
    bool (*body)(void *context, struct str piece); /* false: no room for it now */
    void *context;
};

struct incoming {
    struct incoming_user user;
    struct http_answer answer;
    unsigned coding;         /* see incoming.c */
    struct decoder *decoder; /* from the first encoded byte on */
    struct str decoded;      /* refused; a view of the decoder's */
    size_t decoded_bytes;    /* in this turn */
    struct buf kept;         /* read and not taken: at most one read */
};

/* How long the body is, once the head is here; -1 = not known before its end. */
int64_t incoming_length(const struct incoming *incoming);
/* Allocates nothing. */
void incoming_init(struct incoming *incoming, const struct incoming_user *user);
void incoming_release(struct incoming *incoming);
/* CHECK: it is not full. */
MUST_USE enum incoming_result incoming_feed(struct incoming *incoming, struct str bytes);
/* After FULL: offers again what was refused, and goes on.  After LATER: goes on. */
MUST_USE enum incoming_result incoming_resume(struct incoming *incoming);
/* The peer has closed the connection. */
MUST_USE enum incoming_result incoming_eof(struct incoming *incoming);

#endif
