/* The /v1 table: method and path -> module.  A module is one row of module.def and a few hooks:
 * what to read from the body, what a good answer is, what is held back, what to charge.  Everything
 * else (gates, attempts, streams, settlement, errors) exists once and is not the module's business.
 */
#ifndef RELAY_MODULE_H
#define RELAY_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/jspan.h"
#include "base/str.h"
#include "config/model.h"
#include "config/price.h"
#include "relay/error_event.h"
#include "relay/sse.h"
#include "relay/task_object.h"

struct request;
struct tap;
struct failure;
struct task;

enum body_kind { BODY_KIND_NONE, BODY_KIND_JSON, BODY_KIND_MULTIPART, BODY_KIND_MULTIPART_OR_JSON };

/* What becomes of an event of the upstream's stream. */
enum event_fate {
    EVENT_PASS,         /* on to the client */
    EVENT_HOLD,         /* at the stream's beginning: waits a moment for the next, see tap->held */
    EVENT_WITHHOLD,     /* the usage event that only the gateway asked for */
    EVENT_LAST,         /* the last word: held until the charge is committed */
    EVENT_ERROR,        /* the upstream's own error */
    EVENT_FOREIGN_ERROR /* the same, but not as this endpoint tells one: never relayed */
};

struct module {
    const char *name;
    const char *method; /* "GET", "POST" */
    const char *path;   /* behind /v1; '*' is the request's subject: a segment, or at the end the
                           rest; of several paths the longest counts */
    bool keyless;       /* anybody may ask: request->key is NULL */
    enum body_kind body;
    bool needs_provider;    /* false: `local` makes the answer */
    enum endpoint endpoint; /* permission, offers and the endpoint name of the books */
    bool repeat_ambiguous;  /* an attempt that may have been processed may be repeated elsewhere */
    const char *upstream_path;
    bool message_in_errors; /* error bodies carry the message beside `error` too (AI SDK's reranker)
                             */
    enum error_event_shape error_event; /* of a stream that breaks */
    bool binary;      /* its answer is sound, unless an event stream was asked for */
    bool linked;      /* a signed link is as good as a key (relay/content_link) */
    bool takes_query; /* request->query is kept */
    bool of_task;     /* about a task, its subject, which is found before the model is */
    bool stateful;    /* requests may name objects that live at one provider, answers make such */

    /* Fields and ranges, once the body is complete (request->fields).  It may be called again when
     * the model turns out not to take some of them, which then count as not given. */
    enum fault (*check)(struct request *request, struct failure *failure);
    /* The bytes to splice in for this attempt; false when out of memory. */
    bool (*edit)(struct request *request, const char *upstream_model);
    /* An upper bound of what it will use. */
    void (*ceiling)(const struct request *request, struct counters *counters);
    const char *saving; /* the member that lowers this bound, for who has not the money; or NULL */
    /* Once its answer is over: what it has used in other units than tokens of text (pieces,
     * seconds, characters, sound), as far as the answer has not told it; NULL = nothing else.
     * Tokens of text that are still missing are estimated behind it. */
    void (*quantities)(const struct request *request, struct counters *counters);

    /* The answer: members of an event, or of the JSON reply. */
    const struct jspan_want *reply_wants;
    unsigned reply_want_count;
    void (*reply_take)(struct tap *tap, const struct jspan_value *value);
    /* Text inside the members that are asked for; or, with an empty name, of an answer that is
     * plain text. */
    void (*reply_text)(struct tap *tap, struct str name, struct str piece, bool first);
    bool (*reply_is_good)(const struct tap *tap);
    enum event_fate (*fate)(struct tap *tap, const struct sse_event *event);
    /* What an event of this type is: the module's own enumeration, 0 = unknown.  NULL where events
     * have no types. */
    unsigned (*event_kind)(struct str type);
    /* A stream without its last word is complete all the same (every choice has finished). */
    bool (*is_complete)(const struct tap *tap);

    /* It makes a task (relay/task_submit), and this writes what its client gets. */
    task_object_writer *task_write;

    /* needs_provider == false: writes the JSON answer, or returns a fault. */
    enum fault (*local)(struct request *request, struct buf *body, struct failure *failure);
    /* The same where the store is asked first: begins it; in the end it calls request_reply_local
     * or request_refuse. */
    void (*begin)(struct request *request);
};

enum route_result { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_METHOD /* *module is one with the path */ };

/* `path` is the raw path with /v1 and doubled or trailing slashes already taken off; *subject is
 * what stands for '*'. */
enum route_result module_route(struct str method, struct str path, const struct module **module,
                               struct str *subject);
/* For "did you mean": the module whose path this one nearly is (a few letters differ, or some of
 * its segments lack or are too many), of that method if several are; NULL when none is near. */
const struct module *module_nearest(struct str method, struct str path);
/* The table: module_at(0).. until NULL. */
const struct module *module_at(unsigned i);
/* The reply_wants of a module of the table, digested.  From any thread. */
const struct jspan_plan *module_reply_plan(const struct module *module);

#define MODULE(name) extern const struct module name##_module;
#include "relay/module.def"
#undef MODULE

#endif
