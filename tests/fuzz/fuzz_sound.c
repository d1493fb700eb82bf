/* Any cuts of a file give the same: bytes, and how long it lasts, which can be.  The first four
 * bytes choose the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "relay/sound.h"

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* In pieces of 1 to `piece_max` bytes (0: whole), each a block of its own. */
static int64_t lasts(struct str file, size_t piece_max, uint32_t seed)
{
    struct sound sound = {0};
    size_t all = file.n;
    while (file.n > 0) {
        seed = seed * 1664525 + 1013904223;
        struct str piece =
            str_slice(file, 0, piece_max == 0 ? file.n : 1 + (seed >> 8) % piece_max);
        char *block = malloc(piece.n);
        check(block != NULL);
        memcpy(block, piece.p, piece.n);
        sound_feed(&sound, (struct str){block, piece.n});
        free(block);
        file = str_from(file, piece.n);
    }
    check(sound.bytes == all);
    int64_t ms = sound_ms(&sound);
    check(ms >= 0 && ms <= (int64_t)all * 8);
    return ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seed = 0;
    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct str file = {(const char *)data + sizeof seed, size - sizeof seed};
    int64_t ms = lasts(file, 0, seed);
    check(lasts(file, 1, seed) == ms);
    check(lasts(file, 7, seed) == ms);
    check(lasts(file, 1 + (seed >> 8) % 300, seed) == ms);
    return 0;
}
