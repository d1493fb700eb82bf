/* Range of a request for bytes: which of them are asked for.  Source: RFC 9110, section 14. */
#ifndef RELAY_BYTE_RANGE_H
#define RELAY_BYTE_RANGE_H

#include <stdint.h>

#include "base/str.h"

enum byte_range_kind {
    BYTE_RANGE_WHOLE, /* no range, or one that is none: 200 */
    BYTE_RANGE_PART,  /* 206 */
    BYTE_RANGE_NONE   /* nothing of it is there, or several are asked for: 416 */
};

struct byte_range {
    enum byte_range_kind kind;
    uint64_t from, to; /* [from, to): of all where it is WHOLE, empty where it is NONE */
};

/* `header` is the value of Range, empty where there was none; `size` that of all bytes. */
struct byte_range byte_range_of(struct str header, uint64_t size);

#endif
