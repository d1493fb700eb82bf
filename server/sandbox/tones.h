/* Text as tones and back: the voice of the sandbox, and its ear.
 *
 * Each half byte is one of 16 tones (800 to 2300 Hz, 100 Hz apart) for 10 ms, so that a tone has
 * whole cycles and no two of them sound alike to a correlation.  A frame is "SBOX", the length of
 * the text, the text, and its CRC-32 (both numbers of four bytes, the highest first): what is read
 * back is the very text or nothing. */
#ifndef SERVER_SANDBOX_TONES_H
#define SERVER_SANDBOX_TONES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

#define TONES_RATE 24000     /* samples a second */
#define TONES_SAMPLE_BYTES 2 /* signed, the lowest byte first */
#define TONES_MS_PER_BYTE 20
/* Milliseconds before the text, and behind it. */
#define TONES_MS_BEFORE (8 * TONES_MS_PER_BYTE)
#define TONES_MS_AFTER (4 * TONES_MS_PER_BYTE)
#define TONES_TEXT_MAX ((size_t)1 << 16) /* bytes */

/* Adds the samples; false when they do not fit or memory is out.  CHECK: text.n within
 * TONES_TEXT_MAX. */
MUST_USE bool tones_add(struct buf *samples, struct str text);
/* Adds the text of samples that begin with a frame.  False when they do not, or there is no
 * memory. */
MUST_USE bool tones_read(struct str samples, struct buf *text);

#endif
