/* Texts made from the tables of commands and options: help, the manual page, completion. */
#ifndef SERVER_CLI_HELP_H
#define SERVER_CLI_HELP_H

#include "base/buf.h"
#include "base/check.h"

/* Everything (noun NULL), a noun's commands (verb NULL), or one command, examples first.  False
 * when memory is out.  CHECK: the words exist. */
MUST_USE bool help_write(struct buf *out, const char *noun, const char *verb);
/* gateway(1) as roff. */
MUST_USE bool manual_write(struct buf *out);
/* The completion script of bash. */
MUST_USE bool completion_write_bash(struct buf *out);

/* For help and manual: the names of an option as typed ("-c, --config FILE"). */
MUST_USE bool help_add_option_name(struct buf *out, unsigned id);

#endif
