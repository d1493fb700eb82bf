/* What the sandbox hears in a recording: its own tones give their text back, in anything else it
 * hears a sentence that says so. */
#ifndef SERVER_SANDBOX_TRANSCRIPT_H
#define SERVER_SANDBOX_TRANSCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

struct transcript {
    struct buf text; /* valid UTF-8 */
    int64_t duration_ms;
    int64_t begin_ms, end_ms; /* of what is said */
};

/* A run of words and when they are said. */
struct transcript_segment {
    struct str text;
    int64_t begin_ms, end_ms;
};

/* Hears a WAV file or bare samples of the voice; of other files the duration is a guess from their
 * size.  False when there is no memory.  Release it in any case. */
MUST_USE bool transcript_hear(struct transcript *transcript, struct str recording);
void transcript_release(struct transcript *transcript);
/* Cuts the next segment of at most `words` words off *rest, which is transcript->text at first.
 * False at its end. */
MUST_USE bool transcript_cut(const struct transcript *transcript, struct str *rest, int64_t words,
                             struct transcript_segment *segment);

#endif
