/* Undoes gzip or deflate, piece by piece, for answers that came encoded though nobody asked.
 *
 * The memory is bounded (about 60 KB), the length of what comes out is not: whoever takes the
 * pieces has the ceiling. */
#ifndef RELAY_DECODER_H
#define RELAY_DECODER_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"

enum decoder_step {
    DECODER_MORE, /* all is taken */
    DECODER_PIECE,
    DECODER_BAD /* broken, or something stands behind the end; also when out of memory */
};

struct decoder;

/* True for a Content-Encoding that it undoes. */
bool decoder_knows(struct str encoding);
/* Gives one (decoder_free), or NULL when out of memory. */
MUST_USE struct decoder *decoder_new(void);
/* NULL-safe; nulls the pointer. */
void decoder_free(struct decoder **decoder);
/* Takes the beginning of *rest.  *piece is valid until the next call. */
MUST_USE enum decoder_step decoder_next(struct decoder *decoder, struct str *rest,
                                        struct str *piece);
/* What came so far is whole (nothing at all is). */
bool decoder_is_whole(const struct decoder *decoder);

#endif
