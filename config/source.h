/* The files of a configuration: read whole, and found by include patterns. */
#ifndef CONFIG_SOURCE_H
#define CONFIG_SOURCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "config/parse.h"

/* Reads the file source->name into text and size.  False with the reason in *why. */
MUST_USE bool source_read(struct source *source, struct buf *why);
/* `path` as reached from the folder of `file`: a heap copy, or NULL when memory is out. */
MUST_USE char *path_beside(const char *file, struct str path);
/* Adds the files that the include at `entry` names to the parse's sources.  A pattern may match
 * none, a plain path must exist; faults go to the messages. */
void source_include(struct parse *parse, const struct entry *entry);
/* Adds one; keeps nothing of `name`, which it takes. */
MUST_USE bool source_add_take(struct parse *parse, char *name);

#endif
