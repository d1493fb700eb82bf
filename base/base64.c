#include "base/base64.h"

#include <stdlib.h>

#include <sodium.h>

bool base64_add(struct buf *out, const void *bytes, size_t n)
{
    size_t size = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(size);
    bool ok = text != NULL;
    if (ok) {
        sodium_bin2base64(text, size, bytes, n, sodium_base64_VARIANT_ORIGINAL);
        ok = buf_add(out, text, size - 1);
    }
    free(text);
    return ok;
}

bool base64_read(struct buf *out, struct str text)
{
    size_t room = text.n / 4 * 3 + 3, n = 0;
    const char *end = NULL;
    if (!buf_reserve(out, room) ||
        sodium_base642bin((unsigned char *)out->p + out->n, room, text.p, text.n, " \t\r\n", &n,
                          &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        end != text.p + text.n)
        return false;
    out->n += n;
    return true;
}
