#include "server/sandbox/wav.h"

#define HEAD_BYTES 44
#define FORMAT_BYTES 16
#define FORMAT_PCM 1

/* --- writing ------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, uint32_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *at++ = (uint8_t)(number >> (8 * i));
    return at;
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
    for (unsigned i = 0; i < 4; i++)
        *at++ = (uint8_t)name[i];
    return at;
}

bool wav_add_head(struct buf *out, uint32_t rate, size_t bytes)
{
    CHECK(bytes <= UINT32_MAX - HEAD_BYTES);
    uint8_t head[HEAD_BYTES], *at = head;
    at = put_name(at, "RIFF");
    at = put(at, (uint32_t)bytes + HEAD_BYTES - 8, 4);
    at = put_name(at, "WAVE");
    at = put_name(at, "fmt ");
    at = put(at, FORMAT_BYTES, 4);
    at = put(at, FORMAT_PCM, 2);
    at = put(at, 1, 2); /* channels */
    at = put(at, rate, 4);
    at = put(at, rate * 2, 4); /* bytes a second */
    at = put(at, 2, 2);        /* bytes a sample */
    at = put(at, 16, 2);       /* bits a sample */
    at = put_name(at, "data");
    at = put(at, (uint32_t)bytes, 4);
    CHECK(at == head + HEAD_BYTES);
    return buf_add(out, head, sizeof head);
}

/* --- reading ------------------------------------------------------------------------------- */

static uint32_t number_at(struct str bytes, size_t at, unsigned n)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < n; i++)
        number |= (uint32_t)(uint8_t)bytes.p[at + i] << (8 * i);
    return number;
}

static bool read_format(struct str chunk, struct wav *wav)
{
    if (chunk.n < FORMAT_BYTES || number_at(chunk, 0, 2) != FORMAT_PCM)
        return false;
    wav->channels = number_at(chunk, 2, 2);
    wav->rate = number_at(chunk, 4, 4);
    wav->byte_rate = number_at(chunk, 8, 4);
    wav->bits = number_at(chunk, 14, 2);
    return wav->byte_rate > 0;
}

bool wav_read(struct str file, struct wav *wav)
{
    *wav = (struct wav){0};
    if (file.n < 12 || !str_starts(file, STR("RIFF")) ||
        !str_eq(str_slice(file, 8, 12), STR("WAVE")))
        return false;
    struct str rest = str_from(file, 12);
    while (rest.n >= 8) {
        struct str name = str_slice(rest, 0, 4);
        /* A file that was streamed claims to be longer than it is. */
        size_t size = number_at(rest, 4, 4);
        struct str chunk = str_slice(rest, 8, 8 + size);
        if (str_eq(name, STR("data"))) {
            wav->samples = chunk;
            return wav->byte_rate > 0;
        }
        if (str_eq(name, STR("fmt ")) && !read_format(chunk, wav))
            return false;
        /* Chunks begin at even places. */
        rest = str_from(rest, 8 + size + size % 2);
    }
    return false;
}
