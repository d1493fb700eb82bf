/* WAV files (RIFF, PCM): the head before the samples, and what it says. */
#ifndef SERVER_SANDBOX_WAV_H
#define SERVER_SANDBOX_WAV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

struct wav {
    uint32_t rate;      /* samples a second, of each channel */
    uint32_t byte_rate; /* bytes a second; never 0 */
    unsigned channels, bits;
    struct str samples; /* a view of the file, at most as much of it as is there */
};

/* Adds the head of one channel of 16-bit samples, `bytes` of them. */
MUST_USE bool wav_add_head(struct buf *out, uint32_t rate, size_t bytes);
/* Reads a file of PCM samples; false when it is none.  Keeps views of it. */
MUST_USE bool wav_read(struct str file, struct wav *wav);

#endif
