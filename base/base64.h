/* Standard Base64 with padding (RFC 4648, section 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Adds the text of n bytes.  False, `out` unchanged, when it does not fit or memory is out. */
MUST_USE bool base64_add(struct buf *out, const void *bytes, size_t n);
/* Adds the bytes of a text, whose lines may be broken.  False, `out` unchanged or failed, when it
 * is no such text, does not fit or memory is out. */
MUST_USE bool base64_read(struct buf *out, struct str text);

#endif
