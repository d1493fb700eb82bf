/* One value of a result as people read it. */
#ifndef SERVER_CLI_CELL_H
#define SERVER_CLI_CELL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Adds one value as people read it: local time, money without needless zeros, lists with commas,
 * "-" for null.  Control bytes become '?', so that a name cannot steer a terminal. */
MUST_USE bool cell_add(struct buf *out, const json_t *value);
/* "{name} has {balance} USD[ in {group}]" with the members of `object` put in: null is "none", and
 * an empty list "any".  What is in brackets is left out when a member of it is null. */
MUST_USE bool cell_expand(struct buf *out, const char *text, const json_t *object);
/* A command with the members of `object` put in, each as one word of a POSIX shell. */
MUST_USE bool cell_expand_command(struct buf *out, const char *text, const json_t *object);
/* The text as one word of a POSIX shell: in single quotes where it needs them. */
MUST_USE bool cell_add_word(struct buf *out, struct str text);

#endif
