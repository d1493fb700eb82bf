/* A kept copy as it is played: opened, read and closed in the keeper's reading thread. */
#ifndef RELAY_KEPT_FILM_H
#define RELAY_KEPT_FILM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mailbox.h"
#include "relay/keeper.h"

#define KEPT_PIECE ((size_t)64 << 10)

struct kept_film {
    struct mail mail;
    struct keeper *keeper;
    struct kept kept;
    struct mailbox *reply;
    void (*back)(struct kept_film *film);
    void *context;
    bool away;   /* opening or reading: it is not to be touched */
    bool failed; /* given: it is not there, or cannot be read */
    uint64_t at; /* of the piece */
    size_t n;    /* of its bytes, at most KEPT_PIECE */
    int fd;      /* the thread's */
    char piece[KEPT_PIECE];
};

/* Opens it: `back` is called in the thread that reads `reply`, as after each piece.  NULL when out
 * of memory. */
MUST_USE struct kept_film *kept_film_open(struct keeper *keeper, const struct kept *kept,
                                          struct mailbox *reply,
                                          void (*back)(struct kept_film *film), void *context);
/* Reads n bytes from `at` on, which are in it. */
void kept_film_read(struct kept_film *film, uint64_t at, size_t n);
/* CHECK: not away.  NULL-safe; nulls the pointer. */
void kept_film_free(struct kept_film **film);

#endif
