/* The one failure policy: what an attempt's outcome means for the caller, and whether another
 * provider may be tried. */
#ifndef RELAY_VERDICT_H
#define RELAY_VERDICT_H

#include <stdbool.h>

#include "base/str.h"
#include "relay/attempt.h"
#include "relay/failure.h"
#include "relay/tap.h"

enum verdict_action {
    VERDICT_NEXT,  /* try the next offer, if there is one */
    VERDICT_FAIL,  /* tell the caller */
    VERDICT_REPEAT /* once more at the same provider, without the stream options it refused */
};

/* Before the commit point.  Borrowed. */
struct outcome {
    const struct attempt *attempt;
    const struct tap *tap; /* NULL: the answer was not a success by its head */
    struct str body;       /* of an answer that was not a success; cut */
    const char *model;     /* public name, for messages */
    bool stream_asked;
    bool repeat_ambiguous;  /* what may have been processed may be asked of another */
    bool failover_on_block; /* what one provider's policy refuses is asked of the next */
    bool names_result;      /* the answer names what was made, whatever else it says */
    bool injected_usage;    /* this attempt carried stream options that the caller did not ask */
};

/* Why this attempt cannot be delivered (it has ended, or a limit has passed), into *failure. */
enum verdict_action verdict_of(const struct outcome *outcome, struct failure *failure);

/* Whether an attempt that ended with this fault and HTTP status (0 = none) is a no: nothing has
 * been made of the request, surely. */
bool verdict_is_no(enum fault fault, int status, bool names_result);

/* After the commit point: what the client is told in the stream.  *relay_it: the upstream's own
 * error event may go on unchanged. */
void verdict_in_stream(const struct attempt *attempt, const struct tap *tap,
                       struct failure *failure, bool *relay_it);

/* What it is for the caller that an attempt ended so; an answer that came whole is one of no use.
 */
enum fault verdict_of_end(enum attempt_end end);

/* Of two failures of one request the one that is told: 429 only if every provider was limiting. */
void verdict_merge(struct failure *told, struct failure *latest);

#endif
