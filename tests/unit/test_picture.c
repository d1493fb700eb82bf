#include "server/sandbox/picture.h"

#include "tests/unit/png_reader.h"

#define FILE_MAX ((size_t)8 << 20)

static struct buf drawn(uint32_t seed, unsigned width, unsigned height, unsigned cells)
{
    struct picture picture = {seed, width, height, cells};
    struct buf file;
    buf_init(&file, FILE_MAX);
    assert_true(picture_add_png(&file, &picture));
    return file;
}

static void picture_follows_from_its_seed(void **state)
{
    (void)state;
    struct buf one = drawn(7, 256, 256, PICTURE_CELLS);
    struct buf same = drawn(7, 256, 256, PICTURE_CELLS);
    struct buf other = drawn(8, 256, 256, PICTURE_CELLS);
    assert_true(str_eq(buf_str(&one), buf_str(&same)));
    assert_false(str_eq(buf_str(&one), buf_str(&other)));
    buf_release(&one);
    buf_release(&same);
    buf_release(&other);
}

static void picture_has_the_size_asked_for(void **state)
{
    (void)state;
    static const unsigned sides[][2] = {
        {PICTURE_SIDE_MIN, PICTURE_SIDE_MIN}, {1536, 1024}, {43, 17}, {100, PICTURE_SIDE_MAX}};
    for (size_t i = 0; i < COUNT(sides); i++) {
        struct buf file = drawn(1, sides[i][0], sides[i][1], PICTURE_CELLS);
        struct png_read png = png_read(buf_str(&file));
        assert_int_equal(png.width, sides[i][0]);
        assert_int_equal(png.height, sides[i][1]);
        free(png.indexes);
        buf_release(&file);
    }
}

/* At the label's own size: a row through the lower half of the letters. */
static void picture_says_sandbox(void **state)
{
    (void)state;
    static const char row[] = "     # #   # #  ## #   # #   # #   #  # #  ";
    struct buf file = drawn(3, 43, 43, PICTURE_CELLS);
    struct png_read png = png_read(buf_str(&file));
    assert_int_equal(png.width, strlen(row));
    for (unsigned x = 0; x < png.width; x++) {
        const uint8_t *colour = png.palette[png.indexes[(size_t)39 * 43 + x]];
        assert_int_equal(colour[0], row[x] == '#' ? 0xff : 0x20);
    }
    free(png.indexes);
    buf_release(&file);
}

/* The blocks of a preview are blocks of the picture. */
static void preview_is_a_coarse_picture(void **state)
{
    (void)state;
    struct buf file = drawn(5, 16, 16, PICTURE_CELLS), coarse = drawn(5, 16, 16, 2);
    struct png_read png = png_read(buf_str(&file)), preview = png_read(buf_str(&coarse));
    for (size_t y = 0; y < 16; y++)
        for (size_t x = 0; x < 16; x++)
            assert_int_equal(preview.indexes[y * 16 + x], png.indexes[y / 8 * 8 * 16 + x / 8 * 8]);
    free(png.indexes);
    free(preview.indexes);
    buf_release(&file);
    buf_release(&coarse);
}

static void picture_mirrors_its_left_half(void **state)
{
    (void)state;
    struct buf file = drawn(9, 40, 16, PICTURE_CELLS); /* too small for the word */
    struct png_read png = png_read(buf_str(&file));
    bool plain = true;
    for (size_t i = 0; i < 40 * 16; i++) {
        assert_int_equal(png.indexes[i], png.indexes[i / 40 * 40 + 39 - i % 40]);
        plain = plain && png.indexes[i] == png.indexes[0];
    }
    assert_false(plain);
    free(png.indexes);
    buf_release(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_follows_from_its_seed),
        cmocka_unit_test(picture_has_the_size_asked_for),
        cmocka_unit_test(picture_mirrors_its_left_half),
        cmocka_unit_test(picture_says_sandbox),
        cmocka_unit_test(preview_is_a_coarse_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
