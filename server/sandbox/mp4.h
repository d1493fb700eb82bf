/* Writes MP4 files (ISO 14496-12 and -14) of one H.264 track, a picture a second; the index stands
 * before the pictures, so that a player can begin before it has all. */
#ifndef SERVER_SANDBOX_MP4_H
#define SERVER_SANDBOX_MP4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "server/sandbox/h264.h"

#define MP4_SECONDS_MAX 3600

/* Adds the file.  False, `out` perhaps begun, when it does not fit or memory is out.  CHECK: in
 * 1..MP4_SECONDS_MAX seconds. */
MUST_USE bool mp4_add(struct buf *out, const struct h264 *video, unsigned seconds);

#endif
