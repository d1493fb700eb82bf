/* Secrets are never written in a configuration file, only where they are. */
#ifndef CONFIG_SECRET_REFERENCE_H
#define CONFIG_SECRET_REFERENCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

#define SECRET_TEXT_MAX 4096

enum secret_state {
    SECRET_READ,
    SECRET_MALFORMED, /* not a reference; the text may be a secret and is never shown */
    SECRET_ABSENT     /* a reference whose secret is not there or not usable */
};

/* Resolves "env:NAME", "file:PATH" (beside the configuration file `file`, or absolute) or
 * "cred:NAME" ($CREDENTIALS_DIRECTORY) and gives *secret (heap; wipe it before freeing).  A file's
 * last line end is dropped.  Else the reason is in *why. */
MUST_USE enum secret_state secret_read(struct str reference, const char *file, char **secret,
                                       struct buf *why);
/* Whether a parameter or header of this name is one for a secret, as far as names tell: one of its
 * words (parted by - or _) is key, token, auth or the like. */
bool secret_is_named(struct str name);

#endif
