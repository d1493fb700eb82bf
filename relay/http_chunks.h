/* The chunked coding of an answer's body, read as it comes: which bytes are data.
 *
 * Strict where it matters: a size is 1 to 16 hexadecimal digits, nothing but blanks or an extension
 * may follow it, and data ends where its size says.  A line may end with LF alone. */
#ifndef RELAY_HTTP_CHUNKS_H
#define RELAY_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define HTTP_CHUNK_EXTENSION_MAX 4096

enum http_chunks_step {
    HTTP_CHUNKS_MORE, /* all is taken */
    HTTP_CHUNKS_DATA,
    HTTP_CHUNKS_LAST, /* the last chunk's line is taken; trailer lines follow */
    HTTP_CHUNKS_INVALID
};

/* Allocates nothing; all zero is the start. */
struct http_chunks {
    unsigned place; /* see http_chunks.c */
    unsigned digits;
    size_t extension_bytes;
    uint64_t left; /* data of this chunk that is to come */
};

/* Takes the beginning of *rest; of DATA, *piece is a view of what was taken. */
MUST_USE enum http_chunks_step http_chunks_next(struct http_chunks *chunks, struct str *rest,
                                                struct str *piece);

#endif
