/* The tap: the gateway's read-only parser beside the byte relay.  It looks at an answer as it
 * passes into the stream, says what may be released, and collects what the answer was worth: usage,
 * the text that came, errors, completeness.  It never changes a byte. */
#ifndef RELAY_TAP_H
#define RELAY_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/jspan.h"
#include "relay/estimate.h"
#include "relay/module.h"
#include "relay/sse.h"
#include "relay/stream.h"
#include "relay/subtitle.h"
#include "relay/usage.h"

#define TAP_COPY_MAX ((size_t)16 << 10) /* of an error object */
#define TAP_CHOICES_MAX 128
#define TAP_LAST_BYTES 1024 /* held back of an answer that flows and has no last word */
#define TAP_ISSUED_MAX ((size_t)16 << 10) /* of ids that one answer gives out */

enum tap_kind {
    TAP_JSON,   /* one document, held whole */
    TAP_TEXT,   /* the same as plain text, that cannot be wrong */
    TAP_EVENTS, /* an event stream */
    TAP_BYTES   /* sound or pictures: passes as it comes, but for its end */
};

/* What one event (or the document) has shown so far. */
struct tap_seen {
    bool result_empty, result; /* the member that a good answer must have: choices, data... */
    bool usage, error;
    bool id, status;
    bool numbered;
    uint64_t number; /* its sequence_number */
    unsigned kind;   /* what its data says it is, as module->event_kind tells; 0 = nothing */
};

struct tap_choice {
    uint64_t index;
    bool finished;
};

struct tap {
    const struct module *module;
    enum tap_kind kind;
    struct stream *stream; /* borrowed */
    struct sse sse;
    struct jspan *json;
    int64_t asked;       /* results that the request asked for */
    bool injected_usage; /* the gateway asked for the usage event: withhold it */

    struct tap_seen seen;
    bool json_bad;    /* this event's data (or the document) is no JSON */
    bool raw;         /* this event is too long to be held: it passes as it comes */
    bool withheld;    /* the last event was taken out, so its late LF is too */
    uint64_t removed; /* upstream offset minus stream offset: bytes taken out, less those put
                              in (modulo 2^64) */

    /* Results. */
    unsigned events;      /* with data, errors included */
    bool first_is_error;  /* the first event was an error: not committed yet */
    bool last_seen;       /* the last word has come */
    uint64_t last_end;    /* where it ends in the stream */
    bool error_seen;      /* an error event has come, and nothing after it counts */
    bool foreign_error;   /* and it is not one of this endpoint's shape */
    bool released_any;    /* something may go to the client: the commit point */
    bool has_id;          /* an id: or retry: line was seen */
    uint64_t next_number; /* the sequence_number of an event after those that have passed */
    struct buf error;     /* the error object's JSON, or the string */
    struct buf flat;      /* members of an error that stands in the event itself */
    /* Events held at the beginning: they promise nothing yet, an error may follow. */
    bool held;
    uint64_t held_end; /* where the last of them ends in the stream */
    int64_t held_ms;   /* since when, clock_ms() */
    /* The answer tells in its proper form that it failed: it may be delivered all the same, but
     * `may_retry` says that another provider may do better. */
    bool failed, may_retry;
    struct buf issued; /* ids it gives out, as in ledger_entry.issued */
    unsigned issued_items;
    struct usage_object usage_object; /* that is being read */
    struct usage usage;
    int64_t items;                   /* elements of the result: choices, vectors, pictures... */
    struct subtitle subtitle;        /* of plain text */
    struct estimate output;          /* the text that came */
    struct estimate output_at_usage; /* the same when usage was last told */
    char service_tier[16], quality[16], size[16]; /* as the answer says */
    uint8_t choice_seen[TAP_CHOICES_MAX / 8], choice_finished[TAP_CHOICES_MAX / 8];
    bool choice_overflow;
    struct tap_choice choice; /* the element that is being read */
};

/* Keeps module and stream until tap_release. */
void tap_init(struct tap *tap, enum tap_kind kind, const struct module *module,
              struct stream *stream);
void tap_release(struct tap *tap);
/* Looks at bytes that have just been pushed into the stream. */
void tap_feed(struct tap *tap, const char *p, size_t n);
/* The upstream has ended cleanly: the last event may lack its blank line. */
void tap_end(struct tap *tap);
/* Lets go what is held at the beginning. */
void tap_release_held(struct tap *tap);
/* It is held whole, as long as that can be. */
bool tap_is_whole(const struct tap *tap);
/* Success predicate of a whole document; call after tap_end. */
bool tap_is_good(const struct tap *tap);
/* The stream has come to its proper end. */
bool tap_is_complete(const struct tap *tap);
/* There was output worth charging by estimate. */
bool tap_has_output(const struct tap *tap);

/* For modules, from reply_take: an error member (null is none), a usage object (a JSPAN_INSIDE
 * want, which no other may be), the list that is the result. */
void tap_take_error(struct tap *tap, const struct jspan_value *value);
void tap_take_usage(struct tap *tap, const struct jspan_value *value);
void tap_take_result(struct tap *tap, const struct jspan_value *value);
/* The type that stands in an event's data; and what the event is by that, else by the type beside
 * the data. */
void tap_take_kind(struct tap *tap, const struct jspan_value *value);
unsigned tap_kind(const struct tap *tap, struct str beside);
/* A member of an error whose members stand beside its type; tap_take_flat_error makes the error
 * object of them, unless there is one. */
void tap_take_flat(struct tap *tap, const struct jspan_value *value);
void tap_take_flat_error(struct tap *tap);
/* What looked like an error is none. */
void tap_forget_error(struct tap *tap);
/* An id that the provider keeps an object under; letter: PIN_ANSWER, PIN_ITEM. */
void tap_take_id(struct tap *tap, char letter, const struct jspan_value *value);
/* A short string, kept if it fits into its room. */
void tap_take_word(const struct jspan_value *value, char *into, size_t size);
/* The elements of a chat-like reply: which choices have begun, which have finished. */
void tap_note_choice(struct tap *tap, uint64_t index, bool finished);
bool tap_choices_finished(const struct tap *tap);

#endif
