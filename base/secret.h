/* Keys: made, hashed, compared and wiped (over libsodium, whose header stays here and in
 * store/keyring.c). */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

#define SECRET_HASH_SIZE 32
#define SECRET_KEY_SIZE 52 /* "sk-" + 48 base62 + NUL */
#define SECRET_HEX_SIZE 65

/* Once, before threads.  False when the machine has no randomness. */
MUST_USE bool secret_open(void);
/* A new client key: "sk-" and 48 uniform base62 characters (about 285 bits). */
void secret_make_key(char key[SECRET_KEY_SIZE]);
/* n uniform base62 characters and a NUL behind them. */
void secret_make_text(char *text, size_t n);
void secret_random(void *bytes, size_t n);
/* SHA-256. */
void secret_hash(struct str token, uint8_t hash[SECRET_HASH_SIZE]);
/* The same of bytes that come in pieces. */
struct secret_digest {
    _Alignas(16) unsigned char state[128];
};
void secret_digest_begin(struct secret_digest *digest);
void secret_digest_add(struct secret_digest *digest, struct str piece);
void secret_digest_end(struct secret_digest *digest, uint8_t hash[SECRET_HASH_SIZE]);
/* HMAC-SHA-256 under a key of as many bytes. */
void secret_sign(const uint8_t key[SECRET_HASH_SIZE], struct str text,
                 uint8_t mac[SECRET_HASH_SIZE]);
void secret_hex(const uint8_t hash[SECRET_HASH_SIZE], char text[SECRET_HEX_SIZE]);
/* The text begins as keys do and is no hint, whose middle is "…": it must not be shown. */
bool secret_looks_like_key(struct str text);
/* Compares in constant time. */
bool secret_equal(const void *a, const void *b, size_t n);
void secret_wipe(void *bytes, size_t n);

#endif
