#include "relay/subtitle.h"

#include "base/check.h"

#define DIGITS_MAX 6

/* `00:01:02,345`, `01:02.345`: what is not written so tells nothing. */
static void time_end(struct subtitle *s)
{
    int64_t ms = 0;
    if (s->place == SUBTITLE_FRACTION && s->digits == 3)
        ms = s->passed * 1000 + s->number;
    if (ms > s->end_ms)
        s->end_ms = ms;
    s->place = SUBTITLE_TEXT;
}

static void number_begin(struct subtitle *s)
{
    s->number = 0;
    s->digits = 0;
}

static void digit(struct subtitle *s, char c)
{
    s->number = s->number * 10 + (c - '0');
    s->digits++;
    if (s->digits > DIGITS_MAX)
        s->place = SUBTITLE_TEXT;
}

static void in_time(struct subtitle *s, char c)
{
    bool parts = s->place == SUBTITLE_TIME && s->digits > 0;
    if (c >= '0' && c <= '9') {
        digit(s, c);
    } else if (parts && c == ':' && s->passed < 1000000) {
        s->passed = (s->passed + s->number) * 60;
        number_begin(s);
    } else if (parts && (c == ',' || c == '.')) {
        s->passed += s->number;
        s->place = SUBTITLE_FRACTION;
        number_begin(s);
    } else {
        time_end(s);
    }
}

static void in_text(struct subtitle *s, char c)
{
    bool goes_on = c == (s->arrow < 2 ? '-' : '>');
    bool dash_more = s->arrow == 2 && c == '-';
    s->arrow = goes_on ? s->arrow + 1 : dash_more ? 2 : c == '-';
    if (s->arrow < 3)
        return;
    s->arrow = 0;
    s->place = SUBTITLE_BLANK;
}

static void step(struct subtitle *s, char c)
{
    if (s->place == SUBTITLE_TEXT) {
        in_text(s, c);
        return;
    }
    if (s->place == SUBTITLE_BLANK && (c == ' ' || c == '\t'))
        return;
    if (s->place == SUBTITLE_BLANK) {
        s->place = SUBTITLE_TIME;
        s->passed = 0;
        number_begin(s);
    }
    in_time(s, c);
}

void subtitle_feed(struct subtitle *subtitle, struct str piece)
{
    CHECK(subtitle != NULL);
    for (size_t i = 0; i < piece.n; i++)
        step(subtitle, piece.p[i]);
}
