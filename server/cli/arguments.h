/* From the words of a command line to the arguments of the admin API. */
#ifndef SERVER_CLI_ARGUMENTS_H
#define SERVER_CLI_ARGUMENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "server/cli/parse.h"

/* The arguments of the command's operation.  NULL with *why when a value is not of its kind. */
MUST_USE json_t *invocation_arguments(const struct invocation *invocation, struct buf *why);
/* "90m", "12h", "30d", "2w" in seconds, up to ten years. */
MUST_USE bool parse_period(struct str text, int64_t *seconds);

#endif
