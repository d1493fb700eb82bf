/* The spelling of a JSON number for base/jspan, over any cuts. */
#ifndef BASE_JSPAN_NUMBER_H
#define BASE_JSPAN_NUMBER_H

#include <stdbool.h>

#include "base/check.h"

/* What the number ends with so far. */
enum jspan_number {
    JSPAN_NUMBER_NONE, /* before the first byte; as the next state: no edge */
    JSPAN_NUMBER_MINUS,
    JSPAN_NUMBER_ZERO,
    JSPAN_NUMBER_WHOLE,
    JSPAN_NUMBER_POINT,
    JSPAN_NUMBER_FRACTION,
    JSPAN_NUMBER_E,
    JSPAN_NUMBER_E_SIGN,
    JSPAN_NUMBER_EXPONENT,
    JSPAN_NUMBER_STATES
};

/* Takes the bytes of [p, end) that go on with the number and returns the first that does not. */
MUST_USE const char *jspan_number_scan(enum jspan_number *number, const char *p, const char *end);
/* Whether it may end here. */
bool jspan_number_is_whole(enum jspan_number number);

#endif
