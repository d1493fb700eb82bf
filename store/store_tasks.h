/* What the store does with video tasks: the messages.
 *
 * The life of a task, and which call makes each step true:
 *
 *   book_admit                the hold, in memory
 *   store_task_create         row `creating` and Idempotency-Key, before the provider is asked
 *   store_settle with a step in entry.task, the end of the request that makes the task:
 *     TASK_STEP_SUBMITTED     row `queued`, charge and request row in one transaction;
 *                             the user is answered when it is back
 *     TASK_STEP_REFUSED       row and Idempotency-Key gone, request row without a charge
 *     TASK_STEP_AMBIGUOUS     row `unknown`, request row with maybe_billed, without a charge
 *   store_task_due            the tasks whose turn it is
 *   store_task_progress       what the provider says, and when to ask it again
 *   store_task_finish         the verdict and its give-back, in one transaction
 *   store_task_get, store_task_list, store_task_delete: for the user
 *
 * Rules for callers.
 * - The task's id is the request's id, and entry.id of the settlement is the same.
 * - The hold is the request's: book_settle, then store_settle, as for every request.
 * - A request that has called store_task_create ends in exactly one store_settle with a step,
 *   whatever create has answered.  REFUSED is right for all that ends before the provider was
 *   asked: after an existing task, CONFLICT, DOWN or BUSY it removes what may yet be there of this
 *   id, mostly nothing.
 * - After a kill at any instant a task in `creating` is `unknown` at the next start: flags
 *   maybe_billed and crash, not charged, its user reads "failed" with "upstream_error".  Its
 *   Idempotency-Key still leads to it, so that it is not submitted again.  All others are as they
 *   were committed, and due again within half a minute.
 * - Moves only go forward, whoever sends them and however often; `state` of the call tells where
 *   the task is.  Two observers of one verdict make one give-back.
 * - A failure to ask (no connection, a timeout, an error status, a word that is not known) is no
 *   verdict: it is store_task_progress with `heard` TASK_queued and progress 0, which moves the
 *   schedule and nothing else.
 * - A user is told what task_view says, never `state`.
 *
 * Each call is embedded in its caller's memory and kept until `done`; texts in it are borrowed as
 * long.  A call of this file is answered DOWN while the database cannot be written or read, and
 * BUSY when call.deadline_ms has passed before its turn; sending it again is harmless.  What a
 * settlement does then, store.h says: it waits for the database. */
#ifndef STORE_STORE_TASKS_H
#define STORE_STORE_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/secret.h"
#include "store/store.h"
#include "store/task.h"

/* --- making one ------------------------------------------------------------------------------- */

#define IDEM_KEY_MAX 255

struct store_task_create {
    struct store_call call;
    /* Filled in by the caller: id, public_id (task_make_public_id), whose it is, provider (the
     * first that will be asked), model, upstream_model, rates, what was asked for, hold_nusd,
     * ratios, created_ms.  CHECK: task_fits. */
    struct task task;
    const char *idem_key;                /* NULL = none; 1..IDEM_KEY_MAX bytes */
    uint8_t body_hash[SECRET_HASH_SIZE]; /* with idem_key: of all that was asked for */
    struct task *existing;               /* when OK: see below; free it with task_free */
};
/* OK, existing == NULL: the row is committed; the upstream may be asked.
 * OK, existing != NULL: within 24 h the same user sent the same body with the same key: nothing was
 *   created, this is what that made, as it is now.  Its state may be `creating` (the first request
 *   is still waiting for the provider) or `unknown` (it must not be sent again), and its user may
 *   have deleted it.
 * CONFLICT: the key was used within 24 h for another body (or the id is another task's).
 * DOWN, BUSY. */
void store_task_create(struct store *store, struct store_task_create *create);
/* Its first half: what this key has made, of task.user_id, idem_key and body_hash, as of
 * task.created_ms.  OK: existing is given.  NOTFOUND; CONFLICT: it was another body.  DOWN, BUSY.
 */
void store_task_made(struct store *store, struct store_task_create *create);

/* --- what the provider says ------------------------------------------------------------------- */

struct store_task_progress {
    struct store_call call;
    int64_t id;
    enum task_state heard; /* TASK_queued or TASK_in_progress */
    int progress;          /* 0..99; 0 = not said.  What is lower than before is ignored */
    const char *urls;      /* of the result, one a line; NULL = as they are */
    int64_t now_ms;        /* wall clock: when it was asked */
    int64_t next_poll_ms;  /* wall clock, > 0: when to ask again */
    enum task_state state; /* given when OK: where the task is now */
};
/* OK, NOTFOUND, DOWN, BUSY.  An open task goes forward, never back.  Where `state` is a verdict the
 * task has not moved: of a completed one the urls were replaced (a signed link was made anew), of
 * an expired one the schedule (for a late success), nothing else. */
void store_task_progress(struct store *store, struct store_task_progress *progress);

struct store_task_finish {
    struct store_call call;
    int64_t id;
    enum task_state verdict; /* TASK_completed, TASK_failed, TASK_expired */
    /* completed: what is to go back because less was made than was asked for: the charge less the
     * cost of what was made, at the price and ratios of the record; 0 = nothing (more was made, or
     * nobody says).  The other verdicts give back all of the charge, whatever stands here. */
    int64_t give_back_nusd;
    const char *urls;                       /* completed; NULL = as they are */
    int64_t expires_ms;                     /* completed: of the result; 0 = not known */
    const char *error_code, *error_message; /* failed: for the user, or NULL (task_view) */
    int64_t now_ms;                         /* wall clock */
    int64_t next_poll_ms;        /* expired: when to look for a late success; 0 = never */
    bool moved;                  /* given when OK: it was this call that decided */
    enum task_state state;       /* given when OK: where the task is now */
    struct give_back given_back; /* private: for the book, after the commit */
};
/* OK, NOTFOUND, DOWN, BUSY.  CONFLICT: the ledger has another give-back for this task, or a charge
 * that is less; nothing was changed, the store stays degraded.
 * A task that has its verdict keeps it (moved = false), but for two: completed after expired is
 * delivered (flag late_success) and not charged again, failed after unknown is the operator's.
 * The give-back is in the ledger and in the quota book before the call is back. */
void store_task_finish(struct store *store, struct store_task_finish *finish);

/* --- for its user ----------------------------------------------------------------------------- */

#define TASK_OF_ANYBODY 0

struct store_task_get {
    struct store_call call;
    int64_t user_id;       /* TASK_OF_ANYBODY: whoever asks may see it */
    const char *public_id; /* as it came, of any length */
    struct task *task;     /* given when OK: free it with task_free */
};
/* OK, NOTFOUND (no such task, another user's, a deleted one), DOWN, BUSY. */
void store_task_get(struct store *store, struct store_task_get *get);

#define TASK_PAGE_MAX 100

/* Records that the store gives: free it with task_list_release.  Zeroed = empty. */
struct task_list {
    struct task **tasks;
    unsigned n;
};
void task_list_release(struct task_list *list);

struct store_task_list {
    struct store_call call;
    int64_t user_id;
    const char *after;     /* the public id of the last one seen; NULL = from the beginning */
    unsigned limit;        /* 1..TASK_PAGE_MAX */
    bool ascending;        /* oldest first; else newest first */
    struct task_list page; /* given when OK; empty at first */
    bool has_more;
};
/* OK, NOTFOUND (`after` is no task of this user), DOWN, BUSY.  Without deleted ones, and those that
 * are still being submitted. */
void store_task_list(struct store *store, struct store_task_list *list);

struct store_task_delete {
    struct store_call call;
    int64_t user_id;
    const char *public_id;
};
/* OK: nobody can see it any more; the row stays for the books.  CONFLICT: it has no verdict yet.
 * NOTFOUND, also when it is deleted already; DOWN, BUSY. */
void store_task_delete(struct store *store, struct store_task_delete *one);

/* --- for the workers -------------------------------------------------------------------------- */

#define TASKS_DUE_MAX 256

struct store_task_due {
    struct store_call call;
    unsigned worker, workers; /* those whose task_owner is `worker` */
    int64_t now_ms;           /* wall clock */
    unsigned limit;           /* 1..TASKS_DUE_MAX */
    struct task_list due;     /* given when OK; the longest due first */
};
/* OK, DOWN, BUSY.  Changes nothing: a task stays due until store_task_progress has given it another
 * turn or store_task_finish its verdict, so who asks must know what it is already asking for.  A
 * task past its deadline_ms (open, or expired and asked for late) is due like the others. */
void store_task_due(struct store *store, struct store_task_due *due);

struct store_task_completed {
    struct store_call call;
    unsigned worker, workers; /* those whose task_owner is `worker` */
    int64_t after_id;         /* of the last one seen */
    int64_t since_ms;         /* wall clock: what was completed before is left out */
    unsigned limit;           /* 1..TASKS_DUE_MAX */
    struct task_list page;    /* given when OK: by id, without deleted ones */
};
/* OK, DOWN, BUSY. */
void store_task_completed(struct store *store, struct store_task_completed *completed);

#define TASKS_FORGET_MAX 200

struct store_task_forget {
    struct store_call call;
    int64_t before_ms; /* wall clock: those that ended before it */
    unsigned n;        /* given when OK: so many rows are gone, of: */
    char public_ids[TASKS_FORGET_MAX][TASK_PUBLIC_SIZE];
};
/* OK, DOWN, BUSY.  Deletes rows of tasks that are over, and their Idempotency-Keys; with n ==
 * TASKS_FORGET_MAX there may be more.  The ledger and the log of usage stay as they are. */
void store_task_forget(struct store *store, struct store_task_forget *forget);

/* How many tasks are in each state, deleted ones too.  Any thread. */
void store_task_counts(const struct store *store, int64_t counts[TASK_STATE_COUNT]);

#endif
