/* The request of the bench: its load makes it, its upstream knows it again. */
#ifndef TESTS_BENCH_REQUEST_H
#define TESTS_BENCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define REQUEST_BODY_N 1024 /* before and behind the gateway */
#define REQUEST_MAX 4096

/* Returns the length; a NUL stands behind it. */
MUST_USE size_t request_write(char text[REQUEST_MAX], uint16_t port, const char *key, bool stream);
/* The length of the whole request in front of the text, and its body; 0 = it is not all there yet;
 * SIZE_MAX = not one that the bench sends. */
MUST_USE size_t request_length(struct str text, struct str *body);

#endif
