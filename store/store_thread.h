/* The inside of the store, shared by its files: store.c opens, closes and posts; store_thread.c is
 * the thread, store_commit.c its transactions; store_tasks.c posts and serves what is about video
 * tasks. */
#ifndef STORE_STORE_THREAD_H
#define STORE_STORE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"
#include "store/ident.h"
#include "store/sqlite.h"
#include "store/sqlite_ledger.h"
#include "store/sqlite_tasks.h"
#include "store/store.h"
#include "store/store_queue.h"
#include "store/task_moves.h"

enum store_call_kind {
    CALL_KEY_GET,
    CALL_PINS_GET,
    CALL_SETTLE,
    CALL_NOTE,
    CALL_ADMIN,
    CALL_TASK_CREATE,
    CALL_TASK_PROGRESS,
    CALL_TASK_FINISH,
    CALL_TASK_DELETE,
    CALL_TASK_FORGET,
    CALL_TASK_MADE,
    CALL_TASK_GET,
    CALL_TASK_LIST,
    CALL_TASK_DUE,
    CALL_TASK_COMPLETED,
    CALL_JOB,
    CALL_LATE,
    CALL_STOP
};

/* Bits of store->ills; none = healthy. */
enum {
    ILL_COMMIT = 1, /* the last commit failed */
    ILL_LATE = 2,   /* somebody waited too long for one */
    ILL_LEDGER = 4  /* two different entries wanted one slot: stays until a restart */
};

struct job;

/* A request that is still going on: a copy that owns its texts. */
struct open_note {
    struct store_call call;
    struct ledger_entry entry;
    char texts[];
};

/* Above the line: any thread.  Below: the store thread alone while it runs. */
struct store {
    struct mailbox box;
    struct book *book;
    struct keyring *keyring;
    struct strangers *strangers;
    int64_t newest_id;
    atomic_uint ills;
    atomic_bool late_posted;
    _Atomic int64_t queued;
    _Atomic int64_t last_commit_ms;
    _Atomic int64_t task_counts[TASK_STATE_COUNT];
    struct store_call late, stop;
    pthread_t thread;

    char *path;
    bool process_durability, is_alone;
    int64_t usage_age_ms; /* older rows of requests go; 0 = none */
    struct db *db;        /* NULL while it cannot be opened again */
    struct ident_source ids;
    struct ledger_batch *batch;
    struct store_queue gets, entries, moves, changes, reads;
    int64_t retry_ms; /* clock_ms() before which no commit is tried */
    int64_t checkpoint_ms;
    int64_t sweep_ms;   /* before which nothing that has expired is looked for */
    int64_t rollup_ms;  /* before which nothing is added up */
    bool rollup_due;    /* there may be something to add up */
    int64_t entered_ms; /* wall clock: the last entry */
    int64_t stop_ms;    /* 0 = not stopping */
    struct job *jobs;   /* under way */
    bool rollup_all;    /* somebody waits for all that has ended to be added up */
    int64_t log_gate;
};

/* The thread's body; `argument` is the store.  Ends after a CALL_STOP. */
void *store_thread_run(void *argument);
/* One turn of it, without waiting: what is in the mailbox, at most one transaction, the checkpoint.
 * False after the last one.  (For tests too: with the clock and the disk of a simulation.) */
bool store_turn(struct store *store);

/* A store without its thread, as store_open makes it; and its end, with whatever is queued. */
MUST_USE bool store_make(const struct store_options *options, struct store **out, struct buf *why,
                         bool *in_use);
void store_free(struct store **store);

/* --- store_tasks.c, for the others ------------------------------------------------------------ */

/* CHECKs what the end of a create request must have; adds the flag that goes with its step. */
void task_check_end(struct ledger_entry *entry);
enum store_code task_serve_read(struct db *db, struct store_call *call);
/* Inside the transaction; then one of the two, before the call is answered. */
enum store_code task_serve_move(struct task_room *room, struct store_call *call);
void task_move_committed(struct book *book, struct store_call *call);
void task_move_abandoned(struct store_call *call);
/* Counts the rows anew; what cannot be read stays as it is. */
void task_counts_read(struct store *store);
void task_tally_add(struct store *store, const struct task_tally *tally);

#endif
