/* What an admission tests of money: the accounts of a key's record, each with its limit.  A private
 * part of store/book, under its mutex. */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "store/account.h"
#include "store/book.h"

struct claim {
    struct account **account;  /* NULL in it: no such limit */
    const struct quota *quota; /* NULL: the user's credit is the limit */
    enum fault fault;          /* of one that does not pass */
};

struct claims {
    struct claim list[HOLD_ACCOUNTS_MAX];             /* in the order in which they are tested */
    char periods[PERIOD_MONTH + 1][PERIOD_TEXT_SIZE]; /* that contain this instant */
};

/* Those of a key, before the mutex is taken: turning a time into a date is slow beside the rest. */
void claims_of(struct key_record *key, struct claims *claims);
/* Points the record at the accounts of the current periods.  Fault: GATEWAY_MEMORY. */
MUST_USE enum fault claims_roll_over(struct book *book, const struct claims *claims);
/* Whether so much may be held, `held` being the sum of all holds; the fault of the first that says
 * no, with what is needed and what is available in *admission. */
MUST_USE enum fault claims_test(const struct claims *claims, int64_t held, int64_t nusd,
                                struct admission *admission);
/* All have been tested. */
void claims_take(const struct claims *claims, struct hold *hold);
/* What they have spent and have left, for its caller and for an operator. */
struct standing claims_standing(const struct claims *claims);
void claims_tell(const struct claims *claims, struct outlook *outlook);

#endif
