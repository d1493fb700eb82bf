#include "base/jspan_string.h"

#include <endian.h>
#include <string.h>

/* Values of jspan_string.escape; HEX and below down to 1 count the digits that are missing. */
#define ESCAPE_NONE 0
#define ESCAPE_HEX 4
#define ESCAPE_BEGUN 5

#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

/* The first byte of [p, end) that is no plain ASCII character of a string, or end.
 *
 * Eight bytes at a time: a subtraction borrows into the top bit of exactly those bytes that are
 * quote, backslash or below space.  A borrow may mark bytes above a marked one too, so only the
 * lowest mark counts. */
static const char *ascii_end(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        uint64_t quote = (word ^ ('"' * ONES)) - ONES;
        uint64_t backslash = (word ^ ('\\' * ONES)) - ONES;
        uint64_t control = word - (' ' * ONES);
        uint64_t marks = (word | quote | backslash | control) & TOPS;
        if (marks != 0)
            return p + (__builtin_ctzll(marks) >> 3);
        p += 8;
    }
    while (p < end && (unsigned char)*p >= ' ' && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* A shortcut over whole three-byte sequences with free continuation bytes (most of Chinese and
 * Japanese); leaves everything else to the careful way. */
static const char *three_byte_end(const char *p, const char *end)
{
    while (end - p >= 3) {
        unsigned char lead = (unsigned char)*p;
        if (lead <= 0xE0 || lead > 0xEF || lead == 0xED || !is_continuation(p[1]) ||
            !is_continuation(p[2]))
            break;
        p += 3;
    }
    return p;
}

/* Begins a UTF-8 sequence; the bounds exclude overlong forms, surrogates and what lies above
 * U+10FFFF.  Source: RFC 3629, section 4. */
static bool utf8_begin(struct jspan_string *s, unsigned char lead)
{
    if (lead < 0xC2 || lead > 0xF4)
        return false;
    s->need = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    s->low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    s->high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return true;
}

/* The first byte that ends a run of plain characters, or end.  s->need != 0 at a byte before the
 * end means that the byte should have been a continuation. */
static const char *run_end(struct jspan_string *s, const char *p, const char *end)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (s->need > 0) {
            if (c < s->low || c > s->high)
                break;
            s->need--;
            s->low = 0x80;
            s->high = 0xBF;
            p++;
        } else if (c < 0x80) {
            p = ascii_end(p, end);
            if (p < end && (unsigned char)*p < 0x80)
                break;
        } else {
            p = three_byte_end(p, end);
            if (p == end || (unsigned char)*p < 0x80)
                continue;
            if (!utf8_begin(s, (unsigned char)*p))
                break;
            p++;
        }
    }
    return p;
}

static size_t utf8_put(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xC0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xE0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* An escape has been read: its UTF-16 unit as UTF-8, behind U+FFFD for a high surrogate that did
 * not find its other half. */
static struct str unit_decode(struct jspan_string *s, uint16_t unit)
{
    uint32_t code = unit;
    bool is_low = unit >= 0xDC00 && unit <= 0xDFFF;
    size_t n = 0;

    if (s->surrogate != 0 && is_low) {
        code = 0x10000 + ((uint32_t)(s->surrogate - 0xD800) << 10) + (uint32_t)(unit - 0xDC00);
    } else if (s->surrogate != 0) {
        n = utf8_put(s->decoded, 0xFFFD);
    } else if (is_low) {
        code = 0xFFFD;
    }
    s->surrogate = 0;
    if (unit >= 0xD800 && unit <= 0xDBFF)
        s->surrogate = unit;
    else
        n += utf8_put(s->decoded + n, code);
    return (struct str){s->decoded, n};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* What the letter behind a backslash stands for, or 0. */
static uint16_t short_escape(char c)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found = c == '\0' ? NULL : strchr(letters, c);
    return found == NULL ? 0 : (uint16_t)meanings[found - letters];
}

/* Reads on inside an escape. */
static enum jspan_string_result escape_next(struct jspan_string *s, const char **p, const char *end,
                                            struct str *piece)
{
    if (s->escape == ESCAPE_BEGUN) {
        uint16_t meaning = short_escape(**p);
        if (meaning == 0 && **p != 'u')
            return JSPAN_STRING_BAD;
        ++*p;
        s->escape = meaning == 0 ? ESCAPE_HEX : ESCAPE_NONE;
        s->unit = 0;
        if (meaning != 0) {
            *piece = unit_decode(s, meaning);
            return JSPAN_STRING_PIECE;
        }
    }
    while (*p < end) {
        int digit = hex_digit(**p);
        if (digit < 0)
            return JSPAN_STRING_BAD;
        ++*p;
        s->unit = (uint16_t)(s->unit << 4 | digit);
        if (--s->escape == ESCAPE_NONE) {
            *piece = unit_decode(s, s->unit);
            break;
        }
    }
    return JSPAN_STRING_PIECE;
}

enum jspan_string_result jspan_string_next(struct jspan_string *s, const char **p, const char *end,
                                           struct str *piece)
{
    DCHECK(*p < end);
    *piece = STR_EMPTY;
    if (s->escape != ESCAPE_NONE)
        return escape_next(s, p, end, piece);
    if (s->surrogate != 0 && **p != '\\') {
        *piece = (struct str){s->decoded, utf8_put(s->decoded, 0xFFFD)};
        s->surrogate = 0;
        return JSPAN_STRING_PIECE;
    }

    const char *from = *p;
    const char *to = run_end(s, from, end);
    *piece = (struct str){from, (size_t)(to - from)};
    *p = to;
    if (to == end)
        return JSPAN_STRING_PIECE;
    if (s->need > 0 || (*to != '"' && *to != '\\'))
        return JSPAN_STRING_BAD;
    *p = to + 1;
    if (*to == '"')
        return JSPAN_STRING_END;
    s->escape = ESCAPE_BEGUN;
    return JSPAN_STRING_PIECE;
}
