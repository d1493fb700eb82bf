/* One HTTP transaction: intake, suspend and resume, the response, the client-gone watch.
 *
 * It dies with libmicrohttpd's request; the relay's request may outlive it (draining, mail), so
 * each nulls the other's pointer.  Callbacks of libmicrohttpd come in through exchange_on_access
 * and the content reader: they copy and mark; exchange_step, in the settle step, acts. */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/str.h"
#include "relay/failure.h"
#include "server/admin/admin.h"
#include "server/direct.h"
#include "server/guard.h"
#include "store/ident.h"

struct MHD_Connection;
struct client;
struct request;

enum exchange_verdict { EXCHANGE_GO_ON, EXCHANGE_CLOSE };

enum exchange_phase {
    EXCHANGE_HEAD,    /* before the first call of the access handler */
    EXCHANGE_AUTH,    /* suspended: the token is being looked up */
    EXCHANGE_BODY,    /* body bytes are expected, kept or thrown away */
    EXCHANGE_WAIT,    /* suspended: the answer is not here yet */
    EXCHANGE_SENDING, /* a response is queued */
};

struct exchange {
    struct client *client;
    struct MHD_Connection *connection;
    struct loop *loop;
    struct ready ready;
    enum exchange_phase phase;
    char *target;             /* raw, as sent */
    const char *target_place; /* where libmicrohttpd has read it */
    struct request *request;  /* NULL: refused before there was one, preflight, admin, or over */
    struct failure refused;   /* decided at the head; told after the body was read */
    struct buf preflight;     /* headers of the answer to a CORS preflight; empty: it is none */
    char id_text[IDENT_TEXT_SIZE];
    int64_t body_began_ms;
    int64_t progress_ms; /* when the client last took bytes */
    uint64_t body_bytes;
    uint64_t body_max;
    bool expects_continue, http_1_0, is_head;
    bool suspended; /* in libmicrohttpd */
    bool dead;      /* the client has gone or was killed: every call says close */
    bool close_after;
    bool begun;       /* the gates behind the body have been passed or refused */
    bool streaming;   /* the response is pulled from the request's stream */
    bool reader_idle; /* the reader found nothing and suspended */
    bool over;        /* libmicrohttpd is done with it */
    struct grave grave;
    struct direct direct;
    /* The admin listener's exchanges. */
    bool is_admin, admin_done;
    struct buf admin_body;
    struct admin_call *admin_call;
};

/* NULL when out of memory (libmicrohttpd closes then). */
struct exchange *exchange_new(struct client *client, struct MHD_Connection *connection,
                              const char *target);
/* libmicrohttpd is done with the request: it ends in the settle step. */
void exchange_end(struct exchange *exchange);
enum exchange_verdict exchange_on_access(struct exchange *exchange, const char *method,
                                         const char *version, struct str upload);
/* From the connection: a deadline has passed; it hung up or became writable (settle step). */
void exchange_on_deadline(struct exchange *exchange);
void exchange_on_client_event(struct exchange *exchange);
/* How long the connection may wait for its next request. */
int64_t exchange_idle_ms(const struct exchange *exchange);

/* --- between the files of the server room
 * --------------------------------------------------------- */

const struct settings *exchange_settings(const struct exchange *exchange);
void exchange_suspend(struct exchange *exchange);
/* The relay's wake, the admin call's end: something to do in the settle step. */
void exchange_wake(void *exchange);
/* Refuses with *failure filled in: told when the body has been read, or at once. */
void exchange_refuse(struct exchange *exchange, enum fault fault);
/* server/admit.c: the gates at the head, those behind the complete body, and what is left of them
 * once the objects are known that the request names. */
enum fault admit_head(struct exchange *exchange, const struct head *head, bool *pending);
enum fault admit_key(struct exchange *exchange, const struct head *head);
void admit_body(struct exchange *exchange);
void admit_looked_up(struct exchange *exchange);
/* server/admin_exchange.c */
enum fault admin_exchange_head(struct exchange *exchange, const struct head *head);
void admin_exchange_begin(struct exchange *exchange);

#endif
