/* Faults on purpose: what a model name asks the sandbox to do.
 *
 * Behind any name: ":error=429" ":ttft=2s" ":tps=30" ":cut=5" ":hang", of videos ":takes=20s" and
 * ":fail".  Whole names: sandbox-429, sandbox-slow, sandbox-cut, sandbox-hang, sandbox-fail.  What
 * is not understood is part of the name. */
#ifndef SERVER_SANDBOX_SWITCHES_H
#define SERVER_SANDBOX_SWITCHES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct switches {
    int error;        /* HTTP status to answer with; 0 = none */
    int64_t first_us; /* wait before the answer begins */
    int64_t word_us;  /* wait before each streamed word */
    int64_t cut;      /* break the connection behind so many words; < 0 = never */
    bool hang;        /* never answer */
    int64_t takes_us; /* until a video is made */
    bool fail;        /* it comes to nothing */
};

struct switches switches_of(struct str model);

#endif
