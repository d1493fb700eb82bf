#include "server/sandbox/h264.h"

#define NAL_BYTES_MAX ((size_t)1 << 20)

/* NAL headers: how much depends on the unit, and what it is. */
enum { NAL_NEXT = 0x41, NAL_FIRST = 0x65, NAL_SEQUENCE = 0x67, NAL_PARAMETERS = 0x68 };

/* --- bits ---------------------------------------------------------------------------------- */

/* Invariant: a failed writer only has nal_end left to be called. */
struct bits {
    struct buf bytes; /* without what prevents start codes */
    unsigned byte, count;
    bool ok;
};

static void nal_begin(struct bits *bits, uint8_t header)
{
    buf_init(&bits->bytes, NAL_BYTES_MAX);
    bits->byte = bits->count = 0;
    bits->ok = buf_add(&bits->bytes, &header, 1);
}

static void put(struct bits *bits, uint32_t value, unsigned n)
{
    while (n-- > 0) {
        bits->byte = bits->byte << 1 | (value >> n & 1);
        if (++bits->count == 8) {
            bits->ok = bits->ok && buf_add_char(&bits->bytes, (char)bits->byte);
            bits->byte = bits->count = 0;
        }
    }
}

static void align(struct bits *bits)
{
    while (bits->count != 0)
        put(bits, 0, 1);
}

/* ue(v): Exp-Golomb. */
static void put_ue(struct bits *bits, uint32_t value)
{
    unsigned length = 0;
    for (uint32_t rest = value + 1; rest > 1; rest >>= 1)
        length++;
    put(bits, 0, length);
    put(bits, value + 1, length + 1);
}

/* Ends the unit and adds it: after two zeros a byte of 0 to 3 has a 3 before it. */
static bool nal_end(struct bits *bits, struct buf *out)
{
    unsigned zeros = 0;
    put(bits, 1, 1);
    align(bits);
    bool ok = bits->ok;
    for (size_t i = 0; ok && i < bits->bytes.n; i++) {
        uint8_t byte = (uint8_t)bits->bytes.p[i];
        if (zeros == 2 && byte <= 3) {
            ok = buf_add_char(out, 3);
            zeros = 0;
        }
        ok = ok && buf_add_char(out, (char)byte);
        zeros = byte == 0 ? zeros + 1 : 0;
    }
    buf_release(&bits->bytes);
    return ok;
}

/* --- parameter sets ------------------------------------------------------------------------ */

static unsigned blocks_of(unsigned side)
{
    return (side + H264_BLOCK - 1) / H264_BLOCK;
}

bool h264_add_sequence(struct buf *out, const struct h264 *video)
{
    unsigned columns = blocks_of(video->width), rows = blocks_of(video->height);
    unsigned right = columns * H264_BLOCK - video->width, foot = rows * H264_BLOCK - video->height;
    struct bits bits;
    CHECK(columns * rows <= H264_BLOCKS_MAX && video->width % 2 == 0 && video->height % 2 == 0);
    nal_begin(&bits, NAL_SEQUENCE);
    put(&bits, H264_PROFILE, 8);
    put(&bits, H264_COMPATIBLE, 8);
    put(&bits, H264_LEVEL, 8);
    put_ue(&bits, 0); /* its id */
    put_ue(&bits, 0); /* frame numbers have 4 bits */
    put_ue(&bits, 2); /* shown in the order of the file */
    put_ue(&bits, 1); /* one picture is referred to */
    put(&bits, 0, 1); /* no gaps */
    put_ue(&bits, columns - 1);
    put_ue(&bits, rows - 1);
    put(&bits, 3, 2); /* whole frames; 8x8 inference */
    put(&bits, right + foot > 0, 1);
    if (right + foot > 0) { /* what is cut off, in pairs of pixels */
        put_ue(&bits, 0);
        put_ue(&bits, right / 2);
        put_ue(&bits, 0);
        put_ue(&bits, foot / 2);
    }
    put(&bits, 0, 1); /* no usability information */
    return nal_end(&bits, out);
}

bool h264_add_parameters(struct buf *out)
{
    struct bits bits;
    nal_begin(&bits, NAL_PARAMETERS);
    put_ue(&bits, 0); /* its id */
    put_ue(&bits, 0); /* the sequence's */
    put(&bits, 0, 2); /* CAVLC; no order of fields */
    put_ue(&bits, 0); /* one slice group */
    put_ue(&bits, 0); /* one reference picture in each list */
    put_ue(&bits, 0);
    put(&bits, 0, 3); /* no weighted prediction */
    put_ue(&bits, 0); /* quantisers as they are usual */
    put_ue(&bits, 0);
    put_ue(&bits, 0);
    put(&bits, 4, 3); /* slices tell of the deblocking filter */
    return nal_end(&bits, out);
}

/* --- pictures ------------------------------------------------------------------------------ */

#define NO_DEBLOCKING 1

/* A block that tells its samples. */
static void put_block(struct bits *bits, unsigned type, struct h264_colour colour)
{
    put_ue(bits, type);
    align(bits);
    for (unsigned i = 0; i < H264_BLOCK * H264_BLOCK; i++)
        put(bits, colour.y, 8);
    for (unsigned i = 0; i < H264_BLOCK * H264_BLOCK / 4; i++)
        put(bits, colour.cb, 8);
    for (unsigned i = 0; i < H264_BLOCK * H264_BLOCK / 4; i++)
        put(bits, colour.cr, 8);
}

/* A block that continues its neighbour.  How "no differences" is written depends on how many
 * coefficients the neighbours have: those that tell their samples count as full. */
static void put_copy(struct bits *bits, bool from_above, bool beside_told)
{
    put_ue(bits, from_above ? 1 : 2); /* 16x16, vertical or horizontal, and nothing else */
    put_ue(bits, from_above ? 2 : 1); /* chroma alike */
    put_ue(bits, 0);                  /* same quantiser */
    if (beside_told)
        put(bits, 3, 6);
    else
        put(bits, 1, 1);
}

static bool begins_bar(unsigned column, unsigned columns)
{
    return column == 0 || column * H264_BARS / columns != (column - 1) * H264_BARS / columns;
}

bool h264_add_first(struct buf *out, const struct h264 *video)
{
    enum { I_SLICES = 7, I_PCM = 25 };
    unsigned columns = blocks_of(video->width), rows = blocks_of(video->height);
    struct bits bits;
    nal_begin(&bits, NAL_FIRST);
    put_ue(&bits, 0); /* the first block */
    put_ue(&bits, I_SLICES);
    put_ue(&bits, 0); /* parameters */
    put(&bits, 0, 4); /* frame number */
    put_ue(&bits, 0); /* id of this first picture */
    put(&bits, 0, 2); /* no reference pictures from before, none kept long */
    put_ue(&bits, 0); /* same quantiser */
    put_ue(&bits, NO_DEBLOCKING);
    for (unsigned x = 0; x < columns; x++) {
        if (begins_bar(x, columns))
            put_block(&bits, I_PCM, video->bars[x * H264_BARS / columns]);
        else
            put_copy(&bits, false, begins_bar(x - 1, columns));
    }
    for (unsigned y = 1; y < rows; y++) {
        for (unsigned x = 0; x < columns; x++)
            put_copy(&bits, true, y == 1 && begins_bar(x, columns));
    }
    return nal_end(&bits, out);
}

bool h264_add_next(struct buf *out, const struct h264 *video, unsigned number, unsigned count)
{
    enum { P_SLICES = 5, PCM_IN_P = 30 };
    unsigned columns = blocks_of(video->width), rows = blocks_of(video->height);
    unsigned from = (unsigned)((uint64_t)columns * (number - 1) / count);
    unsigned to = (unsigned)((uint64_t)columns * number / count);
    struct bits bits;
    CHECK(number >= 1 && number <= count);
    nal_begin(&bits, NAL_NEXT);
    put_ue(&bits, 0);
    put_ue(&bits, P_SLICES);
    put_ue(&bits, 0);
    put(&bits, number % 16, 4); /* frame number */
    put(&bits, 0, 3);           /* references as they are; none forgotten */
    put_ue(&bits, 0);
    put_ue(&bits, NO_DEBLOCKING);
    /* So many blocks are as before, then those that are new, then again. */
    put_ue(&bits, (rows - 1) * columns + (from < to ? from : columns));
    for (unsigned x = from; x < to; x++) {
        put_block(&bits, PCM_IN_P, video->mark);
        if (x + 1 < columns)
            put_ue(&bits, x + 1 < to ? 0 : columns - to);
    }
    return nal_end(&bits, out);
}
