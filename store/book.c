#include "store/book.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/account.h"
#include "store/claim.h"
#include "store/keyring.h"

struct book {
    pthread_mutex_t mutex;
    struct accounts accounts;
    int64_t held; /* the sum over user accounts: every hold has exactly one */
    struct meters *meters;
};

/* --- accounts ------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-function-size): an account's three-part name, and its two amounts. */
struct account *book_account(struct book *book, enum account_kind kind, int64_t owner_id,
                             const char *period, int64_t credited, int64_t spent)
{
    CHECK(book != NULL);
    struct account *account = accounts_find(&book->accounts, kind, owner_id, period);
    if (account == NULL) {
        account = accounts_add(&book->accounts, kind, owner_id, period);
        if (account == NULL)
            return NULL;
        account->credited = credited;
        account->spent = spent;
    }
    account->references++;
    return account;
}

void book_account_drop(struct book *book, struct account *account)
{
    CHECK(book != NULL);
    if (account == NULL)
        return;
    CHECK(account->references > 0);
    account->references--;
    if (account->references == 0)
        accounts_reap(&book->accounts, account);
}

void book_credit(struct book *book, int64_t user_id, int64_t credited_nusd)
{
    CHECK(book != NULL);
    struct account *account = accounts_find(&book->accounts, ACCOUNT_USER, user_id, "");
    if (account != NULL)
        account->credited = bounded_add(account->credited, credited_nusd);
}

void book_set_credited(struct book *book, int64_t user_id, int64_t credited_nusd)
{
    CHECK(book != NULL);
    struct account *account = accounts_find(&book->accounts, ACCOUNT_USER, user_id, "");
    if (account != NULL)
        account->credited = credited_nusd;
}

void book_give_back(struct book *book, const struct give_back *give_back)
{
    CHECK(book != NULL);
    CHECK(give_back->nusd >= 0 && give_back->n <= HOLD_ACCOUNTS_MAX);
    book_lock(book);
    for (unsigned i = 0; i < give_back->n; i++) {
        const struct give_back_account *named = &give_back->accounts[i];
        struct account *account =
            accounts_find(&book->accounts, named->kind, named->owner_id, named->period);
        if (account != NULL)
            account->spent = bounded_subtract(account->spent, give_back->nusd);
    }
    book_unlock(book);
}

/* NOLINTNEXTLINE(readability-function-size): an account's three-part name, and its two amounts. */
bool book_peek(const struct book *book, enum account_kind kind, int64_t owner_id,
               const char *period, int64_t *held, int64_t *spent)
{
    CHECK(book != NULL);
    const struct account *account = accounts_find(&book->accounts, kind, owner_id, period);
    if (account == NULL)
        return false;
    *held = account->held;
    *spent = account->spent;
    return true;
}

/* --- admission ------------------------------------------------------------------------------ */

/* What a limit that refuses is called. */
static enum fault fault_of(const struct limit_refusal *refusal)
{
    static const enum fault faults[LIMIT_SCOPE_COUNT] = {
        [LIMIT_key] = FAULT_TOKEN_RATE_LIMITED,   [LIMIT_user] = FAULT_USER_RATE_LIMITED,
        [LIMIT_group] = FAULT_GROUP_RATE_LIMITED, [LIMIT_group_user] = FAULT_USER_RATE_LIMITED,
        [LIMIT_model] = FAULT_MODEL_RATE_LIMITED, [LIMIT_provider] = FAULT_PROVIDERS_COOLING,
    };
    bool is_gauge = refusal->metric == LIMIT_CONCURRENT && refusal->scope != LIMIT_provider;
    return is_gauge ? FAULT_CONCURRENCY_LIMITED : faults[refusal->scope];
}

/* Locked. */
static enum fault limits_test(struct book *book, const struct metered_call *call,
                              struct metered *metered, struct limit_refusal *refusal)
{
    switch (meters_test(book->meters, call, metered, refusal)) {
    case METERS_PASS:
        return FAULT_NONE;
    case METERS_REFUSE:
        return fault_of(refusal);
    case METERS_MEMORY:
        break;
    }
    return FAULT_GATEWAY_MEMORY;
}

static struct metered_call call_of(const struct key_record *key, const struct demand *demand)
{
    return (struct metered_call){.key_id = key->id,
                                 .user_id = key->user_id,
                                 .group_id = key->group_id,
                                 .model = demand->model,
                                 .tokens = demand->tokens,
                                 .prompt_tokens = demand->prompt_tokens};
}

/* Locked.  All have been tested. */
static void take_all(struct book *book, const struct claims *claims, struct hold *hold)
{
    claims_take(claims, hold);
    meters_take(&hold->metered);
    book->held += hold->nusd;
    hold->taken = true;
    hold->pinned = true;
}

enum fault book_admit(struct book *book, struct key_record *key, const struct demand *demand,
                      struct hold *hold, struct admission *admission)
{
    CHECK(book != NULL);
    CHECK(demand->nusd >= 0);
    CHECK(!hold->taken);
    CHECK(!hold->pinned);
    struct claims claims;
    claims_of(key, &claims);
    const struct metered_call call = call_of(key, demand);
    struct hold wanted = {.nusd = demand->nusd};
    book_lock(book);
    enum fault fault = claims_roll_over(book, &claims);
    if (fault == FAULT_NONE)
        fault = limits_test(book, &call, &wanted.metered, &admission->limit);
    if (fault == FAULT_NONE)
        fault = claims_test(&claims, book->held, demand->nusd, admission);
    if (fault == FAULT_NONE)
        take_all(book, &claims, &wanted);
    meters_tell(&wanted.metered, &admission->allowances);
    book_unlock(book);
    if (fault == FAULT_NONE)
        *hold = wanted;
    return fault;
}

enum fault book_foresee(struct book *book, struct key_record *key, const struct demand *demand,
                        struct outlook *outlook)
{
    CHECK(book != NULL);
    CHECK(demand->nusd >= 0);
    struct claims claims;
    claims_of(key, &claims);
    const struct metered_call call = call_of(key, demand);
    struct metered metered = {.n = 0};
    struct admission *found = &outlook->found;
    book_lock(book);
    enum fault fault = claims_roll_over(book, &claims);
    if (fault == FAULT_NONE)
        fault = limits_test(book, &call, &metered, &found->limit);
    if (fault == FAULT_NONE)
        fault = claims_test(&claims, book->held, demand->nusd, found);
    meters_tell(&metered, &found->allowances);
    outlook->limit_count = meters_list(&metered, outlook->limits);
    claims_tell(&claims, outlook);
    book_unlock(book);
    return fault;
}

enum fault book_take_turn(struct book *book, const struct metered_call *call,
                          struct metered *metered, struct admission *admission)
{
    CHECK(book != NULL);
    CHECK(metered->n == 0);
    book_lock(book);
    enum fault fault = limits_test(book, call, metered, &admission->limit);
    if (fault == FAULT_NONE)
        meters_take(metered);
    meters_tell(metered, &admission->allowances);
    if (fault != FAULT_NONE)
        metered->n = 0;
    book_unlock(book);
    return fault;
}

enum fault book_try_turn(struct book *book, const struct metered_call *call,
                         struct limit_refusal *refusal)
{
    CHECK(book != NULL);
    struct metered metered = {.n = 0};
    book_lock(book);
    enum fault fault = limits_test(book, call, &metered, refusal);
    book_unlock(book);
    return fault;
}

void book_end_turn(struct book *book, struct metered *metered, int64_t tokens)
{
    CHECK(book != NULL);
    if (metered->n == 0)
        return;
    book_lock(book);
    meters_end(book->meters, metered, tokens);
    book_unlock(book);
}

enum fault book_standing(struct book *book, struct key_record *key, struct standing *standing)
{
    CHECK(book != NULL);
    struct claims claims;
    claims_of(key, &claims);
    book_lock(book);
    enum fault fault = claims_roll_over(book, &claims);
    if (fault == FAULT_NONE)
        *standing = claims_standing(&claims);
    book_unlock(book);
    return fault;
}

void book_settle(struct book *book, struct hold *hold, int64_t charge_nusd, int64_t tokens)
{
    CHECK(book != NULL);
    CHECK(hold->taken);
    CHECK(charge_nusd >= 0);
    book_lock(book);
    for (unsigned i = 0; i < hold->n; i++) {
        struct account *account = hold->accounts[i];
        CHECK(account->held >= hold->nusd);
        account->held -= hold->nusd;
        account->spent = bounded_add(account->spent, charge_nusd);
    }
    book->held -= hold->nusd;
    meters_end(book->meters, &hold->metered, tokens);
    book_unlock(book);
    hold->taken = false;
}

void book_unpin(struct book *book, struct hold *hold)
{
    CHECK(book != NULL);
    CHECK(!hold->taken); /* money would stay held for ever */
    if (!hold->pinned)
        return;
    book_lock(book);
    for (unsigned i = 0; i < hold->n; i++)
        book_account_drop(book, hold->accounts[i]);
    book_unlock(book);
    memset(hold->accounts, 0, sizeof hold->accounts);
    hold->n = 0;
    hold->pinned = false;
}

int64_t book_held(struct book *book)
{
    CHECK(book != NULL);
    book_lock(book);
    int64_t held = book->held;
    book_unlock(book);
    return held;
}

/* --- the book itself ------------------------------------------------------------------------ */

struct book *book_new(void)
{
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL)
        return NULL;
    book->meters = meters_new();
    if (book->meters == NULL || pthread_mutex_init(&book->mutex, NULL) != 0) {
        meters_free(&book->meters);
        free(book);
        return NULL;
    }
    return book;
}

void book_free(struct book **book)
{
    CHECK(book != NULL);
    if (*book == NULL)
        return;
    accounts_free(&(*book)->accounts);
    meters_free(&(*book)->meters);
    (void)pthread_mutex_destroy(&(*book)->mutex);
    free(*book);
    *book = NULL;
}

struct meters *book_meters(struct book *book)
{
    CHECK(book != NULL);
    return book->meters;
}

/* A plain mutex fails only by misuse. */
void book_lock(struct book *book)
{
    CHECK(pthread_mutex_lock(&book->mutex) == 0);
}

void book_unlock(struct book *book)
{
    CHECK(pthread_mutex_unlock(&book->mutex) == 0);
}
