#include "base/jspan_number.h"

enum number_byte { BYTE_OTHER, BYTE_ZERO, BYTE_DIGIT, BYTE_MINUS, BYTE_PLUS, BYTE_POINT, BYTE_E };

/* Edges that are left out lead to JSPAN_NUMBER_NONE. */
static const enum jspan_number edges[JSPAN_NUMBER_STATES][BYTE_E + 1] = {
    [JSPAN_NUMBER_NONE][BYTE_MINUS] = JSPAN_NUMBER_MINUS,
    [JSPAN_NUMBER_NONE][BYTE_ZERO] = JSPAN_NUMBER_ZERO,
    [JSPAN_NUMBER_NONE][BYTE_DIGIT] = JSPAN_NUMBER_WHOLE,
    [JSPAN_NUMBER_MINUS][BYTE_ZERO] = JSPAN_NUMBER_ZERO,
    [JSPAN_NUMBER_MINUS][BYTE_DIGIT] = JSPAN_NUMBER_WHOLE,
    [JSPAN_NUMBER_ZERO][BYTE_POINT] = JSPAN_NUMBER_POINT,
    [JSPAN_NUMBER_ZERO][BYTE_E] = JSPAN_NUMBER_E,
    [JSPAN_NUMBER_WHOLE][BYTE_ZERO] = JSPAN_NUMBER_WHOLE,
    [JSPAN_NUMBER_WHOLE][BYTE_DIGIT] = JSPAN_NUMBER_WHOLE,
    [JSPAN_NUMBER_WHOLE][BYTE_POINT] = JSPAN_NUMBER_POINT,
    [JSPAN_NUMBER_WHOLE][BYTE_E] = JSPAN_NUMBER_E,
    [JSPAN_NUMBER_POINT][BYTE_ZERO] = JSPAN_NUMBER_FRACTION,
    [JSPAN_NUMBER_POINT][BYTE_DIGIT] = JSPAN_NUMBER_FRACTION,
    [JSPAN_NUMBER_FRACTION][BYTE_ZERO] = JSPAN_NUMBER_FRACTION,
    [JSPAN_NUMBER_FRACTION][BYTE_DIGIT] = JSPAN_NUMBER_FRACTION,
    [JSPAN_NUMBER_FRACTION][BYTE_E] = JSPAN_NUMBER_E,
    [JSPAN_NUMBER_E][BYTE_MINUS] = JSPAN_NUMBER_E_SIGN,
    [JSPAN_NUMBER_E][BYTE_PLUS] = JSPAN_NUMBER_E_SIGN,
    [JSPAN_NUMBER_E][BYTE_ZERO] = JSPAN_NUMBER_EXPONENT,
    [JSPAN_NUMBER_E][BYTE_DIGIT] = JSPAN_NUMBER_EXPONENT,
    [JSPAN_NUMBER_E_SIGN][BYTE_ZERO] = JSPAN_NUMBER_EXPONENT,
    [JSPAN_NUMBER_E_SIGN][BYTE_DIGIT] = JSPAN_NUMBER_EXPONENT,
    [JSPAN_NUMBER_EXPONENT][BYTE_ZERO] = JSPAN_NUMBER_EXPONENT,
    [JSPAN_NUMBER_EXPONENT][BYTE_DIGIT] = JSPAN_NUMBER_EXPONENT,
};

static enum number_byte number_byte(char c)
{
    if (c >= '1' && c <= '9')
        return BYTE_DIGIT;
    switch (c) {
    case '0':
        return BYTE_ZERO;
    case '-':
        return BYTE_MINUS;
    case '+':
        return BYTE_PLUS;
    case '.':
        return BYTE_POINT;
    case 'e':
    case 'E':
        return BYTE_E;
    default:
        return BYTE_OTHER;
    }
}

const char *jspan_number_scan(enum jspan_number *number, const char *p, const char *end)
{
    enum jspan_number now = *number;
    while (p < end) {
        enum jspan_number next = edges[now][number_byte(*p)];
        if (next == JSPAN_NUMBER_NONE)
            break;
        now = next;
        p++;
        /* Most of a number is digits, which change nothing in these three. */
        if (now == JSPAN_NUMBER_WHOLE || now == JSPAN_NUMBER_FRACTION ||
            now == JSPAN_NUMBER_EXPONENT)
            while (p < end && *p >= '0' && *p <= '9')
                p++;
    }
    *number = now;
    return p;
}

bool jspan_number_is_whole(enum jspan_number number)
{
    return number == JSPAN_NUMBER_ZERO || number == JSPAN_NUMBER_WHOLE ||
           number == JSPAN_NUMBER_FRACTION || number == JSPAN_NUMBER_EXPONENT;
}
