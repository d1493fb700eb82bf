/* The vectors of an embeddings answer, from lists of numbers to Base64 of float32 in little-endian,
 * as the answer passes: data[].embedding, all other bytes stay as they are.  A vector that is no
 * list (Base64 already) stays, too.
 *
 * What is fed must have passed as JSON: this reads only where the vectors are. */
#ifndef RELAY_VECTOR_TEXT_H
#define RELAY_VECTOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "relay/stream.h"

struct vector_text; /* see vector_text.c; about 4 KiB */

/* NULL when out of memory. */
MUST_USE struct vector_text *vector_text_new(void);
/* NULL-safe; nulls the pointer. */
void vector_text_free(struct vector_text **text);
/* Pushes what stands for the next n bytes: at most three times as many, and 4 KiB of what came
 * before.  False when a list that begins with a number holds anything but finite ones, when the
 * stream has no room or memory is out; then it is only good for vector_text_free. */
MUST_USE bool vector_text_push(struct vector_text *text, struct stream *stream, const char *p,
                               size_t n);

#endif
