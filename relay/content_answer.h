/* The answer that has a result's bytes: its head, whoever has them, and its ends. */
#ifndef RELAY_CONTENT_ANSWER_H
#define RELAY_CONTENT_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/str.h"
#include "relay/byte_range.h"

struct request;

/* Only the head is asked for. */
bool content_is_head(const struct request *request);
/* A type that may be delivered: film, sound, picture, or bytes that say nothing. */
bool content_is_media(struct str type);
/* Type, file name, and how it may be kept.  False when out of memory. */
MUST_USE bool content_add_name(struct request *request, struct str type);

/* By which a client that has a part of the bytes asks for the rest of the same. */
struct content_version {
    char etag[48];     /* "..." with the quotes */
    char modified[40]; /* as Last-Modified has it */
};
/* Of `size` bytes that are at hand: what of them is asked for, and the head that says so.  Without
 * a version nothing can be the same as what the client has.  False when out of memory. */
MUST_USE bool content_add_range(struct request *request, struct str type, uint64_t size,
                                const struct content_version *version, struct byte_range *range);
int content_status_of(const struct byte_range *range);

void content_refuse(struct request *request, enum fault fault);
/* All of the answer is in the stream, and ends there. */
void content_answer_whole(struct request *request, int status, int64_t bytes);
/* The stream has ended. */
void content_finish(struct request *request, const char *end);
/* The rest of an answer that flows will not come. */
void content_break_off(struct request *request, enum fault fault, const char *end);

#endif
