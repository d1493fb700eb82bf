/* A file of conf.d on its way into the configuration: put in its place whole and durable, then
 * kept, or taken back when the check refuses the configuration with it. */
#ifndef SERVER_CLI_DROP_IN_H
#define SERVER_CLI_DROP_IN_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"
#include "server/cli/client.h"

struct drop_in {
    const char *config; /* the configuration's main file; the caller's */
    const char *name;   /* a provider's name; the caller's */
    bool replace;       /* a file that is there may go */
    char *folder;       /* conf.d beside the main file */
    char *path;         /* conf.d/NAME.conf */
    char *old;          /* what it has replaced, by another name; NULL = nothing */
    bool made_folder;
};

/* Puts `text` in its place, for those to read who may read the main file.  The first three members
 * must be set and the rest zero; end it with drop_in_keep or drop_in_take_back, or release it after
 * a failure.  False with the answer failed: CONFLICT, NOT_PERMITTED, or FAILED with the system's
 * reason; then nothing has changed. */
MUST_USE bool drop_in_put(struct drop_in *drop_in, struct str text, struct answer *answer);
/* The file stays; releases the memory. */
void drop_in_keep(struct drop_in *drop_in);
/* Everything is as it was before; releases the memory.  False: it is not, look at the folder. */
MUST_USE bool drop_in_take_back(struct drop_in *drop_in);
void drop_in_release(struct drop_in *drop_in);

#endif
