/* One try at one provider: a `struct call` out, a head and body bytes back into a sink.  It knows
 * no request, so that whatever needs an upstream can use it.
 *
 * Life: attempt_start .. (sink calls, from inside the engine) .. attempt_free.  Sink functions only
 * copy and mark; attempt_free is never called from one. */
#ifndef RELAY_ATTEMPT_H
#define RELAY_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"
#include "base/timer.h"
#include "config/provider.h"
#include "relay/attempt_head.h"
#include "relay/body.h"
#include "relay/conn.h"
#include "relay/incoming.h"
#include "relay/outgoing.h"

struct engine;

/* What to send, where, and how long to wait.  Borrowed until attempt_free. */
struct call {
    const struct provider *provider;
    const char *base_url;    /* NULL = the provider's own; copied by attempt_start */
    bool foreign;            /* base_url is not the provider's host: it gets no connection that is
                                kept, and its address is public or in content_private */
    const char *path;        /* behind the base URL, copied by attempt_start: "/chat/completions" */
    const struct body *body; /* POST; NULL = GET */
    struct str headers;      /* "Name: value\n"...; copied by attempt_start */
    bool stream;             /* an event stream is expected */
    bool file;               /* bytes are expected: what its head says of them passes, too */
    bool fresh_connect;      /* not over a pooled connection */
    int64_t first_ms; /* from the start to the first use of the answer (attempt_note_first) */
    int64_t whole_ms; /* from the start to the end; 0 = no limit */
    int64_t idle_ms;  /* between bytes, once the head is here; not while paused */
};

enum attempt_end {
    ATTEMPT_RUNNING,
    ATTEMPT_COMPLETE,    /* the answer's last byte has come */
    ATTEMPT_UNREACHABLE, /* no name, refused, no route */
    ATTEMPT_TLS,
    ATTEMPT_CONNECT_TIMEOUT,
    ATTEMPT_TIMEOUT, /* sent, then a limit of the call passed */
    ATTEMPT_DISCONNECTED,
    ATTEMPT_INVALID, /* not HTTP, bad chunk, bad gzip, a flood of headers */
    ATTEMPT_FAILED   /* memory or a read error on our side */
};

struct sink {
    /* The next bytes of the body.  False = no room now: the upstream is paused and the same bytes
     * come again after attempt_resume. */
    bool (*body)(void *context, const char *p, size_t n);
    /* The head is complete, or the attempt has ended. */
    void (*changed)(void *context);
    void *context;
};

struct attempt {
    struct engine *engine;
    struct call call;
    struct sink sink;
    struct attempt_head head;
    enum attempt_end end;
    bool connected; /* the request is being written: from here on it may have been processed */
    bool reused;    /* it went over a pooled connection */
    bool paused;
    bool first_noted;
    int64_t started_ms, last_byte_ms, head_ms; /* the head was whole */
    size_t head_bytes; /* of the answer, so far; 0 = the upstream has not said a word */
    bool head_done;
    /* Private to attempt.c. */
    struct timer timer;
    struct conn *conn; /* NULL once it is at its end */
    struct outgoing outgoing;
    struct incoming incoming;
    bool sending;     /* something of the request is to be sent */
    bool send_failed; /* and cannot be */
    bool is_behind;   /* what was read is decoded in the next turns */
};

/* Starts it.  Faults: GATEWAY_MEMORY. */
MUST_USE enum fault attempt_start(struct attempt **out, struct engine *engine,
                                  const struct call *call, const struct sink *sink);
/* Ends it at whatever point it is; NULL-safe; nulls the pointer.  An unfinished one closes its
 * connection. */
void attempt_free(struct attempt **attempt);
/* The first useful part has been seen: first_ms no longer applies. */
void attempt_note_first(struct attempt *attempt);
/* There is room again.  May call sink.body before it returns. */
void attempt_resume(struct attempt *attempt);
/* The base URL under which this loop reaches a provider; NULL when it does not. */
const char *attempt_own_base(const struct engine *engine, const struct provider *provider);
/* call.body is not read any more. */
bool attempt_has_read_body(const struct attempt *attempt);

#endif
