#include "relay/http_answer.h"

#include <string.h>

enum { AT_STATUS, AT_FIELDS, AT_INTERIM, AT_BODY, AT_TRAILER, AT_END, AT_INVALID };
enum { BY_CLOSE, BY_LENGTH, BY_CHUNKS };

#define LENGTH_MAX ((uint64_t)INT64_MAX)

void http_answer_init(struct http_answer *answer)
{
    *answer = (struct http_answer){.may_go_on = true};
    buf_init(&answer->line, HTTP_HEAD_BYTES_MAX);
}

void http_answer_release(struct http_answer *answer)
{
    buf_release(&answer->line);
}

static enum http_step invalid(struct http_answer *answer)
{
    answer->place = AT_INVALID;
    return HTTP_INVALID;
}

/* --- lines ---------------------------------------------------------------------------------------
 */

/* A view of the next line, its end cut off.  FIELD = there is one. */
static enum http_step take_line(struct http_answer *answer, struct str *rest, struct str *line)
{
    size_t *bytes = answer->place == AT_TRAILER ? &answer->trailer_bytes : &answer->head_bytes;
    size_t to_lf = str_index(*rest, '\n');
    bool whole = to_lf < rest->n;
    *line = str_slice(*rest, 0, whole ? to_lf + 1 : rest->n);
    *rest = str_from(*rest, line->n);
    *bytes += line->n;
    if (*bytes > HTTP_HEAD_BYTES_MAX || answer->lines > HTTP_HEAD_LINES_MAX)
        return invalid(answer);
    if (answer->line_used)
        buf_clear(&answer->line);
    answer->line_used = false;
    if (!whole || answer->line.n > 0) {
        if (!buf_add_str(&answer->line, *line))
            return HTTP_NO_MEMORY;
        *line = buf_str(&answer->line);
    }
    if (!whole)
        return HTTP_MORE;
    answer->line_used = true;
    answer->lines++;
    line->n -= line->n >= 2 && line->p[line->n - 2] == '\r' ? 2 : 1;
    bool bare = str_index(*line, '\r') < line->n || str_index(*line, '\0') < line->n;
    return bare ? invalid(answer) : HTTP_FIELD;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 reason", the reason may be missing. */
static bool read_status(struct http_answer *answer, struct str line)
{
    bool ok = line.n >= 12 && str_starts(line, STR("HTTP/1.")) &&
              (line.p[7] == '0' || line.p[7] == '1') && line.p[8] == ' ' && is_digit(line.p[9]) &&
              is_digit(line.p[10]) && is_digit(line.p[11]) && (line.n == 12 || line.p[12] == ' ');
    if (!ok)
        return false;
    answer->is_old = line.p[7] == '0';
    answer->status = (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0');
    return answer->status >= 100 && answer->status != 101;
}

static bool is_token(struct str name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
        if (!letter && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return name.n > 0;
}

/* --- what the head says of the body --------------------------------------------------------------
 */

static bool take_length(struct http_answer *answer)
{
    uint64_t length = 0;
    if (!str_u64(answer->value, LENGTH_MAX, &length) ||
        (answer->has_length && length != answer->length))
        return false;
    answer->length = length;
    answer->has_length = true;
    return true;
}

/* Nothing but chunked was ever announced as acceptable, and twice chunked is a trick. */
static bool take_transfer_encoding(struct http_answer *answer)
{
    if (answer->framing == BY_CHUNKS || !str_eq_nocase(answer->value, STR("chunked")))
        return false;
    answer->framing = BY_CHUNKS;
    return true;
}

static void take_connection(struct http_answer *answer)
{
    struct str one, list = answer->value;
    while (str_cut(&list, ',', &one)) {
        one = str_trim(one);
        if (str_eq_nocase(one, STR("close")))
            answer->may_go_on = false;
        else if (str_eq_nocase(one, STR("keep-alive")))
            answer->is_old = false;
    }
}

static bool take_field(struct http_answer *answer, struct str line)
{
    size_t colon = str_index(line, ':');
    answer->name = str_slice(line, 0, colon);
    answer->value = str_trim(str_from(line, colon + 1));
    if (colon == line.n || !is_token(answer->name))
        return false;
    if (answer->place == AT_INTERIM)
        return true;
    if (str_eq_nocase(answer->name, STR("content-length")))
        return take_length(answer);
    if (str_eq_nocase(answer->name, STR("transfer-encoding")))
        return take_transfer_encoding(answer);
    if (str_eq_nocase(answer->name, STR("connection")))
        take_connection(answer);
    return true;
}

static void head_end(struct http_answer *answer)
{
    buf_release(&answer->line);
    answer->line_used = false;
    answer->lines = 0;
    answer->place = AT_BODY;
    bool chunked = answer->framing == BY_CHUNKS;
    if (answer->status == 204 || answer->status == 304) {
        /* Who tells of a body where none may be might send one (RFC 9110, 8.6; 304 may tell). */
        if (answer->status == 204)
            answer->may_go_on &= !chunked && (!answer->has_length || answer->length == 0);
        answer->framing = BY_LENGTH;
        answer->length = 0;
    } else if (chunked) {
        /* The length is void; but who sends both is not to be trusted with another request. */
        answer->may_go_on &= !answer->has_length;
    } else if (answer->has_length) {
        answer->framing = BY_LENGTH;
    } else {
        answer->may_go_on = false;
    }
    answer->may_go_on &= !answer->is_old;
}

bool http_answer_tells_length(const struct http_answer *answer)
{
    return answer->place != AT_STATUS && answer->place != AT_FIELDS && answer->framing == BY_LENGTH;
}

static enum http_step next_of_head(struct http_answer *answer, struct str *rest)
{
    for (;;) {
        struct str line;
        enum http_step step = take_line(answer, rest, &line);
        if (step == HTTP_MORE && answer->place == AT_STATUS) {
            /* What does not speak HTTP may never send a line's end. */
            struct str begin = STR("HTTP/1.");
            bool ok = str_starts(begin, line) || str_starts(line, begin);
            return ok ? HTTP_MORE : invalid(answer);
        }
        if (step != HTTP_FIELD)
            return step;
        if (answer->place == AT_STATUS) {
            if (!read_status(answer, line))
                return invalid(answer);
            answer->place = answer->status < 200 ? AT_INTERIM : AT_FIELDS;
        } else if (line.n == 0 && answer->place == AT_INTERIM) {
            answer->place = AT_STATUS;
        } else if (line.n == 0) {
            head_end(answer);
            return HTTP_HEAD;
        } else if (!take_field(answer, line)) {
            return invalid(answer);
        } else if (answer->place == AT_FIELDS) {
            return HTTP_FIELD;
        }
    }
}

/* --- the body ------------------------------------------------------------------------------------
 */

static enum http_step end(struct http_answer *answer)
{
    http_answer_release(answer);
    answer->place = AT_END;
    return HTTP_END;
}

static enum http_step next_of_chunks(struct http_answer *answer, struct str *rest)
{
    switch (http_chunks_next(&answer->chunks, rest, &answer->piece)) {
    case HTTP_CHUNKS_MORE:
        return HTTP_MORE;
    case HTTP_CHUNKS_DATA:
        return HTTP_BODY;
    case HTTP_CHUNKS_LAST:
        answer->place = AT_TRAILER;
        return HTTP_FIELD; /* go on with the trailer */
    case HTTP_CHUNKS_INVALID:
        break;
    }
    return invalid(answer);
}

static enum http_step next_of_trailer(struct http_answer *answer, struct str *rest)
{
    struct str line;
    enum http_step step;
    do
        step = take_line(answer, rest, &line);
    while (step == HTTP_FIELD && line.n > 0);
    return step == HTTP_FIELD ? end(answer) : step;
}

static enum http_step next_of_body(struct http_answer *answer, struct str *rest)
{
    if (answer->framing == BY_CHUNKS) {
        enum http_step step = next_of_chunks(answer, rest);
        return step == HTTP_FIELD ? next_of_trailer(answer, rest) : step;
    }
    bool by_length = answer->framing == BY_LENGTH;
    if (by_length && answer->length == 0)
        return end(answer);
    if (rest->n == 0)
        return HTTP_MORE;
    size_t n = by_length && answer->length < rest->n ? (size_t)answer->length : rest->n;
    answer->piece = str_slice(*rest, 0, n);
    *rest = str_from(*rest, n);
    if (by_length)
        answer->length -= n;
    return HTTP_BODY;
}

enum http_step http_answer_next(struct http_answer *answer, struct str *rest)
{
    switch (answer->place) {
    case AT_BODY:
        return next_of_body(answer, rest);
    case AT_TRAILER:
        return next_of_trailer(answer, rest);
    case AT_END:
        return HTTP_END;
    case AT_INVALID:
        return HTTP_INVALID;
    default:
        return next_of_head(answer, rest);
    }
}

void http_answer_put_back(struct http_answer *answer, size_t n)
{
    CHECK(answer->place == AT_BODY);
    CHECK(n <= answer->piece.n);
    if (answer->framing == BY_CHUNKS)
        answer->chunks.left += n;
    else if (answer->framing == BY_LENGTH)
        answer->length += n;
}

enum http_step http_answer_eof(struct http_answer *answer)
{
    switch (answer->place) {
    case AT_BODY:
        return answer->framing == BY_CLOSE ? end(answer) : HTTP_CUT;
    case AT_TRAILER:
        return HTTP_CUT;
    case AT_END:
        return HTTP_END;
    case AT_INVALID:
        return HTTP_INVALID;
    default:
        return answer->head_bytes > 0 ? HTTP_INVALID : HTTP_CUT;
    }
}
