#include "relay/http_chunks.h"

#define DIGITS_MAX 16

enum {
    AT_SIZE,      /* digits, the first one at least */
    AT_BLANK,     /* behind the digits */
    AT_EXTENSION, /* skipped */
    AT_SIZE_LF,   /* behind the CR of a size's line */
    AT_DATA,
    AT_DATA_END, /* CR LF, or LF */
    AT_DATA_LF,
    AT_END
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void line_end(struct http_chunks *chunks)
{
    chunks->place = chunks->left > 0 ? AT_DATA : AT_END;
    chunks->extension_bytes = 0;
    chunks->digits = 0;
}

/* What may stand behind the digits. */
static bool take_behind_size(struct http_chunks *chunks, char c)
{
    if (++chunks->extension_bytes > HTTP_CHUNK_EXTENSION_MAX)
        return false;
    if (c == '\n')
        line_end(chunks);
    else if (c == '\r')
        chunks->place = AT_SIZE_LF;
    else if (chunks->place == AT_EXTENSION || c == ';')
        chunks->place = AT_EXTENSION;
    else if (c == ' ' || c == '\t')
        chunks->place = AT_BLANK;
    else
        return false;
    return true;
}

static bool take_size(struct http_chunks *chunks, char c)
{
    int value = hex_value(c);
    if (value < 0)
        return chunks->digits > 0 && take_behind_size(chunks, c);
    if (++chunks->digits > DIGITS_MAX || chunks->left > (uint64_t)INT64_MAX >> 4)
        return false;
    chunks->left = chunks->left << 4 | (unsigned)value;
    return true;
}

/* One byte that is no data. */
static bool take_byte(struct http_chunks *chunks, char c)
{
    switch (chunks->place) {
    case AT_SIZE:
        return take_size(chunks, c);
    case AT_BLANK:
    case AT_EXTENSION:
        return take_behind_size(chunks, c);
    case AT_SIZE_LF:
        line_end(chunks);
        return c == '\n';
    case AT_DATA_END:
        chunks->place = c == '\r' ? AT_DATA_LF : AT_SIZE;
        return c == '\r' || c == '\n';
    default: /* AT_DATA_LF */
        chunks->place = AT_SIZE;
        return c == '\n';
    }
}

enum http_chunks_step http_chunks_next(struct http_chunks *chunks, struct str *rest,
                                       struct str *piece)
{
    for (;;) {
        if (chunks->place == AT_DATA && chunks->left == 0)
            chunks->place = AT_DATA_END;
        if (chunks->place == AT_END)
            return HTTP_CHUNKS_LAST;
        if (rest->n == 0)
            return HTTP_CHUNKS_MORE;
        if (chunks->place == AT_DATA) {
            *piece = str_slice(*rest, 0, chunks->left < rest->n ? (size_t)chunks->left : rest->n);
            *rest = str_from(*rest, piece->n);
            chunks->left -= piece->n;
            return HTTP_CHUNKS_DATA;
        }
        char c = rest->p[0];
        *rest = str_from(*rest, 1);
        if (!take_byte(chunks, c))
            return HTTP_CHUNKS_INVALID;
    }
}
