/* What an attempt keeps of its answer's head. */
#ifndef RELAY_ATTEMPT_HEAD_H
#define RELAY_ATTEMPT_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

struct attempt_head {
    int status; /* 0 = not here yet */
    char content_type[128];
    struct buf pass;     /* headers that go to the client, "name: value\n" */
    struct buf location; /* of a redirect, where bytes are expected; too long = empty */
    int64_t length;      /* of the body, where it says it and nothing is encoded; -1 = not known */
    char retry_after[64], retry_after_ms[32], reset_requests[32], reset_tokens[32];
    char request_id[80]; /* the upstream's own, for the log */
};

/* Allocates nothing. */
void attempt_head_init(struct attempt_head *head);
void attempt_head_release(struct attempt_head *head);
/* A line of it; `file`: what it says of a file passes, too.  False when out of memory. */
MUST_USE bool attempt_head_take(struct attempt_head *head, struct str name, struct str value,
                                bool file);

#endif
