/* The accounts of the quota book that are in memory: a private part of store/book, under its mutex.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/book.h"

struct owner;

/* One row of the accounts table.  Owner and period never change; the rest is under the mutex.
 * It goes when nobody refers to it, unless an account of an older period of the same owner is still
 * here: a record that points there will roll over to this one, and would begin at 0 again. */
struct account {
    struct owner *owner;
    struct account *next;
    char period[PERIOD_TEXT_SIZE];
    unsigned references; /* cached records, holds, the store's */
    int64_t credited, spent;
    int64_t held; /* the sum of the holds in force, >= 0 */
};

/* Zero is none. */
struct accounts {
    struct owner *owners;
};

/* NULL when it is not here. */
struct account *accounts_find(const struct accounts *accounts, enum account_kind kind,
                              int64_t owner_id, const char *period);
/* One that is not here, without references; NULL when out of memory. */
MUST_USE struct account *accounts_add(struct accounts *accounts, enum account_kind kind,
                                      int64_t owner_id, const char *period);
/* The account's last reference is gone: frees what nobody needs of its owner. */
void accounts_reap(struct accounts *accounts, struct account *account);
/* All of them, with references too. */
void accounts_free(struct accounts *accounts);

/* Days compare with days and months with months. */
bool period_is_older(const char *a, const char *b);
/* Money that does not fit stays at the bound: a wrapped sum would hand out credit. */
int64_t bounded_add(int64_t a, int64_t b);
int64_t bounded_subtract(int64_t a, int64_t b);

#endif
