/* Addresses from which keys come that are not good: each may try so many a minute, so that nobody
 * tries on.  Only who sends such a key is refused; good keys pass from everywhere. */
#ifndef STORE_STRANGERS_H
#define STORE_STRANGERS_H

#include <stdint.h>

#include "base/check.h"
#include "store/book.h"

#define STRANGERS_TRIES 30   /* a minute */
#define STRANGERS_MAX 10000U /* addresses; beyond, the first that came go */

struct strangers;

/* Keeps the book, whose mutex guards it, until freed; NULL when out of memory. */
MUST_USE struct strangers *strangers_new(struct book *book);
/* NULL-safe; nulls the pointer. */
void strangers_free(struct strangers **strangers);
/* Counts one try, of an IPv4 address as ::ffff:a.b.c.d, of an IPv6 one together with its network of
 * 64 bits.  0: it is one of those that are free; else it is too many, and how long until the next.
 */
int64_t strangers_note_us(struct strangers *strangers, const uint8_t address[16]);
/* How many addresses are remembered. */
unsigned strangers_count(const struct strangers *strangers);

#endif
