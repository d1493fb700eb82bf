/* Reads the PNG files of 8-bit palettes that the sandbox writes, with every check of the format. */
#ifndef TESTS_UNIT_PNG_READER_H
#define TESTS_UNIT_PNG_READER_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/str.h"

struct png_read {
    unsigned width, height, colours;
    uint8_t palette[256][3];
    uint8_t *indexes; /* heap; width * height */
};

static inline uint32_t png_u32(const char *p)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < 4; i++)
        number = number << 8 | (uint8_t)p[i];
    return number;
}

/* Cuts the next chunk off, its check sum proved. */
static inline struct str png_chunk(struct str *rest, char type[5])
{
    assert_true(rest->n >= 12);
    uint32_t n = png_u32(rest->p);
    assert_true(n <= rest->n - 12);
    struct str data = str_slice(*rest, 8, 8 + (size_t)n);
    assert_int_equal(png_u32(data.p + n), crc32(0, (const Bytef *)rest->p + 4, (uInt)n + 4));
    memcpy(type, rest->p + 4, 4);
    type[4] = '\0';
    *rest = str_from(*rest, (size_t)n + 12);
    return data;
}

static inline void png_inflate(struct png_read *png, struct str data)
{
    uLongf bytes = (uLongf)(png->width + 1) * png->height, expected = bytes;
    uint8_t *lines = malloc(bytes);
    assert_non_null(lines);
    assert_int_equal(uncompress(lines, &bytes, (const Bytef *)data.p, (uLong)data.n), Z_OK);
    assert_int_equal(bytes, expected);
    png->indexes = calloc(png->width, png->height);
    assert_non_null(png->indexes);
    for (size_t y = 0; y < png->height; y++) {
        const uint8_t *line = lines + y * (png->width + 1);
        uint8_t *row = png->indexes + y * png->width;
        assert_int_equal(line[0], 2); /* "up" */
        for (size_t x = 0; x < png->width; x++) {
            row[x] = (uint8_t)(line[x + 1] + (y > 0 ? row[x - png->width] : 0));
            assert_true(row[x] < png->colours);
        }
    }
    free(lines);
}

/* Release with free(png.indexes). */
static inline struct png_read png_read(struct str file)
{
    struct png_read png = {0};
    char type[5];
    assert_true(str_starts(file, STR("\x89PNG\r\n\x1a\n")));
    file = str_from(file, 8);
    struct str header = png_chunk(&file, type);
    assert_string_equal(type, "IHDR");
    assert_int_equal(header.n, 13);
    png.width = png_u32(header.p);
    png.height = png_u32(header.p + 4);
    assert_memory_equal(header.p + 8, "\x08\x03\x00\x00\x00", 5);
    struct str palette = png_chunk(&file, type);
    assert_string_equal(type, "PLTE");
    png.colours = (unsigned)palette.n / 3;
    memcpy(png.palette, palette.p, palette.n);
    struct str data = png_chunk(&file, type);
    assert_string_equal(type, "IDAT");
    png_inflate(&png, data);
    assert_int_equal(png_chunk(&file, type).n, 0);
    assert_string_equal(type, "IEND");
    assert_int_equal(file.n, 0);
    return png;
}

#endif
