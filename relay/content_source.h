/* Where the result of a task lies, and the asking for its bytes. */
#ifndef RELAY_CONTENT_SOURCE_H
#define RELAY_CONTENT_SOURCE_H

#include <stdint.h>

#include "base/check.h"
#include "relay/fetch.h"
#include "relay/headers.h"

struct task;

struct content_source {
    const struct provider *provider;     /* kept until fetch_free */
    const struct task *task;             /* the rest is borrowed for the call */
    const struct client_headers *client; /* who asks */
    const char *url;                     /* NULL: the provider's own path */
    const char *variant;                 /* of that path; "" = the film itself */
    const char *range, *if_range;        /* NULL = all of it */
};

/* As fetch_start. */
MUST_USE enum fault content_source_fetch(struct fetch **out, struct engine *engine,
                                         const struct content_source *source,
                                         const struct sink *sink);

#endif
