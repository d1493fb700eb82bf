/* Writes H.264 (ITU-T H.264, Constrained Baseline): a still of vertical bars of colour, on whose
 * foot blocks appear one after the other.  Pictures are told by as little as the format allows:
 * each colour once, everything else as "like the neighbour" or "as before". */
#ifndef SERVER_SANDBOX_H264_H
#define SERVER_SANDBOX_H264_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"

#define H264_BLOCK 16 /* pixels a side of a macroblock */
#define H264_SIDE_MAX 1920
#define H264_BLOCKS_MAX 8192 /* of level 4 */
#define H264_BARS 4

struct h264_colour {
    uint8_t y, cb, cr; /* 16..235, 16..240 */
};

struct h264 {
    unsigned width, height; /* even; in H264_BLOCK * H264_BARS..H264_SIDE_MAX */
    struct h264_colour bars[H264_BARS];
    struct h264_colour mark;
};

/* Bytes of the parameter sets' head that a file's description repeats. */
#define H264_PROFILE 66
#define H264_COMPATIBLE 0xc0
#define H264_LEVEL 40

/* Each adds one NAL unit; false, `out` perhaps begun, when it does not fit or memory is out. */
MUST_USE bool h264_add_sequence(struct buf *out, const struct h264 *video);
MUST_USE bool h264_add_parameters(struct buf *out);
/* The first picture, without blocks. */
MUST_USE bool h264_add_first(struct buf *out, const struct h264 *video);
/* Picture `number`, from 1 on, of `count`: the one before, and blocks up to its share of the
 * width. */
MUST_USE bool h264_add_next(struct buf *out, const struct h264 *video, unsigned number,
                            unsigned count);

#endif
