/* The key that links to videos are signed with: a file of its own beside the database, made when it
 * is first needed.  Who removes it makes every link that is out worthless. */
#ifndef SERVER_LINK_KEY_H
#define SERVER_LINK_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/secret.h"

#define LINK_KEY_FILE "link.key"

/* Reads it from `dir`, or makes it.  False with the reason in *why. */
MUST_USE bool link_key_load(const char *dir, uint8_t key[SECRET_HASH_SIZE], struct buf *why);

#endif
