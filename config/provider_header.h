/* Headers of a provider's own, "header = Name: value", and which names may stand in its lists. */
#ifndef CONFIG_PROVIDER_HEADER_H
#define CONFIG_PROVIDER_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/secret_reference.h"

#define PROVIDER_HEADERS_BYTES_MAX ((size_t)16 << 10) /* of all lines together */

struct provider_header {
    char *name;         /* heap */
    char *value;        /* heap; wiped before it is freed */
    const char *secret; /* the end of value that is one; NULL = none of it is */
};

/* Zeroed = none. */
struct provider_headers {
    struct provider_header *list;
    unsigned n;
    size_t bytes;
};

/* Adds "Name: value"; the value's last word may be a reference to a secret, taken from beside
 * `file` (see secret_read), and must be one where the name is a secret's.  SECRET_MALFORMED and
 * SECRET_ABSENT with the reason in *why, which shows nothing of the value, and where it is in *at
 * (bytes into the text). */
MUST_USE enum secret_state provider_headers_add(struct provider_headers *headers, struct str text,
                                                const char *file, size_t *at, struct buf *why);
bool provider_headers_have(const struct provider_headers *headers, struct str name);
/* Whether a client's header of this name may be let through: neither one that is about the
 * connection or the body, nor one that the gateway decides on, nor one that holds a secret.  A
 * word_check. */
MUST_USE bool header_allow_check(struct str name, struct buf *why);
/* "Name: value", a secret in it as ***. */
MUST_USE bool provider_header_show(const struct provider_header *header, struct buf *out);
void provider_headers_release(struct provider_headers *headers);

#endif
