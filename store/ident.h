/* Caller-made ids: sortable positive 63-bit integers.
 *
 * Layout, high to low: ms since 2020-01-01 (42 bits) | node (4) | worker (6) | counter (10) |
 * slot (1).  A ledger row's primary key is its request's id: slot 0 the charge, slot 1 the one
 * give-back. */
#ifndef STORE_IDENT_H
#define STORE_IDENT_H

#include <stdint.h>

#define IDENT_WORKER_MAX 63
#define IDENT_STORE_WORKER 63 /* the store thread's own */
#define IDENT_TEXT_SIZE 18    /* "req_" + 13 base32 characters + NUL */

struct ident_source {
    int64_t last_tick; /* ms and counter of the newest id, never goes back */
    unsigned worker;
};

/* Ids begin above max(wall clock, newest_id); newest_id is 0 or the newest in the database.
 * CHECK: worker <= IDENT_WORKER_MAX. */
void ident_init(struct ident_source *source, unsigned worker, int64_t newest_id);
/* The next id, slot 0.  More than 1,024 in one ms borrow from the next ms. */
int64_t ident_next(struct ident_source *source, int64_t wall_ms);
int64_t ident_give_back(int64_t id); /* the same id with slot 1 */
int64_t ident_wall_ms(int64_t id);
/* No id that was made at this time, or later, is lower. */
int64_t ident_first(int64_t wall_ms);
/* "req_" and 13 lower-case Crockford base32 digits. */
void ident_format(int64_t id, char text[IDENT_TEXT_SIZE]);

#endif
