/* An absolute http(s) URL that a provider has told, taken apart by libcurl, whose reading decides
 * where a connection goes. */
#ifndef RELAY_URL_H
#define RELAY_URL_H

#include <stdbool.h>

#include "base/check.h"

#define URL_BYTES_MAX ((size_t)16 << 10)

struct url {
    char *base;   /* "https://host[:port]", the port only where it is not the scheme's own */
    char *target; /* path and query, begins with "/" */
};

enum url_result {
    URL_OK,
    URL_REFUSED, /* not http(s), a name and password in it, from https to http, or no URL at all */
    URL_NO_MEMORY
};

/* Reads `text`, which may be relative to `from` (NULL: it is absolute).  The URL is the caller's to
 * release; it is empty unless OK. */
MUST_USE enum url_result url_read(struct url *url, const char *text, const struct url *from);
/* Safe on a zeroed one. */
void url_release(struct url *url);
/* Scheme, host and port are the same. */
bool url_same_origin(const struct url *a, const struct url *b);

#endif
