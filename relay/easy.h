/* One libcurl handle, set up to do no more than connect: no proxy, no redirects, verified TLS 1.2
 * or newer, and only to addresses that a provider may have. */
#ifndef RELAY_EASY_H
#define RELAY_EASY_H

#include <stdbool.h>

#include "base/check.h"
#include "relay/dialer.h"

struct conn;

/* Sets everything that is the same for every connection; NULL when out of memory. */
MUST_USE void *easy_new(struct dialer *dialer);
/* What is this connection's own; false when libcurl refuses it. */
MUST_USE bool easy_prepare(void *easy, struct conn *conn, long connect_timeout_ms);
/* What a CURLcode means for a connection that was to be made. */
enum dial_end easy_end_of(int code);

/* One that connects to a URL of our own choice, wherever it leads; NULL when out of memory. */
MUST_USE void *easy_new_to(struct dialer *dialer, const char *url);
/* Its TCP stands; TLS has begun. */
bool easy_is_connected(void *easy);

#endif
