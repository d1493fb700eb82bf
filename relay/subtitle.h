/* Where the subtitles of an SRT or WebVTT text end, looked for as the text passes. */
#ifndef RELAY_SUBTITLE_H
#define RELAY_SUBTITLE_H

#include <stdint.h>

#include "base/str.h"

/* All zero is a valid start. */
struct subtitle {
    int64_t end_ms; /* of the latest of them; 0 = none yet */
    enum { SUBTITLE_TEXT, SUBTITLE_BLANK, SUBTITLE_TIME, SUBTITLE_FRACTION } place;
    unsigned arrow;  /* how much of `-->` was just seen */
    int64_t passed;  /* of the time at hand: hours, or minutes, before the last colon */
    int64_t number;  /* and the number at hand */
    unsigned digits; /* of that number */
};

/* The next piece of the text, cut anywhere.  A time counts when something stands behind it. */
void subtitle_feed(struct subtitle *subtitle, struct str piece);

#endif
