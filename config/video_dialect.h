/* How a provider tells of videos: where its answers have their parts, and what its words mean.
 *
 * Each part has a list of places, the first that is there counts; without a line of its own it has
 * the default ones, which are those of OpenAI, new-api, Volcengine Ark, Kling and DashScope. */
#ifndef CONFIG_VIDEO_DIALECT_H
#define CONFIG_VIDEO_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/jspan.h"
#include "base/jspan_plan.h"
#include "base/str.h"

/* X(part, default places)
 *
 *   seconds        how long the video has become
 *   expires        when its result ends there, seconds (or ms) since 1970
 *   error_*        why it has failed */
#define VIDEO_PARTS(X)                                                                             \
    X(id, "id task_id data.task_id data.id output.task_id")                                        \
    X(status, "status task_status data.task_status data.status output.task_status task.status")    \
    X(progress, "progress data.progress output.progress")                                          \
    X(url, "content.video_url content.result_url output.video_url "                                \
           "data.task_result.videos[].url data.result_url data.url creations[].url url "           \
           "metadata.url video_url result_url")                                                    \
    X(seconds, "seconds duration usage.video_duration data.task_result.videos[].duration")         \
    X(expires, "expires_at data.expires_at output.expires_at")                                     \
    X(error_code, "error.code output.code err_code data.err_code")                                 \
    X(error_message, "error.message output.message fail_reason data.fail_reason task_status_msg "  \
                     "data.task_status_msg")

enum video_part {
#define X(name, places) VIDEO_PART_##name,
    VIDEO_PARTS(X)
#undef X
        VIDEO_PART_COUNT
};

/* X(meaning, its words by default), whatever their case. */
#define VIDEO_MEANINGS(X)                                                                          \
    X(queued, "queued pending submitted not_start preparing created starting queueing unknown")    \
    X(in_progress, "in_progress processing running generating")                                    \
    X(completed, "completed complete success succeeded succeed finished")                          \
    X(failed, "failed failure fail error cancelled canceled expired timeout")

enum video_meaning {
#define X(name, words) VIDEO_MEANING_##name,
    VIDEO_MEANINGS(X)
#undef X
        VIDEO_MEANING_COUNT
};

#define VIDEO_PLACES_MAX 7  /* of one part, in a line */
#define VIDEO_LINE_MAX 1000 /* bytes of a line */

/* What is looked for in an answer, digested for base/jspan. */
struct video_reader {
    struct jspan_want wants[JSPAN_WANTS_MAX];
    enum video_part part[JSPAN_WANTS_MAX];
    unsigned n;                    /* of one part, the earlier place counts */
    char *texts[VIDEO_PART_COUNT]; /* the steps of the wants are in these */
    struct jspan_plan plan;
};

/* Zeroed = the default for everything. */
struct video_dialect {
    char *places[VIDEO_PART_COUNT];   /* as the file says; NULL = the default ones */
    char *words[VIDEO_MEANING_COUNT]; /* besides the default ones, which they go before; or NULL */
    struct video_reader *reader;      /* made by video_dialect_finish */
};

/* Adds "PART PLACE PLACE..." or "MEANING WORD WORD...".  False with the reason in *why and where it
 * is in *at (bytes into the text). */
MUST_USE bool video_dialect_add(struct video_dialect *dialect, struct str text, size_t *at,
                                struct buf *why);
/* Makes the reader, once nothing is added any more.  False when out of memory. */
MUST_USE bool video_dialect_finish(struct video_dialect *dialect);
/* False for a word that nobody has explained. */
MUST_USE bool video_dialect_meaning(const struct video_dialect *dialect, struct str word,
                                    enum video_meaning *meaning);
/* Appends a line "NAME = PART PLACE..." for each that is not the default. */
MUST_USE bool video_dialect_show(const char *name, const struct video_dialect *dialect,
                                 struct buf *out);
void video_dialect_release(struct video_dialect *dialect);

#endif
