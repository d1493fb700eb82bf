/* The input of a response as the messages of a chat. */
#ifndef SERVER_SANDBOX_INPUT_H
#define SERVER_SANDBOX_INPUT_H

#include <jansson.h>

#include "base/check.h"

/* Gives the messages of `body`: its instructions, then its input, a text or items; NULL when there
 * is no memory.  Items that say nothing (reasoning, references) are left out. */
MUST_USE json_t *input_messages(const json_t *body);

#endif
