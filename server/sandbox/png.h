/* Writes PNG files (W3C, third edition): 8 bits a pixel, colours from a palette.  zlib, which the
 * program is linked with anyway, deflates them and makes their check sums. */
#ifndef SERVER_SANDBOX_PNG_H
#define SERVER_SANDBOX_PNG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

#define PNG_SIDE_MAX 8192

struct png_colour {
    uint8_t red, green, blue;
};

struct png_source {
    unsigned width, height; /* in 1..PNG_SIDE_MAX */
    const struct png_colour *palette;
    unsigned colours; /* in 1..256 */
    /* Writes the palette's indexes of row `y`, `width` of them. */
    void (*row)(const void *context, unsigned y, uint8_t *indexes);
    const void *context;
};

/* Adds the file.  False, `out` perhaps begun, when it does not fit or memory is out. */
MUST_USE bool png_add(struct buf *out, const struct png_source *source);

#endif
