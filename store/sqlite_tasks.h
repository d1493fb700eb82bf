/* Rows of video tasks, and of the Idempotency-Keys that made them.
 *
 * Reading functions copy: what they give is the caller's.  Writing ones report at db_commit. */
#ifndef STORE_SQLITE_TASKS_H
#define STORE_SQLITE_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/secret.h"
#include "store/sqlite.h"
#include "store/store_tasks.h"
#include "store/task.h"

/* --- one task --------------------------------------------------------------------------------- */

/* OK: *task is given.  NOTFOUND; DOWN: the connection failed or memory is out. */
enum store_code task_by_id(struct db *db, int64_t id, struct task **task);
enum store_code task_by_public_id(struct db *db, const char *public_id, struct task **task);
void task_insert(struct db *db, const struct task *task);
/* Writes what may change of a task (not whose it is, nor what was asked for) over the row that was
 * read, whose version task->version still is.  CHECK: it is. */
void task_update(struct db *db, const struct task *task);
void task_remove(struct db *db, int64_t id);

/* --- many, into a list that the caller has zeroed: OK or DOWN --------------------------------- */

/* For the plan of the query: what finds the tasks whose turn has come. */
#define TASKS_DUE                                                                                  \
    " FROM tasks WHERE next_poll > 0 AND next_poll <= ?1 AND share % ?2 = ?3 "                     \
    "ORDER BY next_poll LIMIT ?4"
#define TASKS_OF_USER_BEFORE                                                                       \
    " FROM tasks WHERE user_id = ?1 AND id < ?2 AND deleted = 0 AND state <> 'creating' "          \
    "ORDER BY id DESC LIMIT ?3"

enum store_code tasks_due(struct db *db, const struct store_task_due *due, struct task_list *list);
/* By the index of the state: all of a state, from after_id on, are looked at. */
#define TASKS_COMPLETED                                                                            \
    " FROM tasks WHERE state = 'completed' AND id > ?1 AND ended >= ?2 AND deleted = 0 AND "       \
    "share % ?3 = ?4 ORDER BY id LIMIT ?5"
enum store_code tasks_completed(struct db *db, const struct store_task_completed *completed,
                                struct task_list *list);
/* Beyond from_id (above it when `ascending`, else below), without deleted and creating ones. */
enum store_code tasks_of_user(struct db *db, const struct store_task_list *asked, int64_t from_id,
                              struct task_list *list);
/* For operators: newest first, ids below before_id, deleted ones too; user_id 0 = everyone's, state
 * NULL = any. */
struct query *tasks_each(struct db *db, int64_t user_id, const char *state, int64_t before_id,
                         int64_t limit);
/* Texts are borrowed until the next row. */
MUST_USE bool tasks_next(struct query *query, struct task *row);

/* Those of one state that ended before forget->before_ms, the oldest, as many as there is room for
 * in `forget`, which has their public ids added.  Returns how many. */
unsigned tasks_over(struct db *db, enum task_state state, struct store_task_forget *forget,
                    int64_t ids[TASKS_FORGET_MAX]);

/* How many rows are in each state. */
void tasks_count(struct db *db, int64_t counts[TASK_STATE_COUNT]);
/* At start: what was being submitted when the process ended becomes unknown, and open tasks get
 * their turns anew, spread over half a minute.  Returns how many became unknown. */
int64_t tasks_recover(struct db *db, int64_t now_ms);

/* --- Idempotency-Keys ------------------------------------------------------------------------- */

enum idem_answer { IDEM_FREE, IDEM_SAME, IDEM_OTHER };
/* As of create->task.created_ms.  SAME: *task_id is what this key has made of this body; OTHER: it
 * was another body. */
enum idem_answer idem_find(struct db *db, const struct store_task_create *create, int64_t *task_id);
void idem_put(struct db *db, const struct store_task_create *create);
/* Deletes those older than a day, about `most` at a time.  Returns how many. */
int64_t idem_sweep(struct db *db, int64_t now_ms, int64_t most);

#endif
