/* The quota book: who may call, and who may spend.  It decides under one mutex (shared with the
 * keyring): tests every limit and every account that applies to a request, then takes all or none;
 * a refusal takes nothing.
 *
 * Holds live in memory.  Invariant, always: for each account the sum of its holds is at most what
 * was available when each was taken; `held` returns to 0 when nothing is in flight. */
#ifndef STORE_BOOK_H
#define STORE_BOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "config/model.h"
#include "config/price.h"
#include "store/meters.h"

struct book;
struct account; /* body in book.c; money words in nano-USD */
struct key_record;

enum account_kind { ACCOUNT_USER, ACCOUNT_KEY, ACCOUNT_GROUP, ACCOUNT_GROUP_USER };

/* What a limit covers: for ever, or each UTC day or month (from admission time). */
enum quota_period { PERIOD_EVER, PERIOD_DAY, PERIOD_MONTH };
struct quota {
    int64_t nusd; /* < 0 = no limit */
    enum quota_period period;
};
/* "" , "2026-11-24", "2026-11". */
#define PERIOD_TEXT_SIZE 11
void period_format(enum quota_period period, int64_t wall_ms, char text[PERIOD_TEXT_SIZE]);

#define HOLD_ACCOUNTS_MAX 4

/* What is reserved and where; a value, owned by its request.  Its accounts stay pinned in memory
 * until book_unpin. */
struct hold {
    struct account *accounts[HOLD_ACCOUNTS_MAX];
    unsigned n;
    int64_t nusd;
    bool taken;             /* in force: counts as held */
    bool pinned;            /* the accounts may not go away */
    struct metered metered; /* the limits that it runs on, until it is settled */
};

/* What a request asks for. */
struct demand {
    int64_t nusd;      /* the hold; 0 for a free price: then the balance must not be negative */
    const char *model; /* NULL = none */
    int64_t tokens, prompt_tokens; /* see struct metered_call */
};

/* What an admission has found: why there was not enough, and what its limits leave. */
struct admission {
    int64_t needed_nusd, available_nusd;
    struct limit_refusal limit;
    struct allowances
        allowances; /* after the taking, if it was taken; all 0 where memory was out */
};

/* Tests the limits of key, user, group and model, then user balance, key limit, group quota and the
 * group's per-user quota; takes all or none.  Faults: TOKEN_, USER_, GROUP_ and MODEL_RATE_LIMITED,
 * CONCURRENCY_LIMITED (admission->limit filled); INSUFFICIENT_BALANCE, TOKEN_QUOTA_EXHAUSTED,
 * GROUP_QUOTA_EXHAUSTED, GROUP_USER_QUOTA_EXHAUSTED (needed and available filled); GATEWAY_MEMORY.
 * `hold` must be zeroed. */
MUST_USE enum fault book_admit(struct book *book, struct key_record *key,
                               const struct demand *demand, struct hold *hold,
                               struct admission *admission);
/* What an account leaves to a call; of the user's the limit is what has been credited. */
struct account_left {
    enum account_kind kind;
    enum quota_period period;
    int64_t limit_nusd, spent_nusd, held_nusd, available_nusd;
};
/* What book_admit would go by, for an operator who asks. */
struct outlook {
    struct admission found;
    struct limit_left limits[METERS_AT_ONCE];
    unsigned limit_count;
    struct account_left accounts[HOLD_ACCOUNTS_MAX]; /* in the order in which they are tested */
    unsigned account_count;
};
/* What book_admit would say now, and why; nothing is taken. */
MUST_USE enum fault book_foresee(struct book *book, struct key_record *key,
                                 const struct demand *demand, struct outlook *outlook);
/* The limits alone, of whatever the call names: for requests that cost nothing, and for the turn of
 * one at a provider.  The faults of limits, PROVIDERS_COOLING for a provider's.  `metered` must be
 * zeroed; ended by book_end_turn. */
MUST_USE enum fault book_take_turn(struct book *book, const struct metered_call *call,
                                   struct metered *metered, struct admission *admission);
void book_end_turn(struct book *book, struct metered *metered, int64_t tokens);
/* Whether it would pass now, without taking it: NONE, or the fault with *refusal filled in. */
MUST_USE enum fault book_try_turn(struct book *book, const struct metered_call *call,
                                  struct limit_refusal *refusal);
/* What a key has spent and may still spend, as its caller is shown it. */
struct standing {
    int64_t spent_nusd;     /* of the key's limit in its period if it has one, else the user's */
    int64_t available_nusd; /* the least of what its accounts have left, holds not taken off; may be
                               negative */
};
/* Fills in *standing.  Fault: GATEWAY_MEMORY. */
MUST_USE enum fault book_standing(struct book *book, struct key_record *key,
                                  struct standing *standing);
/* Ends a taken hold: returns it and adds the charge to what the accounts have spent, and the tokens
 * to what has been used of the limits.  The accounts stay pinned (their entry is not committed
 * yet). CHECK: taken. */
void book_settle(struct book *book, struct hold *hold, int64_t charge_nusd, int64_t tokens);
/* After the commit, or at once when nothing was charged. */
void book_unpin(struct book *book, struct hold *hold);

/* What is given back of a charge, and to which accounts. */
struct give_back {
    int64_t nusd;
    unsigned n;
    struct give_back_account {
        enum account_kind kind;
        int64_t owner_id;
        char period[PERIOD_TEXT_SIZE];
    } accounts[HOLD_ACCOUNTS_MAX];
};
/* After its commit: takes it off what those of the accounts that are in memory have spent. */
void book_give_back(struct book *book, const struct give_back *give_back);

/* The sum of all holds, for status and tests. */
int64_t book_held(struct book *book);

/* --- for the store thread ------------------------------------------------------------------- */

MUST_USE struct book *book_new(void);
void book_free(struct book **book);
/* The one mutex of book and keyring.  Functions below that say "locked" need it. */
void book_lock(struct book *book);
void book_unlock(struct book *book);
/* Locked.  Finds the account or adds it with these words (an account that is here keeps its own:
 * memory is the authority while it is pinned or cached).  One reference for the caller; NULL when
 * out of memory. */
MUST_USE struct account *book_account(struct book *book, enum account_kind kind, int64_t owner_id,
                                      const char *period, int64_t credited, int64_t spent);
/* Locked.  NULL-safe. */
void book_account_drop(struct book *book, struct account *account);
/* Locked.  The limits in force. */
struct meters *book_meters(struct book *book);
/* Locked.  A credit that has been committed; a no-op when the account is not here. */
void book_credit(struct book *book, int64_t user_id, int64_t credited_nusd);
/* Locked.  The same where the sum of all credits is known. */
void book_set_credited(struct book *book, int64_t user_id, int64_t credited_nusd);
/* Locked.  held and spent of an account; false when it is not here. */
bool book_peek(const struct book *book, enum account_kind kind, int64_t owner_id,
               const char *period, int64_t *held, int64_t *spent);
/* How the ledger names the account; period is "" for the whole time. */
enum account_kind account_kind(const struct account *account);
int64_t account_owner(const struct account *account);
const char *account_period(const struct account *account);

#endif
