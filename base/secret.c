#include "base/secret.h"

#include <string.h>

#include <sodium.h>

#define KEY_DIGITS 48

_Static_assert(SECRET_HASH_SIZE == crypto_hash_sha256_BYTES, "SHA-256");
_Static_assert(SECRET_KEY_SIZE == 3 + KEY_DIGITS + 1, "sk- and digits");

bool secret_open(void)
{
    return sodium_init() >= 0;
}

void secret_make_text(char *text, size_t n)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < n; i++)
        text[i] = digits[randombytes_uniform(sizeof digits - 1)];
    text[n] = '\0';
}

void secret_make_key(char key[SECRET_KEY_SIZE])
{
    memcpy(key, "sk-", 3);
    secret_make_text(key + 3, KEY_DIGITS);
}

void secret_random(void *bytes, size_t n)
{
    randombytes_buf(bytes, n);
}

void secret_hash(struct str token, uint8_t hash[SECRET_HASH_SIZE])
{
    crypto_hash_sha256(hash, (const unsigned char *)token.p, token.n);
}

_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct secret_digest) &&
                   _Alignof(crypto_hash_sha256_state) <= _Alignof(struct secret_digest),
               "a digest has room for the library's");

static crypto_hash_sha256_state *state_of(struct secret_digest *digest)
{
    return (crypto_hash_sha256_state *)(void *)digest->state;
}

void secret_digest_begin(struct secret_digest *digest)
{
    crypto_hash_sha256_init(state_of(digest));
}

void secret_digest_add(struct secret_digest *digest, struct str piece)
{
    crypto_hash_sha256_update(state_of(digest), (const unsigned char *)piece.p, piece.n);
}

void secret_digest_end(struct secret_digest *digest, uint8_t hash[SECRET_HASH_SIZE])
{
    crypto_hash_sha256_final(state_of(digest), hash);
}

_Static_assert(SECRET_HASH_SIZE == crypto_auth_hmacsha256_BYTES &&
                   SECRET_HASH_SIZE == crypto_auth_hmacsha256_KEYBYTES,
               "HMAC-SHA-256");

void secret_sign(const uint8_t key[SECRET_HASH_SIZE], struct str text,
                 uint8_t mac[SECRET_HASH_SIZE])
{
    crypto_auth_hmacsha256(mac, (const unsigned char *)text.p, text.n, key);
}

void secret_hex(const uint8_t hash[SECRET_HASH_SIZE], char text[SECRET_HEX_SIZE])
{
    sodium_bin2hex(text, SECRET_HEX_SIZE, hash, SECRET_HASH_SIZE);
}

bool secret_looks_like_key(struct str text)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    return str_starts(text, STR("sk-")) && memmem(text.p, text.n, ellipsis, 3) == NULL;
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void secret_wipe(void *bytes, size_t n)
{
    sodium_memzero(bytes, n);
}
