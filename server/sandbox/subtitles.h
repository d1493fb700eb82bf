/* Subtitles: SubRip (srt) and WebVTT (vtt). */
#ifndef SERVER_SANDBOX_SUBTITLES_H
#define SERVER_SANDBOX_SUBTITLES_H

#include "server/sandbox/transcript.h"

enum subtitles { SUBTITLES_SRT, SUBTITLES_VTT };

/* Adds the whole text, a title a segment; false when it does not fit or memory is out. */
MUST_USE bool subtitles_add(struct buf *out, enum subtitles format,
                            const struct transcript *transcript);

#endif
