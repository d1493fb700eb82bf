#include "relay/content_link.h"

#include <inttypes.h>

#include "relay/query.h"

#define SIGNED_BYTES_MAX 4096
#define EXPIRES_SIZE 20

/* What it opens stands in the signed text, so that a signature is good for nothing else. */
static bool sign(const struct content_link *link, const char *public_id, const char *expires,
                 char signature[SECRET_HEX_SIZE])
{
    struct buf text;
    uint8_t mac[SECRET_HASH_SIZE];
    buf_init(&text, SIGNED_BYTES_MAX);
    bool ok = buf_addf(&text, "video content\n%s\n%s\n", public_id, expires);
    if (ok) {
        secret_sign(link->key, buf_str(&text), mac);
        secret_hex(mac, signature);
    }
    buf_release(&text);
    return ok;
}

bool content_link_add(const struct content_link *link, const char *public_id, int64_t until_ms,
                      struct buf *text)
{
    char signature[SECRET_HEX_SIZE];
    struct buf expires;
    buf_init(&expires, EXPIRES_SIZE);
    bool ok = buf_addf(&expires, "%" PRId64, until_ms / 1000) && buf_add_char(&expires, '\0') &&
              sign(link, public_id, expires.p, signature) &&
              buf_addf(text, "/v1/videos/%s/content?expires=%s&signature=%s", public_id, expires.p,
                       signature);
    buf_release(&expires);
    return ok;
}

enum content_link_word content_link_read(const struct content_link *link, const char *public_id,
                                         struct str query, int64_t now_ms)
{
    char expires[EXPIRES_SIZE], given[SECRET_HEX_SIZE], signature[SECRET_HEX_SIZE];
    uint64_t until_s = 0;
    enum query_result is_signed = query_find(query, STR("signature"), given, sizeof given);
    if (is_signed == QUERY_NONE)
        return CONTENT_LINK_NONE;
    bool opens = is_signed == QUERY_FOUND && str_of(given).n == SECRET_HEX_SIZE - 1 &&
                 query_find(query, STR("expires"), expires, sizeof expires) == QUERY_FOUND &&
                 str_u64(str_of(expires), INT64_MAX / 1000, &until_s) &&
                 sign(link, public_id, expires, signature) &&
                 secret_equal(given, signature, sizeof given) && now_ms < (int64_t)until_s * 1000;
    return opens ? CONTENT_LINK_OPENS : CONTENT_LINK_REFUSED;
}
