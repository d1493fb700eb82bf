#include "server/sandbox/png.h"

#include <string.h>

#include <zlib.h>

#define DATA_BYTES_MAX ((size_t)80 << 20)
#define PALETTE_MAX 256
/* Each pixel is told by its difference from the one above: rows are mostly like their neighbours.
 */
#define FILTER_UP 2

static void write_u32(uint8_t bytes[4], uint32_t number)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* `type` is four letters. */
static bool add_chunk(struct buf *out, const char *type, struct str data)
{
    uint8_t length[4], sum[4];
    uLong crc = crc32(crc32(0, NULL, 0), (const Bytef *)type, 4);
    crc = crc32(crc, (const Bytef *)data.p, (uInt)data.n);
    write_u32(length, (uint32_t)data.n);
    write_u32(sum, (uint32_t)crc);
    return buf_add(out, length, sizeof length) && buf_add(out, type, 4) && buf_add_str(out, data) &&
           buf_add(out, sum, sizeof sum);
}

static bool add_header(struct buf *out, const struct png_source *source)
{
    /* 8 bits, palette, deflate, adaptive filters, not interlaced. */
    uint8_t header[13] = {[8] = 8, [9] = 3};
    write_u32(header, source->width);
    write_u32(header + 4, source->height);
    return add_chunk(out, "IHDR", (struct str){(const char *)header, sizeof header});
}

static bool add_palette(struct buf *out, const struct png_source *source)
{
    uint8_t bytes[PALETTE_MAX * 3];
    for (unsigned i = 0; i < source->colours; i++) {
        bytes[3 * i] = source->palette[i].red;
        bytes[3 * i + 1] = source->palette[i].green;
        bytes[3 * i + 2] = source->palette[i].blue;
    }
    return add_chunk(out, "PLTE", (struct str){(const char *)bytes, (size_t)source->colours * 3});
}

/* Deflates n bytes and adds what comes out of it. */
static bool deflate_into(z_stream *z, struct buf *data, uint8_t *bytes, size_t n, int flush)
{
    uint8_t block[4096];
    z->next_in = bytes;
    z->avail_in = (uInt)n;
    do {
        z->next_out = block;
        z->avail_out = sizeof block;
        if (deflate(z, flush) == Z_STREAM_ERROR ||
            !buf_add(data, block, sizeof block - z->avail_out))
            return false;
    } while (z->avail_out == 0);
    return true;
}

static bool deflate_rows(z_stream *z, struct buf *data, const struct png_source *source)
{
    uint8_t rows[2][PNG_SIDE_MAX] = {{0}};
    uint8_t line[PNG_SIDE_MAX + 1] = {FILTER_UP};
    for (unsigned y = 0; y < source->height; y++) {
        const uint8_t *above = rows[(y + 1) % 2];
        uint8_t *row = rows[y % 2];
        source->row(source->context, y, row);
        for (unsigned x = 0; x < source->width; x++)
            line[x + 1] = (uint8_t)(row[x] - above[x]);
        if (!deflate_into(z, data, line, (size_t)source->width + 1,
                          y + 1 == source->height ? Z_FINISH : Z_NO_FLUSH))
            return false;
    }
    return true;
}

static bool add_data(struct buf *out, const struct png_source *source)
{
    z_stream z;
    memset(&z, 0, sizeof z);
    if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK)
        return false;
    struct buf data;
    buf_init(&data, DATA_BYTES_MAX);
    bool added =
        deflate_rows(&z, &data, source) && add_chunk(out, "IDAT", (struct str){data.p, data.n});
    buf_release(&data);
    deflateEnd(&z);
    return added;
}

bool png_add(struct buf *out, const struct png_source *source)
{
    CHECK(source->width > 0 && source->width <= PNG_SIDE_MAX);
    CHECK(source->height > 0 && source->height <= PNG_SIDE_MAX);
    CHECK(source->colours > 0 && source->colours <= PALETTE_MAX);
    return buf_add(out, "\x89PNG\r\n\x1a\n", 8) && add_header(out, source) &&
           add_palette(out, source) && add_data(out, source) && add_chunk(out, "IEND", STR_EMPTY);
}
