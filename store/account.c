#include "store/account.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"

/* Whose accounts; compared byte for byte, hence without padding. */
struct owner_name {
    int64_t id;
    int64_t kind; /* enum account_kind */
};

/* All accounts of one owner that are in memory: one, or one for each period in use. */
struct owner {
    struct owner_name name;
    struct account *accounts;
    UT_hash_handle hh;
};

void period_format(enum quota_period period, int64_t wall_ms, char text[PERIOD_TEXT_SIZE])
{
    char now[CLOCK_TEXT_SIZE];
    size_t n = 0;
    switch (period) {
    case PERIOD_EVER:
        break;
    case PERIOD_DAY:
        n = strlen("2026-11-24");
        break;
    case PERIOD_MONTH:
        n = strlen("2026-11");
        break;
    }
    if (n > 0) {
        clock_format_utc(wall_ms, now);
        memcpy(text, now, n);
    }
    text[n] = '\0';
}

int64_t bounded_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

int64_t bounded_subtract(int64_t a, int64_t b)
{
    int64_t rest;
    if (__builtin_sub_overflow(a, b, &rest))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return rest;
}

static struct owner *owner_find(const struct accounts *accounts, struct owner_name name)
{
    struct owner *owner = NULL;
    HASH_FIND(hh, accounts->owners, &name, sizeof name, owner);
    return owner;
}

static struct account *owner_account(const struct owner *owner, const char *period)
{
    struct account *account = owner != NULL ? owner->accounts : NULL;
    while (account != NULL && strcmp(account->period, period) != 0)
        account = account->next;
    return account;
}

/* Days compare with days and months with months: of equal length, the text decides. */
bool period_is_older(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && strcmp(a, b) < 0;
}

static bool account_is_needed(const struct account *account)
{
    if (account->references > 0)
        return true;
    for (const struct account *other = account->owner->accounts; other; other = other->next) {
        if (period_is_older(other->period, account->period))
            return true;
    }
    return false;
}

/* Frees the owner's accounts that nobody needs, and with the last the owner. */
static void owner_reap(struct accounts *accounts, struct owner *owner)
{
    struct account **link = &owner->accounts;
    while (*link != NULL) {
        struct account *account = *link;
        if (account_is_needed(account)) {
            link = &account->next;
            continue;
        }
        CHECK(account->held == 0);
        *link = account->next;
        free(account);
        link = &owner->accounts; /* what it kept here may go now */
    }
    if (owner->accounts == NULL) {
        HASH_DEL(accounts->owners, owner);
        free(owner);
    }
}

static struct owner *owner_find_or_add(struct accounts *accounts, struct owner_name name)
{
    struct owner *owner = owner_find(accounts, name);
    if (owner != NULL)
        return owner;
    owner = calloc(1, sizeof *owner);
    if (owner == NULL)
        return NULL;
    owner->name = name;
    HASH_ADD(hh, accounts->owners, name, sizeof owner->name, owner);
    if (owner->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(owner);
        return NULL;
    }
    return owner;
}

struct account *accounts_find(const struct accounts *accounts, enum account_kind kind,
                              int64_t owner_id, const char *period)
{
    return owner_account(owner_find(accounts, (struct owner_name){owner_id, kind}), period);
}

struct account *accounts_add(struct accounts *accounts, enum account_kind kind, int64_t owner_id,
                             const char *period)
{
    CHECK(strlen(period) < PERIOD_TEXT_SIZE);
    struct owner *owner = owner_find_or_add(accounts, (struct owner_name){owner_id, kind});
    if (owner == NULL)
        return NULL;
    struct account *account = calloc(1, sizeof *account);
    if (account == NULL) {
        owner_reap(accounts, owner); /* it may be new and empty */
        return NULL;
    }
    account->owner = owner;
    account->next = owner->accounts;
    owner->accounts = account;
    memcpy(account->period, period, strlen(period) + 1);
    return account;
}

void accounts_reap(struct accounts *accounts, struct account *account)
{
    CHECK(account->references == 0);
    owner_reap(accounts, account->owner);
}

void accounts_free(struct accounts *accounts)
{
    struct owner *owner, *after;
    HASH_ITER(hh, accounts->owners, owner, after)
    {
        HASH_DEL(accounts->owners, owner);
        while (owner->accounts != NULL) {
            struct account *account = owner->accounts;
            owner->accounts = account->next;
            free(account);
        }
        free(owner);
    }
}

enum account_kind account_kind(const struct account *account)
{
    CHECK(account != NULL);
    return (enum account_kind)account->owner->name.kind;
}

int64_t account_owner(const struct account *account)
{
    CHECK(account != NULL);
    return account->owner->name.id;
}

const char *account_period(const struct account *account)
{
    CHECK(account != NULL);
    return account->period;
}
