/* A value that fits a JSON schema: arguments of a tool call, a structured answer. */
#ifndef SERVER_SANDBOX_SAMPLE_H
#define SERVER_SANDBOX_SAMPLE_H

#include <jansson.h>

#include "base/check.h"

/* Borrows `schema`; gives the value, NULL when out of memory.  Objects have their required members
 * only.  What it does not understand (or that is nested too deeply) becomes the text "sandbox". */
MUST_USE json_t *sample_of_schema(const json_t *schema);

#endif
