#include "store/claim.h"

#include "base/clock.h"
#include "store/keyring.h"

static void note_periods(struct claims *claims, const struct key_record *key)
{
    if (key->key_limit.period == PERIOD_EVER && key->group_quota.period == PERIOD_EVER &&
        key->group_user_quota.period == PERIOD_EVER)
        return;
    int64_t wall_ms = clock_wall_ms();
    period_format(PERIOD_DAY, wall_ms, claims->periods[PERIOD_DAY]);
    period_format(PERIOD_MONTH, wall_ms, claims->periods[PERIOD_MONTH]);
}

void claims_of(struct key_record *key, struct claims *claims)
{
    CHECK(key->user_account != NULL);
    *claims = (struct claims){
        .list = {
            {&key->user_account, NULL, FAULT_INSUFFICIENT_BALANCE},
            {&key->key_account, &key->key_limit, FAULT_TOKEN_QUOTA_EXHAUSTED},
            {&key->group_account, &key->group_quota, FAULT_GROUP_QUOTA_EXHAUSTED},
            {&key->group_user_account, &key->group_user_quota, FAULT_GROUP_USER_QUOTA_EXHAUSTED}}};
    note_periods(claims, key);
}

/* An account that is not in memory starts at 0: only this process writes, and what it wrote since
 * the old one was loaded is still here. */
static bool roll_over(struct book *book, const struct claims *claims, const struct claim *claim)
{
    struct account *old = *claim->account;
    if (old == NULL || claim->quota == NULL)
        return true;
    const char *period = claims->periods[claim->quota->period];
    if (!period_is_older(old->period, period))
        return true;
    struct account *fresh = book_account(book, account_kind(old), account_owner(old), period, 0, 0);
    if (fresh == NULL)
        return false;
    *claim->account = fresh;
    book_account_drop(book, old);
    return true;
}

enum fault claims_roll_over(struct book *book, const struct claims *claims)
{
    for (unsigned i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        if (!roll_over(book, claims, &claims->list[i]))
            return FAULT_GATEWAY_MEMORY;
    }
    return FAULT_NONE;
}

/* What the claim would let a call hold at most. */
static int64_t available_of(const struct claim *claim)
{
    const struct account *account = *claim->account;
    int64_t limit = account->credited;
    if (claim->quota != NULL)
        limit = claim->quota->nusd >= 0 ? claim->quota->nusd : INT64_MAX;
    return bounded_subtract(bounded_subtract(limit, account->spent), account->held);
}

/* As `held` is never negative, no sum can pass INT64_MAX after a pass, not even where no limit
 * applies. */
static bool passes(const struct claim *claim, int64_t held, int64_t nusd)
{
    const struct account *account = *claim->account;
    if (account == NULL)
        return true;
    if (claim->quota != NULL)
        return available_of(claim) >= nusd;
    if (nusd == 0) /* free, but not for who is in debt */
        return bounded_subtract(account->credited, account->spent) >= 0;
    return available_of(claim) >= nusd && nusd <= INT64_MAX - held;
}

enum fault claims_test(const struct claims *claims, int64_t held, int64_t nusd,
                       struct admission *admission)
{
    for (unsigned i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        const struct claim *claim = &claims->list[i];
        if (passes(claim, held, nusd))
            continue;
        admission->needed_nusd = nusd;
        admission->available_nusd = available_of(claim);
        return claim->fault;
    }
    return FAULT_NONE;
}

void claims_take(const struct claims *claims, struct hold *hold)
{
    for (unsigned i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        struct account *account = *claims->list[i].account;
        if (account == NULL)
            continue;
        account->references++;
        account->held += hold->nusd;
        hold->accounts[hold->n++] = account;
    }
}

/* One that limits nothing is here only to be counted. */
static bool is_limit(const struct claim *claim)
{
    return *claim->account != NULL && (claim->quota == NULL || claim->quota->nusd >= 0);
}

struct standing claims_standing(const struct claims *claims)
{
    struct standing standing = {0, INT64_MAX};
    for (unsigned i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        const struct claim *claim = &claims->list[i];
        const struct account *account = *claim->account;
        if (!is_limit(claim))
            continue;
        int64_t limit = claim->quota != NULL ? claim->quota->nusd : account->credited;
        int64_t left = bounded_subtract(limit, account->spent);
        if (left < standing.available_nusd)
            standing.available_nusd = left;
        if (i <= 1) /* the user's, then the key's own */
            standing.spent_nusd = account->spent;
    }
    return standing;
}

void claims_tell(const struct claims *claims, struct outlook *outlook)
{
    outlook->account_count = 0;
    for (unsigned i = 0; i < HOLD_ACCOUNTS_MAX; i++) {
        const struct claim *claim = &claims->list[i];
        const struct account *account = *claim->account;
        if (!is_limit(claim))
            continue;
        outlook->accounts[outlook->account_count++] = (struct account_left){
            .kind = account_kind(account),
            .period = claim->quota != NULL ? claim->quota->period : PERIOD_EVER,
            .limit_nusd = claim->quota != NULL ? claim->quota->nusd : account->credited,
            .spent_nusd = account->spent,
            .held_nusd = account->held,
            .available_nusd = available_of(claim)};
    }
}
