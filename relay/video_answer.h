/* What a provider's answer says of a video, wherever that provider says it
 * (config/video_dialect). */
#ifndef RELAY_VIDEO_ANSWER_H
#define RELAY_VIDEO_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/video_dialect.h"

#define VIDEO_ID_MAX 512
#define VIDEO_URLS_MAX 65536
#define VIDEO_MESSAGE_MAX 4096
#define VIDEO_MS_MAX INT64_C(86400000)          /* what is longer is no length of a video */
#define VIDEO_EXPIRES_MAX INT64_C(253402300799) /* seconds: the year 9999 */

/* Texts are empty where there is none; each has a NUL behind its end. */
struct video_answer {
    struct buf id;
    char word[64]; /* of the status, as it stands there; cut */
    bool is_known; /* the word has this meaning: */
    enum video_meaning meaning;
    int progress;       /* 0..100; 0 = not said */
    int64_t length_ms;  /* 0 = not said */
    int64_t expires_ms; /* wall clock; 0 = not said */
    struct buf urls;    /* one a line */
    char error_code[64];
    struct buf error_message;
};

/* Allocates nothing. */
void video_answer_init(struct video_answer *answer);
void video_answer_release(struct video_answer *answer);
/* Fills in an answer that has been initialised, from a whole document; false, with nothing to rely
 * on, when that is no JSON object or memory is out.  CHECK: the dialect is finished. */
MUST_USE bool video_answer_read(struct video_answer *answer, const struct video_dialect *dialect,
                                struct str document);

#endif
