#include "server/sandbox/picture.h"

#include "server/sandbox/png.h"

/* The colours: of the label, of its letters, then of the blocks. */
enum { COLOUR_LABEL, COLOUR_LETTER, COLOUR_BLOCK };
#define BLOCK_COLOURS 4

#define LETTERS 7
#define LETTER_WIDTH 5
#define LETTER_HEIGHT 7
/* With a pixel between letters and around them all. */
#define LABEL_WIDTH (LETTERS * (LETTER_WIDTH + 1) + 1)
#define LABEL_HEIGHT (LETTER_HEIGHT + 2)

/* SANDBOX, a row of each letter as bits, the leftmost highest. */
static const uint8_t letters[LETTERS][LETTER_HEIGHT] = {
    {0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}, {0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
    {0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11}, {0x1e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x1e},
    {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e}, {0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e},
    {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11},
};

/* A picture as it is drawn. */
struct drawing {
    const struct picture *picture;
    unsigned scale;     /* of the label; 0 = there is no room for it */
    unsigned left, top; /* of the label */
    uint8_t blocks[PICTURE_CELLS][PICTURE_CELLS];
};

/* A step of SplitMix32: numbers that follow from the seed and look like chance. */
static uint32_t mix(uint32_t *state)
{
    uint32_t z = *state += 0x9e3779b9u;
    z = (z ^ (z >> 16)) * 0x21f0aaadu;
    z = (z ^ (z >> 15)) * 0x735a2d97u;
    return z ^ (z >> 15);
}

/* The right half mirrors the left. */
static void choose_blocks(struct drawing *drawing, uint32_t *state)
{
    for (unsigned y = 0; y < PICTURE_CELLS; y++) {
        for (unsigned x = 0; x < PICTURE_CELLS / 2; x++) {
            uint8_t colour = (uint8_t)(COLOUR_BLOCK + mix(state) % BLOCK_COLOURS);
            drawing->blocks[y][x] = colour;
            drawing->blocks[y][PICTURE_CELLS - 1 - x] = colour;
        }
    }
}

static void choose_palette(struct png_colour *palette, uint32_t *state)
{
    palette[COLOUR_LABEL] = (struct png_colour){0x20, 0x20, 0x20};
    palette[COLOUR_LETTER] = (struct png_colour){0xff, 0xff, 0xff};
    for (unsigned i = 0; i < BLOCK_COLOURS; i++) {
        uint32_t chance = mix(state);
        palette[COLOUR_BLOCK + i] =
            (struct png_colour){(uint8_t)chance, (uint8_t)(chance >> 8), (uint8_t)(chance >> 16)};
    }
}

static unsigned lesser(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void place_label(struct drawing *drawing)
{
    const struct picture *picture = drawing->picture;
    drawing->scale = lesser(picture->width / LABEL_WIDTH, picture->height / (2 * LABEL_HEIGHT));
    drawing->left = (picture->width - drawing->scale * LABEL_WIDTH) / 2;
    drawing->top = picture->height - drawing->scale * LABEL_HEIGHT;
}

/* A pixel of the label, in its own measure. */
static uint8_t label_pixel(unsigned x, unsigned y)
{
    unsigned column = x % (LETTER_WIDTH + 1);
    if (y == 0 || y > LETTER_HEIGHT || column == 0)
        return COLOUR_LABEL;
    uint8_t bits = letters[x / (LETTER_WIDTH + 1)][y - 1];
    return bits >> (LETTER_WIDTH - column) & 1 ? COLOUR_LETTER : COLOUR_LABEL;
}

/* Which block a place is in; a preview has the colour of one block in place of several. */
static unsigned block_at(unsigned place, unsigned side, unsigned cells)
{
    return place * cells / side * PICTURE_CELLS / cells;
}

static void draw_row(const void *context, unsigned y, uint8_t *indexes)
{
    const struct drawing *drawing = context;
    const struct picture *picture = drawing->picture;
    const uint8_t *row = drawing->blocks[block_at(y, picture->height, picture->cells)];
    for (unsigned x = 0; x < picture->width; x++)
        indexes[x] = row[block_at(x, picture->width, picture->cells)];
    if (drawing->scale == 0 || y < drawing->top)
        return;
    for (unsigned x = 0; x < drawing->scale * LABEL_WIDTH; x++)
        indexes[drawing->left + x] =
            label_pixel(x / drawing->scale, (y - drawing->top) / drawing->scale);
}

bool picture_add_png(struct buf *out, const struct picture *picture)
{
    CHECK(picture->width >= PICTURE_SIDE_MIN && picture->width <= PICTURE_SIDE_MAX);
    CHECK(picture->height >= PICTURE_SIDE_MIN && picture->height <= PICTURE_SIDE_MAX);
    CHECK(picture->cells > 0 && picture->cells <= PICTURE_CELLS);
    struct png_colour palette[COLOUR_BLOCK + BLOCK_COLOURS];
    struct drawing drawing = {.picture = picture};
    uint32_t state = picture->seed;
    choose_palette(palette, &state);
    choose_blocks(&drawing, &state);
    place_label(&drawing);
    const struct png_source source = {.width = picture->width,
                                      .height = picture->height,
                                      .palette = palette,
                                      .colours = COUNT(palette),
                                      .row = draw_row,
                                      .context = &drawing};
    return png_add(out, &source);
}
