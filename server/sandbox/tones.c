#include "server/sandbox/tones.h"

#include <assert.h>
#include <math.h>

#include <zlib.h>

#define TONES 16
#define TONE_SAMPLES 240 /* 10 ms */
#define TONE_BYTES ((size_t)TONE_SAMPLES * TONES_SAMPLE_BYTES)
#define CYCLES_LOWEST 8 /* of the lowest tone; the next has one more */
#define LOUDNESS 9000.0
#define MARK STR("SBOX")
#define MARK_BYTES 4
#define NUMBER_BYTES 4

static_assert(TONE_SAMPLES * 2 * 1000 == TONES_RATE * TONES_MS_PER_BYTE, "a byte is two tones");

/* One cycle of a sine in as many steps as a tone has samples: the tone of k cycles takes every k-th
 * of them. */
struct wave {
    double at[TONE_SAMPLES];
};

static void wave_init(struct wave *wave)
{
    for (unsigned i = 0; i < TONE_SAMPLES; i++)
        wave->at[i] = sin(2 * M_PI * i / TONE_SAMPLES);
}

/* --- speaking ------------------------------------------------------------------------------ */

static bool add_tone(struct buf *samples, const struct wave *wave, unsigned tone)
{
    uint8_t bytes[TONE_BYTES];
    for (unsigned i = 0; i < TONE_SAMPLES; i++) {
        double height = wave->at[i * (CYCLES_LOWEST + tone) % TONE_SAMPLES] * LOUDNESS;
        uint16_t sample = (uint16_t)lrint(height);
        bytes[2 * i] = (uint8_t)sample;
        bytes[2 * i + 1] = (uint8_t)(sample >> 8);
    }
    return buf_add(samples, bytes, sizeof bytes);
}

static bool add_bytes(struct buf *samples, const struct wave *wave, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        uint8_t byte = (uint8_t)bytes.p[i];
        if (!add_tone(samples, wave, byte >> 4) || !add_tone(samples, wave, byte & 15))
            return false;
    }
    return true;
}

static bool add_number(struct buf *samples, const struct wave *wave, uint32_t number)
{
    char bytes[NUMBER_BYTES];
    for (unsigned i = 0; i < NUMBER_BYTES; i++)
        bytes[i] = (char)(number >> (24 - 8 * i));
    return add_bytes(samples, wave, (struct str){bytes, sizeof bytes});
}

static uint32_t sum_of(struct str text)
{
    return (uint32_t)crc32(0, (const Bytef *)text.p, (uInt)text.n);
}

bool tones_add(struct buf *samples, struct str text)
{
    CHECK(text.n <= TONES_TEXT_MAX);
    struct wave wave;
    wave_init(&wave);
    return add_bytes(samples, &wave, MARK) && add_number(samples, &wave, (uint32_t)text.n) &&
           add_bytes(samples, &wave, text) && add_number(samples, &wave, sum_of(text));
}

/* --- hearing ------------------------------------------------------------------------------- */

static double sample_at(const char *p, unsigned i)
{
    return (int16_t)(uint16_t)((uint8_t)p[2 * i] | (uint8_t)p[2 * i + 1] << 8);
}

/* How much of a tone is in its samples, whatever its phase. */
static double strength(const struct wave *wave, const char *samples, unsigned tone)
{
    double in_phase = 0, across = 0;
    for (unsigned i = 0; i < TONE_SAMPLES; i++) {
        unsigned step = i * (CYCLES_LOWEST + tone) % TONE_SAMPLES;
        in_phase += sample_at(samples, i) * wave->at[step];
        across += sample_at(samples, i) * wave->at[(step + TONE_SAMPLES / 4) % TONE_SAMPLES];
    }
    return in_phase * in_phase + across * across;
}

static unsigned loudest_tone(const struct wave *wave, const char *samples)
{
    unsigned best = 0;
    double most = -1;
    for (unsigned tone = 0; tone < TONES; tone++) {
        double one = strength(wave, samples, tone);
        if (one > most) {
            most = one;
            best = tone;
        }
    }
    return best;
}

/* Cuts n bytes off the samples and adds them; false when they are too few. */
static bool hear_bytes(struct str *samples, const struct wave *wave, size_t n, struct buf *out)
{
    if (samples->n / (2 * TONE_BYTES) < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned high = loudest_tone(wave, samples->p);
        unsigned low = loudest_tone(wave, samples->p + TONE_BYTES);
        *samples = str_from(*samples, 2 * TONE_BYTES);
        if (!buf_add_char(out, (char)(high << 4 | low)))
            return false;
    }
    return true;
}

static bool hear_number(struct str *samples, const struct wave *wave, uint32_t *number)
{
    struct buf bytes;
    buf_init(&bytes, NUMBER_BYTES);
    bool heard = hear_bytes(samples, wave, NUMBER_BYTES, &bytes);
    *number = 0;
    for (size_t i = 0; i < bytes.n; i++)
        *number = *number << 8 | (uint8_t)bytes.p[i];
    buf_release(&bytes);
    return heard;
}

static bool hear_mark(struct str *samples, const struct wave *wave)
{
    struct buf bytes;
    buf_init(&bytes, MARK_BYTES);
    bool heard = hear_bytes(samples, wave, MARK_BYTES, &bytes) && str_eq(buf_str(&bytes), MARK);
    buf_release(&bytes);
    return heard;
}

bool tones_read(struct str samples, struct buf *text)
{
    struct wave wave;
    struct buf heard;
    uint32_t length, sum;
    wave_init(&wave);
    buf_init(&heard, TONES_TEXT_MAX);
    bool read = hear_mark(&samples, &wave) && hear_number(&samples, &wave, &length) &&
                hear_bytes(&samples, &wave, length, &heard) && hear_number(&samples, &wave, &sum) &&
                sum == sum_of(buf_str(&heard)) && buf_add_str(text, buf_str(&heard));
    buf_release(&heard);
    return read;
}
