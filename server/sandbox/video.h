/* A video of the sandbox.  All of it is in its id, so that nothing needs to be kept, and a program
 * that starts again still knows those of its last run. */
#ifndef SERVER_SANDBOX_VIDEO_H
#define SERVER_SANDBOX_VIDEO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

#define VIDEO_ID_SIZE 128
#define VIDEO_SECONDS_MAX 3600

struct video {
    int64_t created_ms; /* since 1970 */
    uint64_t number;    /* no other video has it */
    int64_t takes_ms;   /* until it is made */
    unsigned seconds;   /* in 1..VIDEO_SECONDS_MAX */
    unsigned size;      /* of the table of sizes */
    bool fails;
};

enum video_stage { VIDEO_QUEUED, VIDEO_IN_PROGRESS, VIDEO_COMPLETED, VIDEO_FAILED };

/* The size of a text like "1280x720"; false where the sandbox has none such. */
MUST_USE bool video_size_find(struct str text, unsigned *size);
/* The size that is usual for a ratio like "16:9"; the first of all for any other text. */
unsigned video_size_of_ratio(struct str ratio);
const char *video_size_text(unsigned size);
/* "720x1280, 1280x720": those that there are. */
MUST_USE bool video_sizes_list(struct buf *out);

void video_make_id(const struct video *video, char id[VIDEO_ID_SIZE]);
/* False for an id that no video has. */
MUST_USE bool video_read_id(struct str id, struct video *video);

/* By the clock: a third of its time it is queued; *progress is in 0..100. */
enum video_stage video_stage_at(const struct video *video, int64_t now_ms, int *progress);

/* Adds the file of it.  False, `out` perhaps begun, when it does not fit or memory is out. */
MUST_USE bool video_add_mp4(const struct video *video, struct buf *out);
/* Adds a picture of its size as a PNG file. */
MUST_USE bool video_add_png(const struct video *video, struct buf *out);

#endif
