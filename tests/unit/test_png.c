#include "server/sandbox/png.h"

#include "tests/unit/png_reader.h"

#define FILE_MAX ((size_t)8 << 20)

/* Every pixel another than its neighbours, by a rule that the check repeats. */
static uint8_t index_at(unsigned x, unsigned y, unsigned colours)
{
    return (uint8_t)((x * 7 + y * 13 + x * y) % colours);
}

static void draw(const void *context, unsigned y, uint8_t *indexes)
{
    const struct png_source *source = context;
    for (unsigned x = 0; x < source->width; x++)
        indexes[x] = index_at(x, y, source->colours);
}

static void check(unsigned width, unsigned height, unsigned colours)
{
    struct png_colour palette[256];
    for (unsigned i = 0; i < 256; i++)
        palette[i] = (struct png_colour){(uint8_t)i, (uint8_t)(255 - i), (uint8_t)(i * 3)};
    struct png_source source = {width, height, palette, colours, draw, NULL};
    source.context = &source;
    struct buf file;
    buf_init(&file, FILE_MAX);
    assert_true(png_add(&file, &source));
    struct png_read png = png_read(buf_str(&file));
    assert_int_equal(png.width, width);
    assert_int_equal(png.height, height);
    assert_int_equal(png.colours, colours);
    for (unsigned i = 0; i < colours; i++)
        assert_memory_equal(png.palette[i], &palette[i], 3);
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++)
            assert_int_equal(png.indexes[(size_t)y * width + x], index_at(x, y, colours));
    free(png.indexes);
    buf_release(&file);
}

static void png_of_any_side_reads_back(void **state)
{
    (void)state;
    check(1, 1, 1);
    check(1, 300, 256);
    check(300, 1, 2);
    check(257, 63, 6);
    check(PNG_SIDE_MAX, 3, 256);
}

static void png_that_does_not_fit_fails(void **state)
{
    (void)state;
    static const struct png_colour palette[] = {{0, 0, 0}, {1, 1, 1}};
    struct png_source source = {64, 64, palette, 2, draw, NULL};
    source.context = &source;
    struct buf file;
    buf_init(&file, FILE_MAX);
    assert_true(png_add(&file, &source));
    size_t whole = file.n;
    buf_release(&file);
    for (size_t max = 1; max < whole; max++) {
        buf_init(&file, max);
        assert_false(png_add(&file, &source));
        buf_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_of_any_side_reads_back),
        cmocka_unit_test(png_that_does_not_fit_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
