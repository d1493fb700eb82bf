/* What takes longer than the store thread's callers can wait: done a piece at a time between the
 * commits, or in a thread of its own. */
#ifndef STORE_STORE_JOB_H
#define STORE_STORE_JOB_H

#include <pthread.h>
#include <stdbool.h>

#include "base/check.h"
#include "store/admin_run.h"
#include "store/sqlite_backup.h"
#include "store/store_thread.h"

struct job;

struct job_kind {
    const char *operation; /* of the admin table */
    /* A new job for the checked arguments, or NULL with the refusal in run. */
    struct job *(*begin)(struct store *store, struct admin_run *run);
    /* The next piece, some milliseconds; called after its thread's end once more.  It may answer
     * the job, and do nothing to others: a read that fails is noted behind it. */
    void (*step)(struct store *store, struct job *job);
    /* Frees what it has; the connection may be about to close, the job be half done. */
    void (*end)(struct job *job);
    /* In a thread of its own, see job_start_thread; and, from the store thread, what makes that
     * one come to its end soon, again and again until it has.  NULL = it has no such thread, or
     * one that ends by itself. */
    void (*run)(struct job *job);
    void (*interrupt)(struct job *job);
};

/* Embedded first in what a kind has of its own, which is allocated in one piece. */
struct job {
    const struct job_kind *kind;
    struct job *next;
    struct store *store;
    struct store_admin *call; /* who waits */
    bool holds_db;            /* it must be ended before the connection is closed */
    bool is_idle;             /* nothing to do before something else has happened */
    pthread_t thread;
    bool has_thread;
    struct store_call back; /* from its thread */
};

/* --- for kinds -------------------------------------------------------------------------------- */

/* Answers the call (the result is taken, and may be NULL) and frees the job.  `why` of the call has
 * been written when the code is not OK. */
void job_answer(struct job *job, enum store_code code, json_t *result);
/* The next piece of a copy; true when it is copied.  What fails answers the job. */
MUST_USE bool job_copies(struct job *job, struct backup *backup);
/* Calls kind->run in a thread of its own; step goes on when that has returned.  False when there
 * is no thread to be had. */
MUST_USE bool job_start_thread(struct job *job);
/* Whether another one of this kind is under way. */
MUST_USE bool job_is_under_way(const struct store *store, const struct job_kind *kind);

extern const struct job_kind backup_kind, check_kind, summary_kind;

/* store_check.c: at start, what a killed process has left beside its database. */
void check_remove_copies(const char *database);

/* --- for the thread --------------------------------------------------------------------------- */

/* Takes the call if its operation is a job's: it is answered at once when it is refused. */
MUST_USE bool jobs_take(struct store *store, struct store_admin *call);
/* A piece of one of them. */
void jobs_step(struct store *store);
/* There is one that need not wait. */
MUST_USE bool jobs_are_ready(const struct store *store);
/* CALL_JOB: a thread has come to its end. */
void job_is_back(struct store_call *call);
/* Those that hold the connection are answered DOWN. */
void jobs_let_go(struct store *store);
/* All of them: the store ends. */
void jobs_end(struct store *store);

#endif
