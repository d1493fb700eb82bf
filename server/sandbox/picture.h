/* Pictures of the sandbox: a pattern of blocks that follows from a number, the same for the same
 * number, under the word SANDBOX, so that nobody takes one for a model's. */
#ifndef SERVER_SANDBOX_PICTURE_H
#define SERVER_SANDBOX_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

#define PICTURE_SIDE_MIN 16
#define PICTURE_SIDE_MAX 4096
#define PICTURE_CELLS 8

struct picture {
    uint32_t seed;
    unsigned width, height; /* in PICTURE_SIDE_MIN..PICTURE_SIDE_MAX */
    unsigned cells;         /* blocks a side: PICTURE_CELLS, a preview has fewer */
};

/* Adds it as a PNG file.  False, `out` perhaps begun, when it does not fit or memory is out. */
MUST_USE bool picture_add_png(struct buf *out, const struct picture *picture);

#endif
