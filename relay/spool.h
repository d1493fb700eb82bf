/* The unnamed file that holds a big body.  Writing and reading it is the page cache's work, at most
 * 64 KiB at a time; only its end is long: thousands of pages are freed, and those that are on their
 * way to the disk are waited for.  So a file ends in a thread that may wait. */
#ifndef RELAY_SPOOL_H
#define RELAY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/mailbox.h"

struct spool {
    int fd;
    struct mail mail; /* its last way */
};

/* An empty file in this folder; NULL when memory is out or the folder is none. */
MUST_USE struct spool *spool_new(const char *dir);
/* Adds to its end; false when the disk does not take it. */
MUST_USE bool spool_write(struct spool *spool, const char *p, size_t n);
/* Copies n bytes from `at` on; false when they are not there. */
MUST_USE bool spool_read(const struct spool *spool, uint64_t at, char *into, size_t n);
/* Gives it to the thread that reads `sweeper`, to be closed there; NULL closes it here.  NULL-safe;
 * nulls the pointer. */
void spool_free(struct spool **spool, struct mailbox *sweeper);

#endif
