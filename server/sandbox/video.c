#include "server/sandbox/video.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/sandbox/mp4.h"
#include "server/sandbox/picture.h"

#define TAKES_MS_MAX INT64_C(600000)
#define ID_BEGIN "video_sandbox"
#define ID_FIELDS 6

struct video_size {
    const char *text;
    unsigned width, height;
    const char *ratio; /* for which it is usual */
};

static const struct video_size sizes[] = {
    {"720x1280", 720, 1280, "9:16"},  {"1280x720", 1280, 720, "16:9"},
    {"1024x1024", 1024, 1024, "1:1"}, {"480x854", 480, 854, NULL},
    {"854x480", 854, 480, NULL},      {"480x480", 480, 480, NULL},
    {"1024x1792", 1024, 1792, NULL},  {"1792x1024", 1792, 1024, NULL},
    {"1080x1920", 1080, 1920, NULL},  {"1920x1080", 1920, 1080, NULL},
};

bool video_size_find(struct str text, unsigned *size)
{
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        if (str_eq(text, str_of(sizes[i].text))) {
            *size = i;
            return true;
        }
    }
    return false;
}

unsigned video_size_of_ratio(struct str ratio)
{
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        if (sizes[i].ratio != NULL && str_eq(ratio, str_of(sizes[i].ratio)))
            return i;
    }
    return 0;
}

const char *video_size_text(unsigned size)
{
    CHECK(size < COUNT(sizes));
    return sizes[size].text;
}

bool video_sizes_list(struct buf *out)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < COUNT(sizes); i++)
        ok = buf_addf(out, "%s%s", i > 0 ? ", " : "", sizes[i].text);
    return ok;
}

/* --- ids ----------------------------------------------------------------------------------- */

void video_make_id(const struct video *video, char id[VIDEO_ID_SIZE])
{
    snprintf(id, VIDEO_ID_SIZE, ID_BEGIN "%" PRId64 "x%" PRIu64 "x%" PRId64 "x%ux%ux%d",
             video->created_ms, video->number, video->takes_ms, video->seconds, video->size,
             video->fails);
}

bool video_read_id(struct str id, struct video *video)
{
    uint64_t fields[ID_FIELDS];
    struct str rest = str_from(id, sizeof ID_BEGIN - 1), field;
    if (!str_starts(id, STR(ID_BEGIN)))
        return false;
    for (unsigned i = 0; i < ID_FIELDS; i++) {
        if (!str_cut(&rest, 'x', &field) || !str_u64(field, INT64_MAX, &fields[i]))
            return false;
    }
    if (rest.n > 0 || fields[2] > (uint64_t)TAKES_MS_MAX || fields[3] == 0 ||
        fields[3] > VIDEO_SECONDS_MAX || fields[4] >= COUNT(sizes))
        return false;
    *video = (struct video){
        .created_ms = (int64_t)fields[0],
        .number = fields[1],
        .takes_ms = (int64_t)fields[2],
        .seconds = (unsigned)fields[3],
        .size = (unsigned)fields[4],
        .fails = fields[5] != 0,
    };
    return true;
}

/* --- what becomes of it -------------------------------------------------------------------- */

enum video_stage video_stage_at(const struct video *video, int64_t now_ms, int *progress)
{
    int64_t age = now_ms > video->created_ms ? now_ms - video->created_ms : 0;
    if (age >= video->takes_ms) {
        *progress = video->fails ? 0 : 100;
        return video->fails ? VIDEO_FAILED : VIDEO_COMPLETED;
    }
    *progress = (int)(age * 100 / video->takes_ms);
    if (*progress * 3 >= 100)
        return VIDEO_IN_PROGRESS;
    *progress = 0;
    return VIDEO_QUEUED;
}

bool video_add_mp4(const struct video *video, struct buf *out)
{
    static const struct h264_colour colours[] = {{200, 100, 150}, {150, 60, 120}, {100, 200, 90},
                                                 {60, 140, 200},  {170, 90, 60},  {80, 100, 180}};
    struct h264 picture = {.width = sizes[video->size].width,
                           .height = sizes[video->size].height,
                           .mark = {235, 128, 128}};
    for (unsigned i = 0; i < H264_BARS; i++)
        picture.bars[i] = colours[(video->number + i) % COUNT(colours)];
    return mp4_add(out, &picture, video->seconds);
}

bool video_add_png(const struct video *video, struct buf *out)
{
    const struct picture picture = {.seed = (uint32_t)video->number,
                                    .width = sizes[video->size].width,
                                    .height = sizes[video->size].height,
                                    .cells = PICTURE_CELLS};
    return picture_add_png(out, &picture);
}
