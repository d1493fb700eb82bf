/* How long a sound file lasts, read from its frames as they pass: WAV, MP3 and Ogg, O(1) memory.
 * Any other format is only measured in bytes. */
#ifndef RELAY_SOUND_H
#define RELAY_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define SOUND_HEAD_MAX 282 /* the longest header of a frame: an Ogg page's */

enum sound_place {
    SOUND_BEGIN,
    SOUND_WAV_CHUNK,
    SOUND_WAV_FORMAT,
    SOUND_MP3_FRAME,
    SOUND_OGG_PAGE,
    SOUND_OGG_TABLE,
    SOUND_OGG_FIRST, /* the packet that says what the stream is */
    SOUND_REST       /* nothing more is looked at */
};

enum sound_format { SOUND_UNKNOWN, SOUND_WAV, SOUND_MP3, SOUND_OGG };

/* All zero is a valid start. */
struct sound {
    uint64_t bytes; /* of the file so far */
    enum sound_format format;
    enum sound_place place;
    uint64_t skip; /* before the next header */
    size_t n;      /* of the header at hand */
    unsigned char head[SOUND_HEAD_MAX];
    uint64_t behind; /* what the chunk or page at hand holds behind its header */
    uint64_t began;  /* where the sound begins; 0 = has not */
    uint64_t rate;   /* a second in units: bytes of a WAV, else samples; 0 = unknown */
    uint64_t units;  /* of the frames that were seen */
    uint64_t framed; /* bytes of an MP3's frames that were seen */
    uint64_t early;  /* units at the beginning of an Ogg stream that are not played */
};

/* The next piece of the file. */
void sound_feed(struct sound *sound, struct str piece);
/* Milliseconds; 0 when the file does not tell, or tells what cannot be. */
int64_t sound_ms(const struct sound *sound);

#endif
