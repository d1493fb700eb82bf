/* Reads an MP4 file as a player begins to: its boxes, and what the index says of the pictures. */
#ifndef TESTS_UNIT_MP4_READER_H
#define TESTS_UNIT_MP4_READER_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

struct mp4_film {
    unsigned width, height, pictures;
    double seconds;
};

static inline uint32_t mp4_number(struct str bytes, size_t at, unsigned n)
{
    uint32_t number = 0;
    assert_true(at + n <= bytes.n);
    for (unsigned i = 0; i < n; i++)
        number = number << 8 | (uint8_t)bytes.p[at + i];
    return number;
}

/* The inside of the box of that name; every box on the way must be as long as it says. */
static inline struct str mp4_box(struct str boxes, const char *name)
{
    struct str found = STR_EMPTY;
    while (boxes.n > 0) {
        uint32_t size = mp4_number(boxes, 0, 4);
        assert_in_range(size, 8, boxes.n);
        if (memcmp(boxes.p + 4, name, 4) == 0)
            found = str_slice(boxes, 8, size);
        boxes = str_from(boxes, size);
    }
    if (found.n == 0)
        fail_msg("no box %s", name);
    return found;
}

static inline struct str mp4_at(struct str boxes, const char *path)
{
    struct str rest = str_of(path), name;
    char text[5] = "";
    while (str_cut(&rest, '.', &name)) {
        memcpy(text, name.p, 4);
        boxes = mp4_box(boxes, text);
    }
    return boxes;
}

/* Each picture is one NAL unit of its sample's length, within mdat and up to its end. */
static inline void mp4_check_pictures(struct str file, struct str samples, unsigned pictures)
{
    struct str sizes = mp4_box(samples, "stsz"), data = mp4_box(file, "mdat");
    size_t at = mp4_number(mp4_box(samples, "stco"), 8, 4);
    assert_ptr_equal(file.p + at, data.p);
    for (unsigned i = 0; i < pictures; i++) {
        uint32_t size = mp4_number(sizes, 12 + 4 * (size_t)i, 4);
        assert_int_equal(mp4_number(file, at, 4), size - 4);
        assert_int_equal(mp4_number(file, at + 4, 1), i == 0 ? 0x65 : 0x41);
        at += size;
    }
    assert_ptr_equal(file.p + at, data.p + data.n);
}

static inline struct mp4_film mp4_read(struct str file)
{
    struct str movie = mp4_box(file, "moov"), head = mp4_box(movie, "mvhd");
    struct str track = mp4_box(movie, "trak"), track_head = mp4_box(track, "tkhd");
    struct str media = mp4_at(track, "mdia.mdhd"), samples = mp4_at(track, "mdia.minf.stbl");
    struct mp4_film film = {
        .width = mp4_number(track_head, 76, 2),
        .height = mp4_number(track_head, 80, 2),
        .pictures = mp4_number(mp4_box(samples, "stsz"), 8, 4),
        .seconds = (double)mp4_number(head, 16, 4) / mp4_number(head, 12, 4),
    };
    struct str times = mp4_box(samples, "stts");
    double scale = mp4_number(media, 12, 4);
    assert_true(mp4_number(media, 16, 4) / scale == film.seconds);
    assert_true(mp4_number(times, 8, 4) * mp4_number(times, 12, 4) / scale == film.seconds);
    mp4_check_pictures(file, samples, film.pictures);
    return film;
}

#endif
