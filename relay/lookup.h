/* The look-ups of an origin's name: one at a time, which those wait for who come meanwhile.
 *
 * libcurl looks names up in a thread each, which goes on until the resolver has its answer, also
 * when nobody waits for it any more.  With a dead name server every request would leave one behind.
 * So the first connection alone asks, and the others find its answer in libcurl's cache; after a
 * look-up that had no answer in time the next one begins LOOKUP_GAP_MS after it at the soonest. */
#ifndef RELAY_LOOKUP_H
#define RELAY_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/timer.h"
#include "relay/dialer.h"

#define LOOKUP_GAP_MS 1000

struct conn;

enum lookup_answer { LOOKUP_NONE, LOOKUP_KNOWN, LOOKUP_FAILED };

/* Part of an origin; all zero but for lookup_init. */
struct lookup {
    struct loop *loop;
    struct conn *asking;       /* its connection is being made; NULL = nobody's */
    struct conn *first, *last; /* that wait, by conn->next_waiting */
    enum lookup_answer answer; /* of the one that asks */
    enum dial_end failure;     /* why it failed */
    int64_t began_ms, pause_until_ms;
    struct ready ready;
    struct timer timer;
};

void lookup_init(struct lookup *lookup, struct loop *loop);
/* CHECK: nobody waits. */
void lookup_release(struct lookup *lookup);
/* A connection is to be made: true when at once, else conn_dial is called later, or conn_opened. */
MUST_USE bool lookup_begin(struct conn *conn);
/* From libcurl: an address of the name is known. */
void lookup_note_address(struct conn *conn);
/* It was made, or not; DIAL_OPEN also where nobody wants it any more. */
void lookup_end(struct conn *conn, enum dial_end end);

#endif
