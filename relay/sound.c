#include "relay/sound.h"

#include <string.h>

#define BEGIN_BYTES 12 /* tell the format */
#define CHUNK_BYTES 8
#define FORMAT_BYTES 16
#define FRAME_BYTES 4
#define PAGE_BYTES 27
#define FIRST_BYTES 19 /* of an Ogg stream's first packet: OpusHead has no more */

/* What can be, in bytes a second: the thinnest speech, and the richest of compressed sound. */
#define THIN 125
#define RICH 64000

__extension__ typedef unsigned __int128 wide; /* ISO C has no 128-bit type */

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

static bool begins(const struct sound *sound, struct str text)
{
    return sound->n >= text.n && memcmp(sound->head, text.p, text.n) == 0;
}

/* The next header stands `skip` bytes behind this one. */
static void next(struct sound *sound, enum sound_place place, uint64_t skip)
{
    sound->place = place;
    sound->skip = skip;
    sound->n = 0;
}

/* --- WAV -----------------------------------------------------------------------------------------
 */

static void wav_chunk(struct sound *sound)
{
    uint64_t size = little(sound->head + 4, 4);
    if (begins(sound, STR("data"))) {
        /* Who writes to a pipe does not know the length: what comes is what counts. */
        sound->began = sound->bytes;
        next(sound, SOUND_REST, 0);
    } else if (begins(sound, STR("fmt ")) && size >= FORMAT_BYTES) {
        next(sound, SOUND_WAV_FORMAT, 0);
        sound->behind = size + (size & 1) - FORMAT_BYTES;
    } else {
        next(sound, SOUND_WAV_CHUNK, size + (size & 1));
    }
}

/* Sound that is not compressed: anything else has no fixed rate, and what contradicts itself is
 * read by one as this and by another as that. */
static void wav_format(struct sound *sound)
{
    const unsigned char *p = sound->head;
    uint64_t kind = little(p, 2), channels = little(p + 2, 2), samples = little(p + 4, 4);
    uint64_t bytes = little(p + 8, 4), bits = little(p + 14, 2);
    bool plain = kind == 1 || kind == 3 || kind == 6 || kind == 7 || kind == 0xfffe;
    if (!plain || bytes == 0 || bytes != samples * channels * bits / 8) {
        next(sound, SOUND_REST, 0);
        return;
    }
    sound->rate = bytes;
    next(sound, SOUND_WAV_CHUNK, sound->behind);
}

/* --- MP3 -----------------------------------------------------------------------------------------
 */

/* kbit/s of layer III: MPEG-1, then MPEG-2 and 2.5. */
static const unsigned short kbits[2][16] = {
    {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
    {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
};

/* Four bytes that begin each frame; any other ends the count, and the rest is reckoned at the rate
 * of what was measured (a tag stands there, or a part that is damaged). */
static void mp3_frame(struct sound *sound)
{
    static const unsigned rates[3] = {44100, 48000, 32000};
    const unsigned char *p = sound->head;
    unsigned version = p[1] >> 3 & 3; /* 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5 */
    unsigned bitrate = kbits[version != 3][p[2] >> 4], rate = p[2] >> 2 & 3;
    bool is_frame =
        p[0] == 0xff && (p[1] & 0xe6) == 0xe2 && version != 1 && bitrate > 0 && rate < 3;
    if (!is_frame) {
        next(sound, SOUND_REST, 0);
        return;
    }
    uint64_t hertz = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    uint64_t samples = version == 3 ? 1152 : 576;
    uint64_t bytes = samples / 8 * bitrate * 1000 / hertz + (p[2] >> 1 & 1);
    if (sound->format == SOUND_UNKNOWN) {
        sound->format = SOUND_MP3;
        sound->rate = hertz;
        sound->began = sound->bytes - sound->n;
    }
    sound->units += samples * sound->rate / hertz;
    sound->framed += bytes;
    next(sound, SOUND_MP3_FRAME, bytes - sound->n); /* the shortest frame has 24 bytes */
}

/* ID3v2: a length of four times seven bits, behind a head of ten bytes. */
static void id3_tag(struct sound *sound)
{
    const unsigned char *p = sound->head;
    uint64_t size = (uint64_t)(p[6] & 0x7f) << 21 | (uint64_t)(p[7] & 0x7f) << 14 |
                    (uint64_t)(p[8] & 0x7f) << 7 | (p[9] & 0x7f);
    uint64_t tag = 10 + size + ((p[5] & 0x10) != 0 ? 10 : 0);
    if (tag >= BEGIN_BYTES)
        next(sound, SOUND_MP3_FRAME, tag - BEGIN_BYTES);
    else
        next(sound, SOUND_REST, 0);
}

/* --- Ogg -----------------------------------------------------------------------------------------
 */

static void ogg_page(struct sound *sound)
{
    if (!begins(sound, STR("OggS"))) {
        next(sound, SOUND_REST, 0);
        return;
    }
    uint64_t at =
        little(sound->head + 6, 8); /* where the page ends; all ones: nothing ends in it */
    if (at < INT64_MAX && at > sound->units)
        sound->units = at;
    sound->place = SOUND_OGG_TABLE; /* the table of lengths goes on in the same header */
}

static void ogg_table(struct sound *sound)
{
    uint64_t payload = 0;
    for (size_t i = PAGE_BYTES; i < sound->n; i++)
        payload += sound->head[i];
    if (sound->rate > 0) {
        next(sound, SOUND_OGG_PAGE, payload);
    } else if (payload >= FIRST_BYTES) {
        next(sound, SOUND_OGG_FIRST, 0);
        sound->behind = payload - FIRST_BYTES;
    } else {
        next(sound, SOUND_REST, 0);
    }
}

static void ogg_first(struct sound *sound)
{
    const unsigned char *p = sound->head;
    if (begins(sound, STR("OpusHead"))) {
        sound->rate = 48000;
        sound->early = little(p + 10, 2);
    } else if (begins(sound, STR("\001vorbis"))) {
        sound->rate = little(p + 12, 4);
    }
    if (sound->rate > 0)
        next(sound, SOUND_OGG_PAGE, sound->behind);
    else
        next(sound, SOUND_REST, 0);
}

/* --- the headers, one after another --------------------------------------------------------------
 */

static void begin(struct sound *sound)
{
    if (begins(sound, STR("RIFF")) && memcmp(sound->head + 8, "WAVE", 4) == 0) {
        sound->format = SOUND_WAV;
        next(sound, SOUND_WAV_CHUNK, 0);
    } else if (begins(sound, STR("OggS"))) {
        sound->format = SOUND_OGG;
        sound->place = SOUND_OGG_PAGE; /* this was its beginning */
    } else if (begins(sound, STR("ID3"))) {
        id3_tag(sound);
    } else {
        sound->place = SOUND_MP3_FRAME;
    }
}

/* How long the header at hand is, as far as it has told. */
static size_t wanted(const struct sound *sound)
{
    switch (sound->place) {
    case SOUND_BEGIN:
        return BEGIN_BYTES;
    case SOUND_WAV_CHUNK:
        return CHUNK_BYTES;
    case SOUND_WAV_FORMAT:
        return FORMAT_BYTES;
    case SOUND_MP3_FRAME:
        return FRAME_BYTES;
    case SOUND_OGG_PAGE:
        return PAGE_BYTES;
    case SOUND_OGG_TABLE:
        return PAGE_BYTES + (size_t)sound->head[PAGE_BYTES - 1];
    case SOUND_OGG_FIRST:
        return FIRST_BYTES;
    case SOUND_REST:
        break;
    }
    return 0;
}

static void header(struct sound *sound)
{
    switch (sound->place) {
    case SOUND_BEGIN:
        begin(sound);
        break;
    case SOUND_WAV_CHUNK:
        wav_chunk(sound);
        break;
    case SOUND_WAV_FORMAT:
        wav_format(sound);
        break;
    case SOUND_MP3_FRAME:
        mp3_frame(sound);
        break;
    case SOUND_OGG_PAGE:
        ogg_page(sound);
        break;
    case SOUND_OGG_TABLE:
        ogg_table(sound);
        break;
    case SOUND_OGG_FIRST:
        ogg_first(sound);
        break;
    case SOUND_REST:
        break;
    }
}

/* Takes what is skipped, or goes into the header at hand; returns how many bytes. */
static size_t take(struct sound *sound, struct str piece)
{
    size_t n = piece.n;
    if (sound->skip > 0) {
        n = sound->skip < n ? (size_t)sound->skip : n;
        sound->skip -= n;
    } else if (sound->place != SOUND_REST) {
        size_t room = wanted(sound) - sound->n;
        n = room < n ? room : n;
        memcpy(sound->head + sound->n, piece.p, n);
        sound->n += n;
    }
    sound->bytes += n;
    return n;
}

void sound_feed(struct sound *sound, struct str piece)
{
    CHECK(sound != NULL);
    while (piece.n > 0) {
        piece = str_from(piece, take(sound, piece));
        /* One may turn out to be the beginning of another. */
        while (sound->n > 0 && sound->n >= wanted(sound))
            header(sound);
    }
}

static wide milliseconds(const struct sound *sound)
{
    uint64_t bytes = sound->bytes - sound->began;
    switch (sound->format) {
    case SOUND_WAV:
        return sound->began > 0 ? (wide)bytes * 1000 / sound->rate : 0;
    case SOUND_MP3:
        return (wide)sound->units * 1000 * bytes / sound->framed / sound->rate;
    case SOUND_OGG:
        return sound->units > sound->early
                   ? (wide)(sound->units - sound->early) * 1000 / sound->rate
                   : 0;
    case SOUND_UNKNOWN:
        break;
    }
    return 0;
}

int64_t sound_ms(const struct sound *sound)
{
    CHECK(sound != NULL);
    wide ms = sound->rate > 0 ? milliseconds(sound) : 0;
    bool can_be = ms > 0 && ms * THIN <= (wide)sound->bytes * 1000 &&
                  (sound->format == SOUND_WAV || ms * RICH >= (wide)sound->bytes * 1000);
    return can_be ? (int64_t)ms : 0;
}
