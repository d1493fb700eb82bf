#include "relay/estimate.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"

/* What a code point counts as; a run is consecutive code points of one class.  NONE (zero) is the
 * state before the first. */
enum text_class {
    CLASS_NONE,
    CLASS_LETTER,
    CLASS_DIGIT,
    CLASS_BLANK,
    CLASS_NEWLINE,
    CLASS_MARK, /* any other ASCII, controls too */
    CLASS_HAN,
    CLASS_KANA,
    CLASS_HANGUL,
    CLASS_CJK_MARK,
    CLASS_TWO_BYTES,
    CLASS_THREE_BYTES,
    CLASS_FOUR_BYTES /* and invalid bytes */
};

/* Weights in 1/256 token, fitted on half of 940 samples and tested on the other half. */
enum {
    WEIGHT_WORD = 239,
    WEIGHT_LETTER = 6,
    WEIGHT_LONG_WORD = 17, /* each letter after the 7th */
    WEIGHT_CAMEL = 178,    /* a capital after a small letter: most tokenizers split there */
    WEIGHT_DIGITS = 256,   /* one token per three digits */
    WEIGHT_DIGIT_SWITCH = 186,
    WEIGHT_BLANKS = 203, /* a single blank belongs to the word behind it; a run is a token */
    WEIGHT_NEWLINE = 201,
    WEIGHT_MARK = 23,
    WEIGHT_MARK_RUN = 160,
    WEIGHT_HAN = 185,
    WEIGHT_KANA = 171,
    WEIGHT_HANGUL = 141,
    WEIGHT_CJK_MARK = 325,
    WEIGHT_TWO_BYTES = 90,
    WEIGHT_THREE_BYTES = 128,
    WEIGHT_FOUR_BYTES = 512,
    LONG_WORD = 7,
    DIGIT_GROUP = 3
};

#define WEIGHT_ONE 256u

static bool is_upper(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

static enum text_class class_of_ascii(uint32_t c)
{
    if (is_upper(c) || (c >= 'a' && c <= 'z'))
        return CLASS_LETTER;
    if (c >= '0' && c <= '9')
        return CLASS_DIGIT;
    if (c == ' ' || c == '\t')
        return CLASS_BLANK;
    if (c == '\n' || c == '\r')
        return CLASS_NEWLINE;
    return CLASS_MARK;
}

static bool is_between(uint32_t c, uint32_t low, uint32_t high)
{
    return c >= low && c <= high;
}

static enum text_class class_of(uint32_t c)
{
    if (c < 0x80)
        return class_of_ascii(c);
    if (is_between(c, 0x4e00, 0x9fff) || is_between(c, 0x3400, 0x4dbf))
        return CLASS_HAN;
    if (is_between(c, 0x3040, 0x30ff))
        return CLASS_KANA;
    if (is_between(c, 0xac00, 0xd7a3))
        return CLASS_HANGUL;
    if (is_between(c, 0x3000, 0x303f) || is_between(c, 0xff00, 0xffef) ||
        is_between(c, 0x2000, 0x206f))
        return CLASS_CJK_MARK;
    if (c < 0x800)
        return CLASS_TWO_BYTES;
    return c < 0x10000 ? CLASS_THREE_BYTES : CLASS_FOUR_BYTES;
}

static unsigned weigh_letter(struct estimate *e, uint32_t c, bool starts)
{
    unsigned weight = WEIGHT_LETTER;
    if (starts) {
        weight += WEIGHT_WORD;
        e->word = 0;
    } else if (is_upper(c) && !e->last_upper) {
        weight += WEIGHT_CAMEL;
        e->word = 0;
    }
    e->last_upper = is_upper(c);
    /* Counting stops where it no longer matters, so that no text can make it wrap. */
    if (e->word < LONG_WORD)
        e->word++;
    else
        weight += WEIGHT_LONG_WORD;
    return weight;
}

static unsigned weigh_digit(const struct estimate *e, enum text_class before)
{
    bool starts = before != CLASS_DIGIT;
    unsigned weight = 0;
    if (before == CLASS_LETTER || before == CLASS_MARK)
        weight += WEIGHT_DIGIT_SWITCH;
    if (starts || e->run % DIGIT_GROUP == 0)
        weight += WEIGHT_DIGITS;
    return weight;
}

static unsigned weigh(struct estimate *e, uint32_t c, enum text_class class)
{
    enum text_class before = (enum text_class)e->run_class;
    bool starts = before != class;
    switch (class) {
    case CLASS_NONE:
        return 0;
    case CLASS_LETTER:
        return weigh_letter(e, c, starts);
    case CLASS_DIGIT:
        return weigh_digit(e, before);
    case CLASS_BLANK:
        return !starts && e->run == 1 ? WEIGHT_BLANKS : 0;
    case CLASS_NEWLINE:
        return starts ? WEIGHT_NEWLINE : 0;
    case CLASS_MARK:
        return WEIGHT_MARK + (starts ? WEIGHT_MARK_RUN : 0u);
    case CLASS_HAN:
        return WEIGHT_HAN;
    case CLASS_KANA:
        return WEIGHT_KANA;
    case CLASS_HANGUL:
        return WEIGHT_HANGUL;
    case CLASS_CJK_MARK:
        return WEIGHT_CJK_MARK;
    case CLASS_TWO_BYTES:
        return WEIGHT_TWO_BYTES;
    case CLASS_THREE_BYTES:
        return WEIGHT_THREE_BYTES;
    case CLASS_FOUR_BYTES:
        return WEIGHT_FOUR_BYTES;
    }
    return 0;
}

static void take(struct estimate *e, uint32_t c, enum text_class class)
{
    e->weight += weigh(e, c, class);
    if (e->run_class != class)
        e->run = 0;
    e->run_class = (uint8_t) class;
    /* A run of blanks only has to know its second, a run of digits its position in a group. */
    e->run = e->run == 2 * DIGIT_GROUP ? DIGIT_GROUP + 1 : e->run + 1;
}

static void take_invalid(struct estimate *e, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        take(e, 0, CLASS_FOUR_BYTES);
}

/* Bytes of the sequence that `lead` starts; 0 when no sequence starts with it. */
static unsigned sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0)
        return 3;
    return lead < 0xf5 ? 4 : 0;
}

/* Whether `byte` may stand behind the pending bytes: overlong forms, surrogates and what lies above
 * U+10FFFF are told by the second byte. */
static bool continues(const struct estimate *e, uint8_t byte)
{
    if ((byte & 0xc0) != 0x80)
        return false;
    if (e->pending_n > 1)
        return true;
    switch (e->pending[0]) {
    case 0xe0:
        return byte >= 0xa0;
    case 0xed:
        return byte < 0xa0;
    case 0xf0:
        return byte >= 0x90;
    case 0xf4:
        return byte < 0x90;
    }
    return true;
}

static uint32_t decode(const uint8_t *p, unsigned n)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t c = p[0] & lead_bits[n];
    for (unsigned i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

static void feed_byte(struct estimate *e, uint8_t byte)
{
    if (e->pending_n > 0 && !continues(e, byte)) {
        take_invalid(e, e->pending_n);
        e->pending_n = 0;
    }
    if (e->pending_n == 0 && sequence_length(byte) == 0) {
        take_invalid(e, 1);
        return;
    }
    e->pending[e->pending_n++] = byte;
    if (e->pending_n < sequence_length(e->pending[0]))
        return;
    uint32_t c = decode(e->pending, e->pending_n);
    e->pending_n = 0;
    take(e, c, class_of(c));
}

static bool is_small(char c)
{
    return c >= 'a' && c <= 'z';
}

/* As take() for each character of the words of small letters, one blank between two, with which the
 * text begins: most of what is fed.  Returns how many characters these are. */
static size_t take_words(struct estimate *e, const char *p, size_t n)
{
    bool in_word = e->run_class == CLASS_LETTER;
    uint64_t weight = 0;
    uint32_t word = e->word;
    size_t i = 0;
    for (;;) {
        size_t begin = i;
        while (i < n && is_small(p[i]))
            i++;
        size_t letters = i - begin;
        if (letters > 0 && !in_word) {
            weight += WEIGHT_WORD;
            word = 0;
            in_word = true;
        }
        size_t short_word = LONG_WORD - word;
        size_t beyond = letters > short_word ? letters - short_word : 0;
        weight += letters * WEIGHT_LETTER + beyond * WEIGHT_LONG_WORD;
        word += (uint32_t)(letters - beyond);
        if (i == n || p[i] != ' ' || !in_word)
            break;
        in_word = false; /* the blank behind a word weighs nothing */
        i++;
    }
    if (i == 0)
        return 0;
    e->weight += weight;
    e->word = word;
    e->run_class = in_word ? CLASS_LETTER : CLASS_BLANK;
    e->run = 1; /* its length is of no use to letters */
    e->last_upper = false;
    return i;
}

void estimate_feed(struct estimate *estimate, const char *p, size_t n)
{
    CHECK(estimate != NULL);
    estimate->bytes += n;
    for (size_t i = 0; i < n;) {
        if (estimate->pending_n == 0) {
            size_t taken = take_words(estimate, p + i, n - i);
            i += taken;
            if (taken > 0)
                continue;
        }
        uint8_t byte = (uint8_t)p[i++];
        if (byte < 0x80 && estimate->pending_n == 0)
            take(estimate, byte, class_of_ascii(byte));
        else
            feed_byte(estimate, byte);
    }
}

void estimate_break(struct estimate *estimate)
{
    take_invalid(estimate, estimate->pending_n);
    estimate->pending_n = 0;
    estimate->run_class = CLASS_NONE;
    estimate->run = 0;
    estimate->word = 0;
    estimate->last_upper = false;
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* The weight with what is pending counted, as estimate_break would. */
static uint64_t whole_weight(const struct estimate *e)
{
    return e->weight + (uint64_t)e->pending_n * WEIGHT_FOUR_BYTES;
}

int64_t estimate_tokens(const struct estimate *estimate)
{
    CHECK(estimate != NULL);
    uint64_t tokens = ceil_div(whole_weight(estimate), WEIGHT_ONE);
    /* A lone blank weighs nothing and is still a token. */
    return tokens == 0 && estimate->bytes > 0 ? 1 : (int64_t)tokens;
}

int64_t estimate_hold_tokens(const struct estimate *estimate, int64_t messages)
{
    CHECK(estimate != NULL && messages >= 0);
    uint64_t by_weight = ceil_div(whole_weight(estimate) * 5, (uint64_t)WEIGHT_ONE * 4);
    uint64_t by_bytes = ceil_div(estimate->bytes, 4);
    uint64_t tokens = by_weight > by_bytes ? by_weight : by_bytes;
    return (int64_t)tokens + 4 * messages + 3;
}
