#include "tests/bench/answer_reader.h"

#include <string.h>

#define JSON_N (sizeof ANSWER_JSON - 1)
#define LAST_N (sizeof EVENTS_LAST - 1)

void reader_reset(struct answer_reader *r)
{
    r->state = READ_STATUS;
    r->chunked = r->last_seen = false;
    r->fault = NULL;
    r->left = r->body_n = r->events = 0;
    r->line_n = r->n = 0;
}

bool reader_is_done(const struct answer_reader *r)
{
    return r->state == READ_END;
}

static void fail(struct answer_reader *r, const char *fault)
{
    if (r->fault == NULL)
        r->fault = fault;
}

/* --- bodies --------------------------------------------------------------------------------------
 */

/* The event in front of the text, if it is the next one. */
static bool take_event(struct answer_reader *r)
{
    const char *digits = r->text + EVENT_HEAD_N;
    uint64_t number, sent_us;
    if (r->n < EVENT_N || memcmp(r->text, EVENT_HEAD, EVENT_HEAD_N) != 0 ||
        memcmp(digits + (size_t)2 * EVENT_DIGITS, EVENT_TAIL, EVENT_TAIL_N) != 0 ||
        !str_u64((struct str){digits, EVENT_DIGITS}, UINT64_MAX, &number) ||
        !str_u64((struct str){digits + EVENT_DIGITS, EVENT_DIGITS}, INT64_MAX, &sent_us) ||
        number != r->events)
        return false;
    r->events++;
    r->n -= EVENT_N;
    memmove(r->text, r->text + EVENT_N, r->n);
    r->on_event(r->context, (int64_t)sent_us);
    return true;
}

static void take_events(struct answer_reader *r)
{
    while (take_event(r))
        ;
    size_t n = r->n < LAST_N ? r->n : LAST_N;
    if (n == LAST_N && memcmp(r->text, EVENTS_LAST, n) == 0) {
        r->last_seen = true;
        r->n -= LAST_N;
        if (r->n > 0)
            fail(r, "bytes behind [DONE]");
    } else if (r->n >= EVENT_N && memcmp(r->text, EVENTS_LAST, n) != 0) {
        fail(r, "an event that was not sent like this");
    }
}

static void take_body(struct answer_reader *r, struct str piece)
{
    if (!r->stream) {
        if (r->body_n + piece.n > JSON_N || memcmp(ANSWER_JSON + r->body_n, piece.p, piece.n) != 0)
            fail(r, "a body with other bytes");
        r->body_n += piece.n;
        return;
    }
    while (piece.n > 0 && r->fault == NULL) {
        struct str part = str_slice(piece, 0, sizeof r->text - r->n);
        memcpy(r->text + r->n, part.p, part.n);
        r->n += part.n;
        piece = str_from(piece, part.n);
        take_events(r);
    }
}

static void end(struct answer_reader *r)
{
    r->state = READ_END;
    if (r->stream ? !r->last_seen : r->body_n != JSON_N)
        fail(r, "a body that is not whole");
}

/* --- framing -------------------------------------------------------------------------------------
 */

static void take_field(struct answer_reader *r, struct str line)
{
    struct str name;
    if (line.n == 0) {
        r->state = r->chunked ? READ_SIZE : READ_LENGTH;
        if (!r->chunked && r->left == 0)
            end(r);
    } else if (str_cut(&line, ':', &name)) {
        struct str value = str_trim(line);
        if (str_eq_nocase(name, STR("transfer-encoding")))
            r->chunked = str_eq_nocase(value, STR("chunked"));
        else if (str_eq_nocase(name, STR("content-length")) && !str_u64(value, 1 << 30, &r->left))
            fail(r, "a bad Content-Length");
    }
}

/* The size of a chunk, or the empty line behind a chunk's data or at the end. */
static void take_size(struct answer_reader *r, struct str line)
{
    if (line.n == 0) {
        if (r->left == UINT64_MAX) /* behind the last chunk */
            end(r);
        return;
    }
    static const char digits[] = "0123456789abcdef";
    uint64_t size = 0;
    for (size_t i = 0; i < line.n && i < 8; i++) {
        const char *digit = memchr(digits, line.p[i] | 0x20, sizeof digits - 1);
        if (digit == NULL) {
            fail(r, "a bad chunk size");
            return;
        }
        size = size * 16 + (uint64_t)(digit - digits);
    }
    r->left = size == 0 ? UINT64_MAX : size;
    if (size > 0)
        r->state = READ_CHUNK;
}

static void take_line(struct answer_reader *r, struct str line)
{
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (r->state == READ_STATUS) {
        if (!str_starts(line, STR("HTTP/1.1 200 ")))
            fail(r, "a status that is not 200");
        r->state = READ_FIELDS;
    } else if (r->state == READ_FIELDS) {
        take_field(r, line);
    } else {
        take_size(r, line);
    }
}

/* Bytes up to the end of a line. */
static struct str feed_line(struct answer_reader *r, struct str bytes)
{
    size_t n = str_index(bytes, '\n');
    size_t kept = n < sizeof r->line - r->line_n ? n : sizeof r->line - r->line_n;
    memcpy(r->line + r->line_n, bytes.p, kept);
    r->line_n += kept;
    if (n == bytes.n)
        return STR_EMPTY;
    take_line(r, (struct str){r->line, r->line_n});
    r->line_n = 0;
    return str_from(bytes, n + 1);
}

void reader_feed(struct answer_reader *r, struct str bytes)
{
    while (bytes.n > 0 && r->fault == NULL) {
        if (r->state == READ_END) {
            fail(r, "bytes behind the answer");
        } else if (r->state != READ_LENGTH && r->state != READ_CHUNK) {
            bytes = feed_line(r, bytes);
        } else {
            struct str piece = str_slice(bytes, 0, r->left < bytes.n ? (size_t)r->left : bytes.n);
            take_body(r, piece);
            bytes = str_from(bytes, piece.n);
            r->left -= piece.n;
            if (r->left == 0 && r->state == READ_CHUNK)
                r->state = READ_SIZE;
            else if (r->left == 0)
                end(r);
        }
    }
}
