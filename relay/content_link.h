/* A link that opens the content of one task until a certain time, for who cannot send a header: a
 * <video> element.  It is signed with a key of the installation; that of another task or time, or
 * of another key, opens nothing. */
#ifndef RELAY_CONTENT_LINK_H
#define RELAY_CONTENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/str.h"

struct content_link {
    uint8_t key[SECRET_HASH_SIZE];
};

/* Adds "/v1/videos/ID/content?expires=N&signature=HEX", which opens the content of `public_id` as
 * long as the wall clock is before `until_ms`, cut to a second.  False when out of memory. */
MUST_USE bool content_link_add(const struct content_link *link, const char *public_id,
                               int64_t until_ms, struct buf *text);

enum content_link_word {
    CONTENT_LINK_NONE, /* the query has no signature: it is no link */
    CONTENT_LINK_OPENS,
    CONTENT_LINK_REFUSED /* of something else, or too late */
};

/* Whether the query of a request for the content of `public_id` opens it at `now_ms`. */
enum content_link_word content_link_read(const struct content_link *link, const char *public_id,
                                         struct str query, int64_t now_ms);

#endif
