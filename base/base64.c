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
