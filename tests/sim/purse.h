/* The money as it must be, counted apart from the store: what each account has spent and holds. */
#ifndef TESTS_SIM_PURSE_H
#define TESTS_SIM_PURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/book.h"

#define PURSE_ACCOUNTS_MAX 64

struct purse {
    struct purse_account {
        enum account_kind kind;
        int64_t owner;
        char period[PERIOD_TEXT_SIZE];
        int64_t held, spent;
    } accounts[PURSE_ACCOUNTS_MAX];
    unsigned n;
};

/* The accounts that one request names, and what each may hold: -1 = no limit. */
struct purse_claims {
    struct purse *purse;
    struct purse_account *accounts[HOLD_ACCOUNTS_MAX];
    int64_t limits[HOLD_ACCOUNTS_MAX];
    unsigned n;
};

/* Found or added, with nothing in it. */
struct purse_account *purse_account(struct purse *purse, enum account_kind kind, int64_t owner,
                                    const char *period);
void purse_claim(struct purse_claims *claims, enum account_kind kind, int64_t owner,
                 const char *period, int64_t limit);
/* Whether so much may be held; purse_hold holds it. */
bool purse_has(const struct purse_claims *claims, int64_t nusd);
void purse_hold(const struct purse_claims *claims, int64_t nusd);
void purse_settle(const struct purse_claims *claims, int64_t hold_nusd, int64_t charge_nusd);

#endif
