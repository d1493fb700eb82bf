#include "relay/video_answer.h"

#include <math.h>
#include <stdio.h>

#define NOT_YET JSPAN_WANTS_MAX

struct reading {
    struct video_answer *answer;
    const struct video_dialect *dialect;
    unsigned best[VIDEO_PART_COUNT]; /* the place that each part has come from */
    struct buf text;                 /* of the long string that is being read */
    unsigned text_want;
    bool lost; /* memory was out */
};

static enum video_part part_of(const struct reading *reading, unsigned want)
{
    return reading->dialect->reader->part[want];
}

/* --- parts ---------------------------------------------------------------------------------------
 */

/* Visible characters without anything that would end a line, or a text of C. */
static bool is_one_line(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return false;
    return text.n > 0;
}

/* False when the place says nothing. */
static bool take_id(struct reading *reading, struct str text, bool cut)
{
    struct buf *id = &reading->answer->id;
    if (cut || !is_one_line(text))
        return false;
    buf_clear(id);
    reading->lost |= !buf_add_str(id, text);
    return true;
}

static bool take_status(struct reading *reading, struct str text, bool cut)
{
    struct video_answer *answer = reading->answer;
    snprintf(answer->word, sizeof answer->word, "%.*s", STR_ARG(text));
    answer->is_known = !cut && video_dialect_meaning(reading->dialect, text, &answer->meaning);
    return true;
}

/* 45, 45.5, "45", "45%". */
static bool take_progress(struct reading *reading, struct str text)
{
    double value = 0;
    text = str_trim(text);
    if (str_ends(text, STR("%")))
        text.n--;
    if (!str_number(text, &value) || !(value >= 0 && value <= 100))
        return false;
    reading->answer->progress = (int)value;
    return true;
}

static bool take_seconds(struct reading *reading, struct str text)
{
    double value = 0;
    if (!str_number(str_trim(text), &value) || !(value > 0 && value * 1000 <= VIDEO_MS_MAX))
        return false;
    reading->answer->length_ms = llround(value * 1000);
    return reading->answer->length_ms > 0;
}

/* In milliseconds where it would be another millennium in seconds. */
static bool take_expires(struct reading *reading, struct str text)
{
    double value = 0;
    if (!str_number(str_trim(text), &value) || !(value >= 1))
        return false;
    if (value > 1e11)
        value /= 1000;
    if (value > VIDEO_EXPIRES_MAX)
        return false;
    reading->answer->expires_ms = (int64_t)value * 1000;
    return true;
}

static bool take_code(struct reading *reading, struct str text, bool cut)
{
    struct video_answer *answer = reading->answer;
    if (cut || !is_one_line(text) || text.n >= sizeof answer->error_code)
        return false;
    snprintf(answer->error_code, sizeof answer->error_code, "%.*s", STR_ARG(text));
    return true;
}

static bool take_short(struct reading *reading, enum video_part part,
                       const struct jspan_value *value)
{
    switch (part) {
    case VIDEO_PART_id:
        return take_id(reading, value->text, value->text_cut);
    case VIDEO_PART_status:
        return value->text.n > 0 && take_status(reading, value->text, value->text_cut);
    case VIDEO_PART_progress:
        return take_progress(reading, value->text);
    case VIDEO_PART_seconds:
        return take_seconds(reading, value->text);
    case VIDEO_PART_expires:
        return take_expires(reading, value->text);
    case VIDEO_PART_error_code:
        return take_code(reading, value->text, value->text_cut);
    case VIDEO_PART_url:
    case VIDEO_PART_error_message:
    case VIDEO_PART_COUNT:
        break;
    }
    return false;
}

/* Of a list, each element is one line more. */
static bool take_url(struct reading *reading, struct str url, bool more)
{
    struct buf *urls = &reading->answer->urls;
    if (!is_one_line(url))
        return false;
    if (!more)
        buf_clear(urls);
    if (url.n + 1 > VIDEO_URLS_MAX - urls->n)
        return more;
    reading->lost |= (urls->n > 0 && !buf_add_char(urls, '\n')) || !buf_add_str(urls, url);
    return true;
}

static bool take_message(struct reading *reading, struct str message)
{
    struct buf *into = &reading->answer->error_message;
    if (message.n == 0)
        return false;
    buf_clear(into);
    reading->lost |= !buf_add_str(into, str_slice(message, 0, VIDEO_MESSAGE_MAX));
    return true;
}

static bool take(struct reading *reading, const struct jspan_value *value)
{
    enum video_part part = part_of(reading, value->want);
    bool more = reading->best[part] == value->want;
    if (value->type != JSPAN_STRING && value->type != JSPAN_NUMBER)
        return false;
    if (part != VIDEO_PART_url && part != VIDEO_PART_error_message)
        return !more && take_short(reading, part, value);
    /* What is too long to be kept is as good as not there. */
    if (value->type != JSPAN_STRING || reading->text_want != value->want || reading->text.failed)
        return false;
    return part == VIDEO_PART_url ? take_url(reading, buf_str(&reading->text), more)
                                  : !more && take_message(reading, buf_str(&reading->text));
}

static void on_value(void *context, const struct jspan_value *value)
{
    struct reading *reading = context;
    unsigned *best = &reading->best[part_of(reading, value->want)];
    if (value->want <= *best && take(reading, value))
        *best = value->want;
}

/* NOLINTNEXTLINE(readability-function-size): the scanner dictates the parameters. */
static void on_text(void *context, unsigned want, struct str name, bool is_name, bool first,
                    struct str piece)
{
    struct reading *reading = context;
    (void)name;
    if (is_name)
        return;
    if (first) {
        buf_clear(&reading->text);
        reading->text_want = want;
    }
    if (!reading->text.failed)
        (void)!buf_add_str(&reading->text, piece);
}

/* --- the whole -----------------------------------------------------------------------------------
 */

void video_answer_init(struct video_answer *answer)
{
    *answer = (struct video_answer){.is_known = false};
    buf_init(&answer->id, VIDEO_ID_MAX + 1);
    buf_init(&answer->urls, VIDEO_URLS_MAX + 1);
    buf_init(&answer->error_message, VIDEO_MESSAGE_MAX + 1);
}

void video_answer_release(struct video_answer *answer)
{
    buf_release(&answer->id);
    buf_release(&answer->urls);
    buf_release(&answer->error_message);
}

static bool end_text(struct buf *text)
{
    bool ok = buf_add_char(text, '\0');
    if (ok)
        text->n--;
    return ok;
}

bool video_answer_read(struct video_answer *answer, const struct video_dialect *dialect,
                       struct str document)
{
    CHECK(dialect->reader != NULL);
    struct reading reading = {.answer = answer, .dialect = dialect};
    struct jspan_sink sink = {.value = on_value, .text = on_text, .context = &reading};
    struct jspan *scanner = jspan_new(&dialect->reader->plan, &sink, 1);
    if (scanner == NULL)
        return false;
    for (unsigned i = 0; i < VIDEO_PART_COUNT; i++)
        reading.best[i] = NOT_YET;
    buf_init(&reading.text, VIDEO_URLS_MAX);
    struct str start = document;
    while (start.n > 0 &&
           (start.p[0] == ' ' || start.p[0] == '\n' || start.p[0] == '\r' || start.p[0] == '\t'))
        start = str_from(start, 1);
    bool ok = start.n > 0 && start.p[0] == '{' &&
              jspan_feed(scanner, document.p, document.n) != JSPAN_BAD && jspan_end(scanner) &&
              !reading.lost && end_text(&answer->id) && end_text(&answer->urls) &&
              end_text(&answer->error_message);
    buf_release(&reading.text);
    jspan_free(&scanner);
    return ok;
}
