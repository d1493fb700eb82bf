#include "relay/multipart.h"

#include <stdlib.h>
#include <string.h>

/* What the next byte belongs to. */
enum place {
    IN_PREAMBLE,
    IN_VALUE,
    IN_EPILOGUE,
    AT_TAIL,     /* just behind `--boundary` */
    IN_PADDING,  /* white space behind it, then CR */
    AT_LINE_END, /* its LF */
    AT_DASH,     /* the second dash behind the last `--boundary` */
    IN_CLOSING,  /* behind `--boundary--`: white space, then CR or the end */
    AT_CLOSING_END,
    IN_HEAD,
    BROKEN
};

/* `matched` bytes just before the next one are the beginning of the delimiter.  If the line before
 * them ended otherwise than by CRLF (or is none), `bare` is set, `matched` counts as if it had, and
 * a whole delimiter would be a fault. */
struct multipart {
    struct multipart_sink sink;
    enum place place;
    uint64_t offset; /* of the next byte, or of the fault */
    uint64_t begin;  /* of the value */
    uint64_t head_begin;
    uint64_t first; /* where the first delimiter's dashes stand */
    size_t parts;
    bool has_first;
    bool bare;
    size_t matched;
    size_t carried; /* of those withheld, the bytes that came with earlier pieces */
    size_t n;       /* of the delimiter */
    char delimiter[sizeof "\r\n--" - 1 + MULTIPART_BOUNDARY_MAX];
    struct multipart_head head;
};

/* Begins at a line's beginning. */
static void text_begin(struct multipart *mp, enum place place, bool bare)
{
    mp->place = place;
    mp->bare = bare;
    mp->matched = 2;
    mp->carried = bare ? 0 : 2;
}

struct multipart *multipart_new(const char *boundary, const struct multipart_sink *sink)
{
    struct str s = str_of(boundary);
    CHECK(s.n > 0 && s.n <= MULTIPART_BOUNDARY_MAX);
    CHECK(sink != NULL && sink->part != NULL);
    struct multipart *mp = calloc(1, sizeof *mp);
    if (mp == NULL)
        return NULL;
    mp->sink = *sink;
    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, s.p, s.n);
    mp->n = 4 + s.n;
    text_begin(mp, IN_PREAMBLE, false); /* the body's beginning is that of a line */
    return mp;
}

void multipart_free(struct multipart **multipart)
{
    free(*multipart);
    *multipart = NULL;
}

static void broken(struct multipart *mp, uint64_t at)
{
    mp->place = BROKEN;
    mp->offset = at;
}

static void data_give(struct multipart *mp, const char *p, size_t n)
{
    if (mp->place == IN_VALUE && n > 0 && mp->sink.data != NULL)
        mp->sink.data(mp->sink.context, (struct str){p, n});
}

/* The bytes withheld are data after all; those of this piece are still before the reader. */
static void carried_give(struct multipart *mp)
{
    data_give(mp, mp->delimiter, mp->carried);
    mp->carried = 0;
}

/* Takes one byte of a text; true when it completes `--boundary` at the beginning of a line. */
static bool match(struct multipart *mp, char c)
{
    if (mp->matched == 1 && c != '\n') { /* a CR alone may end a line for others */
        carried_give(mp);
        mp->bare = true;
        mp->matched = 2;
    }
    if (mp->matched > 0 && c == mp->delimiter[mp->matched]) {
        mp->matched++;
        return mp->matched == mp->n;
    }
    carried_give(mp);
    mp->bare = c == '\n';
    mp->matched = c == '\r' ? 1 : c == '\n' ? 2 : 0;
    return false;
}

/* The whole of `--boundary` stands before `at`, at the beginning of a line. */
static void delimiter_found(struct multipart *mp, uint64_t at)
{
    uint64_t dashes = at - (mp->n - 2);
    if (mp->bare || mp->place == IN_EPILOGUE) {
        broken(mp, dashes);
        return;
    }
    if (mp->place == IN_VALUE && mp->sink.end != NULL)
        mp->sink.end(mp->sink.context, mp->begin, dashes - 2);
    if (!mp->has_first)
        mp->first = dashes;
    mp->has_first = true;
    mp->place = AT_TAIL;
}

static const char *find(const char *p, const char *end, char c)
{
    const char *at = memchr(p, c, (size_t)(end - p));
    return at != NULL ? at : end;
}

/* Preamble, value or epilogue, from `p`, which stands at mp->offset. */
static const char *text_step(struct multipart *mp, const char *p, const char *end)
{
    const char *from = p;
    const char *cr = NULL, *lf = NULL; /* the next of each; NULL: not looked for yet */
    bool is_found = false;
    while (p < end && !is_found) {
        if (mp->matched == 0) {
            cr = cr == NULL || cr < p ? find(p, end, '\r') : cr;
            lf = lf == NULL || lf < p ? find(p, end, '\n') : lf;
            p = cr < lf ? cr : lf;
        }
        if (p < end)
            is_found = match(mp, *p++);
    }
    size_t held = mp->bare ? 0 : mp->matched;
    data_give(mp, from, (size_t)(p - from) - (held - mp->carried));
    mp->carried = held;
    if (is_found)
        delimiter_found(mp, mp->offset + (uint64_t)(p - from));
    return p;
}

/* --- between the texts -------------------------------------------------------------------------
 */

static void head_step(struct multipart *mp, char c, uint64_t at)
{
    struct multipart_head *head = &mp->head;
    struct str dashes = {mp->delimiter + 2, mp->n - 2};
    switch (multipart_head_add(head, c, dashes)) {
    case MULTIPART_HEAD_MORE:
        return;
    case MULTIPART_HEAD_BAD:
        broken(mp, mp->head_begin + head->fault);
        return;
    case MULTIPART_HEAD_DONE:
        break;
    }
    struct multipart_part part = {.name = {head->name, head->name_n},
                                  .name_cut = head->name_cut,
                                  .has_filename = head->has_filename,
                                  .content_type = head->has_type ? head->type : STR_EMPTY,
                                  .head_begin = mp->head_begin,
                                  .begin = at + 1};
    mp->begin = at + 1;
    /* A delimiter right here would have no CRLF of its own: some readers see it, some do not. */
    text_begin(mp, IN_VALUE, true);
    mp->sink.part(mp->sink.context, &part);
}

static void head_begin(struct multipart *mp, uint64_t at)
{
    if (mp->parts == MULTIPART_PARTS_MAX) {
        broken(mp, at);
        return;
    }
    mp->parts++;
    mp->head_begin = at + 1;
    multipart_head_begin(&mp->head);
    mp->place = IN_HEAD;
}

/* One byte of a delimiter's line, at offset `at`, which stands behind `--boundary`. */
static void tail_step(struct multipart *mp, char c, uint64_t at)
{
    bool is_blank = c == ' ' || c == '\t';
    if (mp->place == AT_TAIL && c == '-')
        mp->place = AT_DASH;
    else if (mp->place == AT_DASH && c == '-')
        mp->place = IN_CLOSING;
    else if (mp->place == AT_LINE_END && c == '\n')
        head_begin(mp, at);
    else if (mp->place == AT_CLOSING_END && c == '\n')
        text_begin(mp, IN_EPILOGUE, false);
    else if (mp->place == IN_CLOSING && (is_blank || c == '\r'))
        mp->place = is_blank ? IN_CLOSING : AT_CLOSING_END;
    else if ((mp->place == AT_TAIL || mp->place == IN_PADDING) && (is_blank || c == '\r'))
        mp->place = is_blank ? IN_PADDING : AT_LINE_END;
    else
        broken(mp, at);
}

static bool is_text(const struct multipart *mp)
{
    return mp->place == IN_PREAMBLE || mp->place == IN_VALUE || mp->place == IN_EPILOGUE;
}

enum multipart_state multipart_feed(struct multipart *mp, const char *p, size_t n)
{
    CHECK(p != NULL || n == 0);
    const char *end = n > 0 ? p + n : p;
    while (p < end && mp->place != BROKEN) {
        const char *next = p + 1;
        if (is_text(mp))
            next = text_step(mp, p, end);
        else if (mp->place == IN_HEAD)
            head_step(mp, *p, mp->offset);
        else
            tail_step(mp, *p, mp->offset);
        if (mp->place != BROKEN)
            mp->offset += (uint64_t)(next - p);
        p = next;
    }
    if (mp->place == BROKEN)
        return MULTIPART_BAD;
    return multipart_end(mp) || mp->place == AT_CLOSING_END ? MULTIPART_DONE : MULTIPART_MORE;
}

bool multipart_end(const struct multipart *mp)
{
    return mp->place == IN_CLOSING || mp->place == IN_EPILOGUE;
}

uint64_t multipart_offset(const struct multipart *mp)
{
    return mp->offset;
}

uint64_t multipart_insert_at(const struct multipart *mp)
{
    CHECK(mp->has_first);
    return mp->first;
}
