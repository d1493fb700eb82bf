/* "data:video/mp4;base64,...": bytes that stand in their own address (RFC 2397), in Base64. */
#ifndef RELAY_DATA_URL_H
#define RELAY_DATA_URL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

bool data_url_is_one(struct str url);
/* Adds the bytes; *type is a view of their type, empty where none is told.  False when it is not in
 * Base64, is broken or has no bytes, does not fit, or memory is out. */
MUST_USE bool data_url_read(struct str url, struct str *type, struct buf *bytes);

#endif
