#include "server/sandbox/mp4.h"

#include <stdlib.h>

#define TIMESCALE 1000
#define PICTURES_BYTES_MAX ((size_t)8 << 20)

/* Invariant: a failed file has no use but to be given up.  Boxes are nested: `open` has where those
 * begin that have no end yet. */
struct file {
    struct buf *out;
    size_t open[8];
    unsigned depth;
    bool ok;
};

static void put(struct file *file, uint32_t number, unsigned bytes)
{
    while (file->ok && bytes-- > 0)
        file->ok = buf_add_char(file->out, (char)(number >> (8 * bytes)));
}

static void put_bytes(struct file *file, struct str bytes)
{
    file->ok = file->ok && buf_add_str(file->out, bytes);
}

static void zeros(struct file *file, unsigned bytes)
{
    while (bytes-- > 0)
        put(file, 0, 1);
}

static void begin(struct file *file, const char *name)
{
    CHECK(file->depth < COUNT(file->open));
    file->open[file->depth++] = file->out->n;
    put(file, 0, 4);
    put_bytes(file, str_of(name));
}

/* A box with a version and flags. */
static void begin_full(struct file *file, const char *name, uint32_t flags)
{
    begin(file, name);
    put(file, flags, 4);
}

static void write_at(struct file *file, size_t at, uint32_t number)
{
    for (unsigned i = 0; file->ok && i < 4; i++)
        file->out->p[at + i] = (char)(number >> (8 * (3 - i)));
}

static void end(struct file *file)
{
    size_t at = file->open[--file->depth];
    write_at(file, at, (uint32_t)(file->out->n - at));
}

static void put_matrix(struct file *file)
{
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (unsigned i = 0; i < COUNT(unity); i++)
        put(file, unity[i], 4);
}

/* --- the pictures -------------------------------------------------------------------------- */

struct pictures {
    struct buf bytes; /* each with its length before it */
    uint32_t *sizes;
    unsigned count;
};

static bool add_picture(struct pictures *pictures, const struct h264 *video, unsigned i)
{
    struct buf *bytes = &pictures->bytes;
    struct file file = {.out = bytes, .ok = true};
    size_t at = bytes->n;
    put(&file, 0, 4);
    file.ok = file.ok && (i == 0 ? h264_add_first(bytes, video)
                                 : h264_add_next(bytes, video, i, pictures->count - 1));
    pictures->sizes[i] = (uint32_t)(bytes->n - at);
    write_at(&file, at, pictures->sizes[i] - 4);
    return file.ok;
}

static bool make_pictures(struct pictures *pictures, const struct h264 *video)
{
    bool ok = pictures->sizes != NULL;
    for (unsigned i = 0; ok && i < pictures->count; i++)
        ok = add_picture(pictures, video, i);
    return ok;
}

/* --- the index ----------------------------------------------------------------------------- */

static void put_type(struct file *file)
{
    begin(file, "ftyp");
    put_bytes(file, STR("isom"));
    put(file, 0x200, 4);
    put_bytes(file, STR("isomiso2avc1mp41"));
    end(file);
}

static void put_movie_head(struct file *file, uint32_t duration)
{
    begin_full(file, "mvhd", 0);
    zeros(file, 8); /* made and changed: not said */
    put(file, TIMESCALE, 4);
    put(file, duration, 4);
    put(file, 0x10000, 4); /* speed */
    put(file, 0x100, 2);   /* volume */
    zeros(file, 10);
    put_matrix(file);
    zeros(file, 24);
    put(file, 2, 4); /* the next track's number */
    end(file);
}

static void put_track_head(struct file *file, const struct h264 *video, uint32_t duration)
{
    begin_full(file, "tkhd", 3); /* in use */
    zeros(file, 8);
    put(file, 1, 4);
    zeros(file, 4);
    put(file, duration, 4);
    zeros(file, 16);
    put_matrix(file);
    put(file, video->width << 16, 4);
    put(file, video->height << 16, 4);
    end(file);
}

static void put_media_head(struct file *file, uint32_t duration)
{
    begin_full(file, "mdhd", 0);
    zeros(file, 8);
    put(file, TIMESCALE, 4);
    put(file, duration, 4);
    put(file, 0x55c4, 2); /* no language */
    zeros(file, 2);
    end(file);
    begin_full(file, "hdlr", 0);
    zeros(file, 4);
    put_bytes(file, STR("vide"));
    zeros(file, 12);
    put_bytes(file, STR("sandbox"));
    zeros(file, 1);
    end(file);
}

/* Bytes behind their length. */
static void put_counted(struct file *file, struct str bytes)
{
    put(file, (uint32_t)bytes.n, 2);
    put_bytes(file, bytes);
}

static void put_decoder(struct file *file, const struct h264 *video)
{
    struct buf sets;
    buf_init(&sets, 256);
    file->ok = file->ok && h264_add_sequence(&sets, video);
    size_t n = sets.n;
    file->ok = file->ok && h264_add_parameters(&sets);
    begin(file, "avcC");
    put(file, 1, 1);
    put(file, H264_PROFILE, 1);
    put(file, H264_COMPATIBLE, 1);
    put(file, H264_LEVEL, 1);
    put(file, 0xff, 1); /* lengths have four bytes */
    put(file, 0xe1, 1); /* one sequence */
    put_counted(file, str_slice(buf_str(&sets), 0, n));
    put(file, 1, 1);
    put_counted(file, str_from(buf_str(&sets), n));
    end(file);
    buf_release(&sets);
}

static void put_description(struct file *file, const struct h264 *video)
{
    begin_full(file, "stsd", 0);
    put(file, 1, 4);
    begin(file, "avc1");
    zeros(file, 6);
    put(file, 1, 2); /* where the data is */
    zeros(file, 16);
    put(file, video->width, 2);
    put(file, video->height, 2);
    put(file, 0x480000, 4); /* 72 pixels an inch */
    put(file, 0x480000, 4);
    zeros(file, 4);
    put(file, 1, 2);
    zeros(file, 32);
    put(file, 24, 2); /* bits a pixel */
    put(file, 0xffff, 2);
    put_decoder(file, video);
    end(file);
    end(file);
}

/* Gives the place of the offset that is not known yet. */
static size_t put_samples(struct file *file, const struct h264 *video,
                          const struct pictures *pictures)
{
    begin(file, "stbl");
    put_description(file, video);
    begin_full(file, "stts", 0);
    put(file, 1, 4);
    put(file, pictures->count, 4);
    put(file, TIMESCALE, 4);
    end(file);
    begin_full(file, "stss", 0); /* only the first stands for itself */
    put(file, 1, 4);
    put(file, 1, 4);
    end(file);
    begin_full(file, "stsc", 0); /* all in one chunk */
    put(file, 1, 4);
    put(file, 1, 4);
    put(file, pictures->count, 4);
    put(file, 1, 4);
    end(file);
    begin_full(file, "stsz", 0);
    put(file, 0, 4);
    put(file, pictures->count, 4);
    for (unsigned i = 0; i < pictures->count; i++)
        put(file, pictures->sizes[i], 4);
    end(file);
    begin_full(file, "stco", 0);
    put(file, 1, 4);
    size_t offset = file->out->n;
    put(file, 0, 4);
    end(file);
    end(file);
    return offset;
}

static size_t put_track(struct file *file, const struct h264 *video,
                        const struct pictures *pictures, uint32_t duration)
{
    begin(file, "trak");
    put_track_head(file, video, duration);
    begin(file, "mdia");
    put_media_head(file, duration);
    begin(file, "minf");
    begin_full(file, "vmhd", 1);
    zeros(file, 8);
    end(file);
    begin(file, "dinf");
    begin_full(file, "dref", 0);
    put(file, 1, 4);
    begin_full(file, "url ", 1); /* in this file */
    end(file);
    end(file);
    end(file);
    size_t offset = put_samples(file, video, pictures);
    end(file);
    end(file);
    end(file);
    return offset;
}

bool mp4_add(struct buf *out, const struct h264 *video, unsigned seconds)
{
    CHECK(seconds >= 1 && seconds <= MP4_SECONDS_MAX);
    struct pictures pictures = {.count = seconds};
    struct file file = {.out = out};
    uint32_t duration = seconds * TIMESCALE;
    size_t from = out->n;
    buf_init(&pictures.bytes, PICTURES_BYTES_MAX);
    pictures.sizes = calloc(seconds, sizeof *pictures.sizes);
    file.ok = make_pictures(&pictures, video);
    put_type(&file);
    begin(&file, "moov");
    put_movie_head(&file, duration);
    size_t offset = put_track(&file, video, &pictures, duration);
    end(&file);
    begin(&file, "mdat");
    write_at(&file, offset, (uint32_t)(out->n - from));
    put_bytes(&file, buf_str(&pictures.bytes));
    end(&file);
    buf_release(&pictures.bytes);
    free(pictures.sizes);
    return file.ok;
}
