/* One client call, everywhere below HTTP.
 *
 * Cast, in order of appearance:
 *   relay      the worker's relay room: loop, engine, store, configuration in force, all requests
 *   exchange   the HTTP side (server/exchange); each nulls the other's pointer when it goes
 *   module     what is particular to the endpoint: one row of the /v1 table
 *   key        who calls: key, user and group in one counted record (store/keyring)
 *   fields     what the gateway reads of the body, by spans; gone once the answer flows
 *   body       the client's bytes, kept until nothing can be sent again
 *   plan       the offers to try, in order
 *   attempt    the one live try at a provider
 *   tap        the parser that looks at the answer as it passes
 *   stream     the answer's bytes between attempt and client
 *   hold       what is reserved for this request in the quota book, and the limits that it runs on
 *   entry      what the books will say about it (settle.entry)
 *
 * A request never changes its thread.  It may outlive its client (draining) and its answer (mail
 * still out); it is freed at the end of the turn in which it is CLOSED and all mail is back. */
#ifndef RELAY_REQUEST_H
#define RELAY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/loop.h"
#include "base/str.h"
#include "config/snapshot.h"
#include "relay/attempt.h"
#include "relay/body.h"
#include "relay/failure.h"
#include "relay/fetch.h"
#include "relay/fields.h"
#include "relay/headers.h"
#include "relay/kept_film.h"
#include "relay/module.h"
#include "relay/offer_health.h"
#include "relay/plan.h"
#include "relay/relay.h"
#include "relay/stream.h"
#include "relay/tap.h"
#include "relay/vector_text.h"
#include "store/ident.h"
#include "store/store.h"

/* Each state waits for exactly one thing. */
#define REQUEST_STATES(X)                                                                          \
    X(AUTHENTICATING) /* the keyring; no body byte is read */                                      \
    X(RECEIVING)      /* the client's body */                                                      \
    X(LOOKING_UP)     /* the store's word on objects that the request names */                     \
    X(RECORDING)      /* the commit of the row of the task that it makes */                        \
    X(DISPATCHING)    /* the start of the next attempt */                                          \
    X(AWAITING)       /* the upstream's first good event, or its whole answer */                   \
    X(RELAYING)       /* bytes from upstream, or room at the client */                             \
    X(DRAINING)       /* the upstream's usage after the client has gone */                         \
    X(SETTLING)       /* the commit of the charge */                                               \
    X(REPLYING)       /* an error or a local answer to be handed over */                           \
    X(FINISHING)      /* the client's last byte */                                                 \
    X(CLOSED)         /* the mail that is still out, then the end of the turn */

enum request_state {
#define X(name) REQUEST_##name,
    REQUEST_STATES(X)
#undef X
        REQUEST_STATE_COUNT
};

/* What the exchange may hand to the client. */
enum answer_kind {
    ANSWER_NONE,
    ANSWER_FAILURE, /* request->failure, to be told as an error body */
    ANSWER_LOCAL,   /* request->local, a JSON document with 200 */
    ANSWER_WHOLE,   /* the stream's bytes, all there and released */
    ANSWER_STREAM   /* the stream's bytes, as they are released */
};

struct request {
    struct relay *relay;
    struct request *next, *previous; /* relay->requests */
    void *exchange;                  /* NULL once the client's side is gone */
    void (*wake)(void *exchange);    /* an answer, more bytes, or the end are there */

    int64_t id;
    char id_text[IDENT_TEXT_SIZE];
    enum request_state state;
    const struct module *module;
    struct str subject; /* of a path like /models/{id}; heap copy in subject_text */
    char *subject_text;
    char *query;           /* behind the "?", as sent; NULL unless the module takes one */
    struct task *task;     /* that it is about (relay/task_get) */
    struct replay *replay; /* what its Idempotency-Key has made before (relay/task_replay) */
    struct submission *submission;   /* of the task that it makes (relay/task_submit) */
    struct fetch *fetch;             /* of its bytes (relay/content); NULL = none is going on */
    struct kept_film *film;          /* the kept copy of them (relay/content_kept) */
    uint64_t film_at, film_to;       /* of it, what is still to be read */
    struct content_renewal *renewal; /* of their address; at most one */
    char *result_url;                /* that address; NULL = the provider's own path */
    bool is_tried;                   /* only whether the client may be sent there */
    struct snapshot *snapshot;
    struct key_record *key;
    const struct model *model;
    struct client_headers client;
    struct fields *fields;
    struct body body;

    /* Frozen at admission. */
    bool admitted, stream_asked;
    bool by_link; /* who asks is nobody that is known: no key, no row */
    bool client_wants_usage;
    bool text_asked;        /* the answer is to be plain text, though an error will be JSON */
    int64_t received_ms;    /* clock: the request is complete */
    int64_t created_ms;     /* clock: its head is here */
    int64_t choices;        /* n */
    int64_t pieces;         /* what else is counted: documents, pictures, characters... */
    int64_t output_limit;   /* tokens the caller allowed each choice; 0 = did not say */
    int64_t prompt_tokens;  /* estimated */
    int64_t hold_tokens;    /* what its prompt may be at most, for the hold */
    bool is_uncounted;      /* it has media, or what a provider finds by itself: it may be more */
    int64_t carried_tokens; /* of them, what the objects that it names bring along */
    bool unstored;          /* the provider is not to keep the answer */
    char tier[16], quality[16], size[16]; /* as asked; what the price goes by */
    struct allowances allowances;         /* what its limits leave to the caller */

    struct plan plan;
    const struct offer *offer; /* of the last attempt */
    struct attempt *attempt;
    struct metered provider_turn; /* the limits of that provider, while an attempt is live there */
    struct offer_turn offer_turn; /* what is learned of the offer, as long */
    struct buf call_target, call_headers;
    struct tap tap;
    bool tap_open;
    bool injected_usage, no_usage_options, fresh_connect;
    uint64_t dropped;      /* members of the body that are left out for this attempt */
    struct buf error_body; /* of an answer that is no success */
    bool paused_for_room;
    struct vector_text
        *vectors; /* encode those of this attempt's answer; NULL = it passes as it is */

    struct stream stream;
    enum answer_kind answer;
    int answer_status;         /* of a stream; 0 = 200 */
    int64_t answer_bytes;      /* of one; -1 = as many as come */
    struct buf answer_headers; /* "name: value\n" that pass down */
    char content_type[128];
    struct failure failure;
    struct buf local;

    struct timer timer; /* the limit of the state */
    struct ready ready;
    struct grave grave;
    unsigned mail_out;
    bool settled, open_noted, client_gone, ended_early;
    bool breaks;     /* behind its last byte the connection must break: the answer was cut */
    const char *end; /* for the books */
    struct store_key_get key_get;
    struct references references;
    struct store_pins_get pins_get;
    bool looked_up; /* LOOKING_UP: it is known, and the gates behind it are to be passed */
    struct store_settle settle;
};

/* Makes one for a module that has been routed; `subject` is copied.  NULL when out of memory. */
MUST_USE struct request *request_new(struct relay *relay, const struct module *module,
                                     struct str subject, void *exchange,
                                     void (*wake)(void *exchange));

/* The only writer of the state.  CHECK: the edge is legal. */
void request_enter(struct request *request, enum request_state state, const char *why);
const char *request_state_name(enum request_state state);

/* Asks for the token's record.  NONE: it is there (request->key).  Fault UNKNOWN_TOKEN; or
 * *pending: the exchange is woken when it is known (request_authenticated tells). */
MUST_USE enum fault request_authenticate(struct request *request,
                                         const uint8_t hash[SECRET_HASH_SIZE], bool *pending);
/* Without a token, if the query is a link that opens what is asked for.  Fault INVALID_LINK, or
 * MISSING_AUTHORIZATION where it is none. */
MUST_USE enum fault request_admit_link(struct request *request);
/* What it waited for in LOOKING_UP is here. */
bool request_is_looked_up(const struct request *request);
/* The answer is an event stream. */
bool request_is_event_stream(const struct request *request);
/* Event stream or bytes: its parts go on as they come. */
bool request_flows(const struct request *request);
/* After that wake: NONE, UNKNOWN_TOKEN or STORE_UNAVAILABLE. */
enum fault request_authenticated(struct request *request);

/* Ends it with request->failure, or with request->local.  From any state before the commit. */
void request_refuse(struct request *request);
void request_reply_local(struct request *request);
/* Admitted, hold taken: begins the first attempt. */
void request_dispatch(struct request *request);

/* The shutdown limit has passed: ends it now, with an error event if its answer flows. */
void request_cut(struct request *request);

/* The stream has been silent for a while: a comment for the client, if one may stand here. */
void request_keep_alive(struct request *request);

/* From the exchange: room was made in the stream; the client has gone; the last byte is out. */
void request_note_room(struct request *request);
void request_client_gone(struct request *request, enum fault why);
void request_finished(struct request *request);

/* --- between the files of this object ------------------------------------------------------------
 */

void request_wake_exchange(struct request *request);
/* One of its messages to the store is back. */
void request_mail_back(struct request *request);
/* relay/dispatch.c: the settle step of an attempt, and the limits of its states. */
void request_on_ready(struct ready *ready);
void request_on_timer(struct timer *timer);
void request_end_attempt(struct request *request);
/* relay/settle.c: ends the hold with what has been used and mails the entry; `wait` = the state is
 * SETTLING until it is committed.  Exactly once. */
void request_settle(struct request *request, bool charge, bool wait);
/* The mail is back, or its limit has passed. */
void request_commit_done(struct request *request);

#endif
