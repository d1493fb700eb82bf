/* Why one request is refused or fails, with everything its error body needs. */
#ifndef RELAY_FAILURE_H
#define RELAY_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"

#define FAILURE_MESSAGE_MAX 2048
#define FAILURE_SUBJECT_MAX 320

/* Zero is "no failure".  Invariant: the texts belong to a fault other than NONE. */
struct failure {
    enum fault fault;
    char *subject;       /* stands for '{}' in the fault's message; NULL = "" */
    char param[64];      /* error.param; "" = null */
    char reason[64];     /* error.reason when the upstream named a better slug; "" = the fault's */
    char *message;       /* the upstream's own sentence, masked; NULL = the fault's message */
    int upstream_status; /* error.upstream, only when the class allows it; 0 = none */
    char upstream_type[64];
    char upstream_code[64];
    int64_t retry_after_ms; /* 0 = none known */
    bool no_retry;          /* x-should-retry: false */
    char task_id[40];       /* error.task_id: what may have been made; "" = nothing */
    const char *allow;      /* the methods of the path, for an Allow header; static text */
};

/* Replaces what was there.  The subject is cut to its room. */
void failure_set(struct failure *failure, enum fault fault, const char *subject, ...)
    PRINTF_LIKE(3, 4);
void failure_set_subject(struct failure *failure, const char *subject);
void failure_set_param(struct failure *failure, const char *param);
/* Moves `from` into `failure`; `from` is empty afterwards. */
void failure_take(struct failure *failure, struct failure *from);
void failure_release(struct failure *failure);

/* error.reason and error.message.  The message has '{}' replaced. */
const char *failure_reason(const struct failure *failure);
MUST_USE bool failure_message(const struct failure *failure, struct buf *out);

#endif
