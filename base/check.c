#include "base/check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *function, const char *condition)
{
    /* The heap may be what is broken: a line on the stack and one write. */
    char text[512];
    int n = snprintf(text, sizeof text, "%s:%d: %s: check failed: %s\n", file, line, function,
                     condition);
    if (n > 0) {
        size_t length = (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
        ssize_t written = write(STDERR_FILENO, text, length);
        (void)written; /* there is nobody left to tell */
    }
    abort();
}

bool size_add(size_t a, size_t b, size_t *sum)
{
    if (a > SIZE_MAX - b)
        return false;
    *sum = a + b;
    return true;
}

bool size_mul(size_t a, size_t b, size_t *product)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}
