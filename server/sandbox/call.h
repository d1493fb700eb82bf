/* One request to the sandbox, and the ways to answer it.
 *
 * Each connection has a thread of its own, so that handlers and streams may simply wait. */
#ifndef SERVER_SANDBOX_CALL_H
#define SERVER_SANDBOX_CALL_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "server/sandbox/script.h"
#include "server/sandbox/switches.h"
#include "server/sandbox/upload.h"

#define SANDBOX_BODY_MAX ((size_t)32 << 20)
#define SANDBOX_ID_SIZE 64

struct sandbox;

struct sandbox_call {
    struct sandbox *sandbox; /* borrowed */
    struct MHD_Connection *connection;
    struct str path; /* borrowed */
    struct buf body;
    bool too_large;
    json_t *json; /* the body, an object, where the route wants one; or the fields of a form */
    bool is_form;
    struct upload upload; /* the files of a form */
    const char *model;
    struct switches switches;
    struct script script; /* what is being sent piece by piece */
    size_t piece;         /* the next piece */
    bool waited;          /* for that piece */
    bool queued;          /* an answer is on its way */
};

/* Waits, unless the client leaves or the sandbox stops: then false.  wait_us < 0 = for ever. */
MUST_USE bool sandbox_wait(const struct sandbox_call *call, int64_t wait_us);
/* A new id: prefix, then a text that no other answer has. */
void sandbox_make_id(const struct sandbox_call *call, const char *prefix, char id[SANDBOX_ID_SIZE]);
/* Seconds and milliseconds since 1970. */
int64_t sandbox_now(void);
int64_t sandbox_now_ms(void);

/* Each answers the call.  Without an answer its connection is closed. */

/* Takes `json`; NULL stands for out of memory.  A `cut` switch breaks it off in the middle. */
void sandbox_reply_json(struct sandbox_call *call, json_t *json);
/* An error object in OpenAI's shape.  `param` and `code` may be NULL. */
void sandbox_reply_error(struct sandbox_call *call, int status, const char *param, const char *code,
                         const char *message);
/* Sends call->script as an event stream, and as bytes of another type. */
void sandbox_reply_script(struct sandbox_call *call);
void sandbox_reply_bytes(struct sandbox_call *call, const char *type);
/* Takes the bytes of a file that never changes, named `etag` (quoted); Range and If-Range hold. */
void sandbox_reply_file(struct sandbox_call *call, struct buf *file, const char *type,
                        const char *etag);

#endif
