#include "relay/decoder.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST /* it reads its input, and says so */
#include <zlib.h>

#define PIECE_BYTES 16384
/* zlib finds out by itself whether its own or gzip's head comes. */
#define BITS_OF_EITHER (MAX_WBITS + 32)

struct decoder {
    z_stream z;
    bool begun, ended;
    unsigned char piece[PIECE_BYTES];
};

bool decoder_knows(struct str encoding)
{
    return str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("x-gzip")) ||
           str_eq_nocase(encoding, STR("deflate"));
}

struct decoder *decoder_new(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder != NULL && inflateInit2(&decoder->z, BITS_OF_EITHER) != Z_OK) {
        free(decoder);
        decoder = NULL;
    }
    return decoder;
}

void decoder_free(struct decoder **decoder)
{
    if (*decoder == NULL)
        return;
    inflateEnd(&(*decoder)->z);
    free(*decoder);
    *decoder = NULL;
}

/* "deflate" should have zlib's head, and often has none: its first byte would tell of method 8 and
 * a window of at most 32 KB. */
static bool begin(struct decoder *decoder, unsigned char first)
{
    bool has_head = first == 0x1f || (first & 0x8f) == 0x08;
    decoder->begun = true;
    return has_head || inflateReset2(&decoder->z, -MAX_WBITS) == Z_OK;
}

enum decoder_step decoder_next(struct decoder *decoder, struct str *rest, struct str *piece)
{
    z_stream *z = &decoder->z;
    if (decoder->ended)
        return rest->n == 0 ? DECODER_MORE : DECODER_BAD;
    if (!decoder->begun && rest->n == 0)
        return DECODER_MORE;
    if (!decoder->begun && !begin(decoder, (unsigned char)rest->p[0]))
        return DECODER_BAD;
    CHECK(rest->n <= UINT_MAX);
    z->next_in = (const Bytef *)rest->p;
    z->avail_in = (uInt)rest->n;
    z->next_out = decoder->piece;
    z->avail_out = PIECE_BYTES;
    int result = inflate(z, Z_NO_FLUSH);
    *rest = str_from(*rest, rest->n - z->avail_in);
    *piece = (struct str){(const char *)decoder->piece, PIECE_BYTES - z->avail_out};
    decoder->ended = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return DECODER_BAD;
    return piece->n > 0 ? DECODER_PIECE : rest->n == 0 ? DECODER_MORE : DECODER_BAD;
}

bool decoder_is_whole(const struct decoder *decoder)
{
    return !decoder->begun || decoder->ended;
}
