#include "server/sandbox/subtitles.h"

#include <inttypes.h>
#include <string.h>

#define TITLE_WORDS 10

static bool add_time(struct buf *out, int64_t ms, char point)
{
    return buf_addf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 "%c%03" PRId64, ms / 3600000,
                    ms / 60000 % 60, ms / 1000 % 60, point, ms % 1000);
}

/* The text on one line: an empty one would end the title. */
static bool add_line(struct buf *out, struct str text)
{
    struct str piece;
    for (bool first = true; str_cut(&text, '\n', &piece); first = false) {
        if (!(first || buf_add_char(out, ' ')) || !buf_add_str(out, str_trim(piece)))
            return false;
    }
    return true;
}

bool subtitles_add(struct buf *out, enum subtitles format, const struct transcript *transcript)
{
    struct str rest = buf_str(&transcript->text);
    struct transcript_segment segment;
    char point = format == SUBTITLES_SRT ? ',' : '.';
    if (format == SUBTITLES_VTT && !buf_add_str(out, STR("WEBVTT\n\n")))
        return false;
    for (unsigned i = 1; transcript_cut(transcript, &rest, TITLE_WORDS, &segment); i++) {
        if ((format == SUBTITLES_SRT && !buf_addf(out, "%u\n", i)) ||
            !add_time(out, segment.begin_ms, point) || !buf_add_str(out, STR(" --> ")) ||
            !add_time(out, segment.end_ms, point) || !buf_add_char(out, '\n') ||
            !add_line(out, segment.text) || !buf_add_str(out, STR("\n\n")))
            return false;
    }
    return true;
}
