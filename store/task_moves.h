/* The moves of video tasks, inside the store thread's transaction: each looks at the row, and by
 * the table of edges (store/task) changes it, the ledger and the accounts together, or nothing. */
#ifndef STORE_TASK_MOVES_H
#define STORE_TASK_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "store/sqlite.h"
#include "store/store_tasks.h"

/* What the transaction changes in the numbers of tasks by state; added up after its commit. */
struct task_tally {
    int64_t n[TASK_STATE_COUNT];
};

struct task_room {
    struct db *db;
    struct task_tally tally;
};

/* OK, CONFLICT, DOWN: as store_tasks.h says of each; DOWN also when memory is out. */
/* Reads only. */
enum store_code task_made(struct db *db, struct store_task_create *create);
enum store_code task_create(struct task_room *room, struct store_task_create *create);
enum store_code task_progress(struct task_room *room, struct store_task_progress *progress);
/* finish->given_back is what the book must be told after the commit (n > 0). */
enum store_code task_finish(struct task_room *room, struct store_task_finish *finish);
enum store_code task_delete(struct task_room *room, const struct store_task_delete *one);
enum store_code task_forget(struct task_room *room, struct store_task_forget *forget);

/* The end of a create request: first whether its step may be made (before its charge is written),
 * then the step itself.  Neither is for TASK_STEP_NONE. */
enum task_end_answer {
    TASK_END_NEW,
    TASK_END_REPEATED, /* it has been made already */
    TASK_END_CONFLICT, /* the task has come to something else */
    TASK_END_FAILED    /* the transaction must be rolled back */
};
struct ledger_entry;
/* NEW of a step that has a row to change: *task is given. */
MUST_USE enum task_end_answer task_find_end(struct task_room *room,
                                            const struct ledger_entry *entry, struct task **task);
void task_make_end(struct task_room *room, const struct ledger_entry *entry, struct task *task);

#endif
