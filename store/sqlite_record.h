/* A token's record, as the keyring keeps it, read from the database. */
#ifndef STORE_SQLITE_RECORD_H
#define STORE_SQLITE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/keyring.h"
#include "store/sqlite.h"

/* Reads key, user, group, their lists and account words, and enters the accounts of the period of
 * now_ms in the book.  *record is given (one reference) and is NULL when there is no such key;
 * a revoked one is there, and disabled.
 * False when the database cannot be read or memory is out. */
MUST_USE bool key_record_load(struct db *db, struct keyring *keyring, struct book *book,
                              const uint8_t hash[SECRET_HASH_SIZE], int64_t now_ms,
                              struct key_record **record);

#endif
