#include "tests/sim/purse.h"

#include <stdio.h>
#include <string.h>

struct purse_account *purse_account(struct purse *purse, enum account_kind kind, int64_t owner,
                                    const char *period)
{
    for (unsigned i = 0; i < purse->n; i++) {
        struct purse_account *account = &purse->accounts[i];
        if (account->kind == kind && account->owner == owner &&
            strcmp(account->period, period) == 0)
            return account;
    }
    CHECK(purse->n < PURSE_ACCOUNTS_MAX);
    struct purse_account *account = &purse->accounts[purse->n++];
    *account = (struct purse_account){.kind = kind, .owner = owner};
    snprintf(account->period, sizeof account->period, "%s", period);
    return account;
}

void purse_claim(struct purse_claims *claims, enum account_kind kind, int64_t owner,
                 const char *period, int64_t limit)
{
    CHECK(claims->n < HOLD_ACCOUNTS_MAX);
    claims->accounts[claims->n] = purse_account(claims->purse, kind, owner, period);
    claims->limits[claims->n++] = limit;
}

bool purse_has(const struct purse_claims *claims, int64_t nusd)
{
    for (unsigned i = 0; i < claims->n; i++) {
        const struct purse_account *account = claims->accounts[i];
        if (claims->limits[i] >= 0 && claims->limits[i] - account->spent - account->held < nusd)
            return false;
    }
    return true;
}

void purse_hold(const struct purse_claims *claims, int64_t nusd)
{
    for (unsigned i = 0; i < claims->n; i++)
        claims->accounts[i]->held += nusd;
}

void purse_settle(const struct purse_claims *claims, int64_t hold_nusd, int64_t charge_nusd)
{
    for (unsigned i = 0; i < claims->n; i++) {
        claims->accounts[i]->held -= hold_nusd;
        claims->accounts[i]->spent += charge_nusd;
    }
}
