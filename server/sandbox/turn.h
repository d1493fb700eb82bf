/* One turn of a conversation: what the sandbox answers, whichever endpoint was asked. */
#ifndef SERVER_SANDBOX_TURN_H
#define SERVER_SANDBOX_TURN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

struct turn {
    /* What is asked; all of it borrowed until the release. */
    const json_t *messages; /* in the shape of chat */
    const json_t *function; /* to be called, see turn_function; NULL = words are answered */
    const char *format;     /* "json_object", "json_schema"; anything else is plain words */
    const json_t *schema;   /* of "json_schema" */
    int64_t max_tokens;     /* of words */
    /* What is answered. */
    const char *tool; /* the name of the function that is called, or NULL */
    struct buf text;  /* the words, or the arguments of the call */
    bool is_cut;      /* at max_tokens */
    int64_t prompt_tokens, output_tokens;
};

/* The function of `tools` to call: the one that `choice` names, else the first; NULL when that says
 * "none", and when the last message is a tool's result.  `wrapped`: both keep a function in a
 * member "function", as in chat. */
const json_t *turn_function(const json_t *messages, const json_t *tools, const json_t *choice,
                            bool wrapped);
/* Sets what is answered; false when there is no memory for it.  Release it in any case. */
MUST_USE bool turn_decide(struct turn *turn);
void turn_release(struct turn *turn);
/* A usage object in the shape of chat. */
json_t *turn_usage(int64_t prompt_tokens, int64_t output_tokens);

#endif
