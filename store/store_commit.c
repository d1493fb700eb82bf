#include "store/store_commit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/sqlite_accounts.h"
#include "store/sqlite_limits.h"
#include "store/sqlite_pins.h"
#include "store/sqlite_retention.h"
#include "store/store_job.h"
#include "store/store_queue.h"

#define RETRY_MS 250 /* after a failed commit; recovery is promised within 1 s */
#define WHY_MAX 1024
#define SWEEP_MS 60000 /* how often expired rows are looked for */
#define SWEEP_MOST 500 /* of them that one commit deletes */
#define SWEEP_MORE_MS 50
#define ROLLUP_AGE_MS 60000 /* a request that is older has mostly ended */
#define ROLLUP_MS 10000     /* how often those that got so old are looked for */
#define ROLLUP_MORE_MS 20
#define ROLLUP_MOST 500 /* of them in a commit that somebody waits for: some 3 ms */
#define ROLLUP_MOST_IDLE 5000

/* --- health ----------------------------------------------------------------------------------- */

static void note_trouble(struct store *store, const char *what)
{
    atomic_fetch_or(&store->ills, ILL_COMMIT);
    store->retry_ms = clock_ms() + RETRY_MS;
    log_limited(&store->log_gate, LOG_ERROR, "store",
                "the database cannot be written (%s); paid requests are refused until it can",
                what);
}

/* After an I/O error nothing that the connection believes is sure: close, and read again what the
 * disk really holds.  Entries that did get there are recognised by their slots. */
void store_note_db_trouble(struct store *store)
{
    enum db_trouble trouble = db_trouble(store->db);
    note_trouble(store, db_error(store->db));
    if (trouble == DB_IO || trouble == DB_DAMAGED) {
        jobs_let_go(store);
        db_close(&store->db);
    }
}

void store_note_failed_read(struct store *store)
{
    if (db_trouble(store->db) == DB_IO || db_trouble(store->db) == DB_DAMAGED)
        store_note_db_trouble(store);
    else
        db_forgive(store->db);
}

static void note_success(struct store *store, int64_t began_us)
{
    atomic_store(&store->last_commit_ms, (clock_precise_us() - began_us) / 1000);
    store->retry_ms = 0;
    unsigned before = atomic_fetch_and(&store->ills, ~(unsigned)(ILL_COMMIT | ILL_LATE));
    if (before & ILL_COMMIT)
        log_write(LOG_INFO, "store", "the database can be written again");
}

/* No credit is on its way now: those of the commit that failed have been taken back. */
static void credits_load(struct store *store)
{
    int64_t user_id, credited;
    struct query *query = credits_each(store->db);
    while (credits_next(query, &user_id, &credited)) {
        book_lock(store->book);
        book_set_credited(store->book, user_id, credited);
        book_unlock(store->book);
    }
}

bool store_has_db(struct store *store)
{
    if (store->db != NULL)
        return true;
    if (clock_ms() < store->retry_ms)
        return false;
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_MAX);
    store->db = db_open(store->path, store->process_durability, &why, &in_use);
    if (store->db == NULL) {
        struct str text = buf_str(&why);
        char line[WHY_MAX];
        snprintf(line, sizeof line, "%.*s", STR_ARG(text));
        note_trouble(store, line);
    } else {
        /* A commit that failed may be there after all. */
        task_counts_read(store);
        credits_load(store);
        if (!limits_load(store->db, store->book))
            log_write(LOG_ERROR, "store", "the limits could not be read again");
    }
    buf_release(&why);
    return store->db != NULL;
}

/* --- commits ---------------------------------------------------------------------------------- */

static struct ledger_entry *entry_of(struct store_call *call)
{
    if (call->kind == CALL_NOTE)
        return &CONTAINER_OF(call, struct open_note, call)->entry;
    return &CONTAINER_OF(call, struct store_settle, call)->entry;
}

struct admin_room store_admin_room(struct store *store, struct task_room *tasks)
{
    return (struct admin_room){.db = store->db,
                               .book = store->book,
                               .keyring = store->keyring,
                               .ids = &store->ids,
                               .tasks = tasks,
                               .now_ms = clock_wall_ms(),
                               .started_id = store->newest_id};
}

/* What one transaction holds: the first entries of the queue, and all moves and changes. */
struct commit {
    unsigned entries;
    struct task_room tasks;
    struct store_queue moves;
    struct admin_room room;
    struct admin_run *runs;
    unsigned run_count;
};

static void alarm_conflict(struct store *store, int64_t entry_id, const char *what)
{
    char id[IDENT_TEXT_SIZE];
    ident_format(entry_id, id);
    atomic_fetch_or(&store->ills, ILL_LEDGER);
    log_write(LOG_ERROR, "store",
              "two different %s for %s; nothing was changed, paid requests are refused until "
              "the ledger has been looked at (gateway db check) and the server restarted",
              what, id);
}

/* The row and its charge, and what the request has come to if it makes a task: all or, on a
 * conflict, nothing. */
static enum ledger_put write_entry(struct store *store, struct commit *commit,
                                   const struct ledger_entry *entry)
{
    struct task *task = NULL;
    if (entry->task.step != TASK_STEP_NONE) {
        enum task_end_answer answer = task_find_end(&commit->tasks, entry, &task);
        if (answer == TASK_END_FAILED)
            return LEDGER_FAILED;
        if (answer == TASK_END_CONFLICT) {
            alarm_conflict(store, entry->id, "ends of the task");
            return LEDGER_CONFLICT;
        }
    }
    enum ledger_put put = ledger_put(store->db, store->batch, entry);
    if (put == LEDGER_PUT && task != NULL)
        task_make_end(&commit->tasks, entry, task);
    task_free(&task);
    if (put == LEDGER_CONFLICT)
        alarm_conflict(store, entry->id, "charges");
    if (put == LEDGER_PUT)
        pins_put(store->db, entry, clock_wall_ms());
    return put;
}

static bool write_entries(struct store *store, struct commit *commit)
{
    struct mail *mail = store->entries.first;
    for (; mail != NULL && commit->entries < LEDGER_BATCH_MAX; mail = mail->next) {
        struct store_call *call = call_of(mail);
        const struct ledger_entry *entry = entry_of(call);
        commit->entries++;
        call->code = STORE_OK;
        if (call->kind == CALL_NOTE) {
            ledger_put_open(store->db, entry);
            continue;
        }
        enum ledger_put put = write_entry(store, commit, entry);
        if (put == LEDGER_FAILED)
            return false;
        if (put == LEDGER_CONFLICT)
            call->code = STORE_CONFLICT;
    }
    return ledger_flush(store->db, store->batch);
}

static bool sweep(struct store *store)
{
    if (clock_ms() < store->sweep_ms)
        return true;
    int64_t pins = pins_sweep(store->db, clock_wall_ms(), SWEEP_MOST);
    int64_t keys = idem_sweep(store->db, clock_wall_ms(), SWEEP_MOST);
    int64_t rows = 0;
    if (store->usage_age_ms > 0)
        rows = retention_sweep(store->db, ledger_rollup(store->batch),
                               clock_wall_ms() - store->usage_age_ms, SWEEP_MOST);
    bool more = pins >= SWEEP_MOST || keys >= SWEEP_MOST || rows >= SWEEP_MOST;
    store->sweep_ms = clock_ms() + (more ? SWEEP_MORE_MS : SWEEP_MS);
    return db_trouble(store->db) == DB_FINE;
}

/* Adds up what was used, so that no report reads single requests. */
static bool roll_up(struct store *store, bool is_idle)
{
    bool left = false;
    if (clock_ms() < store->rollup_ms && !store->rollup_all)
        return true;
    int64_t until_ms = clock_wall_ms() - ROLLUP_AGE_MS;
    rollup_step(store->db, ledger_rollup(store->batch),
                store->rollup_all ? INT64_MAX : ident_first(until_ms),
                is_idle ? ROLLUP_MOST_IDLE : ROLLUP_MOST, &left);
    store->rollup_all &= left;
    store->rollup_ms = clock_ms() + (left ? ROLLUP_MORE_MS : ROLLUP_MS);
    store->rollup_due = left || until_ms <= store->entered_ms;
    return db_trouble(store->db) == DB_FINE;
}

/* Takes the moves of tasks off the queue.  None waits for a database that fails: who polls comes
 * again, who submits must not have asked the provider yet. */
static void take_moves(struct store *store, struct commit *commit)
{
    struct store_call *call;
    bool is_down = clock_ms() < store->retry_ms;
    while ((call = queue_take(&store->moves)) != NULL) {
        if (call_is_overdue(call))
            call_reply(call, STORE_BUSY);
        else if (is_down)
            call_reply(call, STORE_DOWN);
        else
            queue_add(&commit->moves, &call->mail);
    }
}

/* The request that wants the row has ended already, and its end stands before the row here. */
static bool has_ended(const struct store *store, const struct commit *commit, int64_t task_id)
{
    struct mail *mail = store->entries.first;
    for (unsigned i = 0; i < commit->entries; i++, mail = mail->next) {
        const struct ledger_entry *entry = entry_of(call_of(mail));
        if (entry->task.step != TASK_STEP_NONE && entry->id == task_id)
            return true;
    }
    return false;
}

static enum store_code write_move(struct store *store, struct commit *commit,
                                  struct store_call *call)
{
    if (call->kind == CALL_TASK_CREATE &&
        has_ended(store, commit, CONTAINER_OF(call, struct store_task_create, call)->task.id))
        return STORE_BUSY;
    return task_serve_move(&commit->tasks, call);
}

static bool write_moves(struct store *store, struct commit *commit)
{
    for (struct mail *mail = commit->moves.first; mail != NULL; mail = mail->next) {
        struct store_call *call = call_of(mail);
        call->code = write_move(store, commit, call);
        if (db_trouble(store->db) != DB_FINE)
            return false;
        if (call->kind == CALL_TASK_FINISH && call->code == STORE_CONFLICT)
            alarm_conflict(store, CONTAINER_OF(call, struct store_task_finish, call)->id,
                           "give-backs");
    }
    return true;
}

static void finish_moves(struct store *store, struct commit *commit, bool committed)
{
    struct store_call *call;
    while ((call = queue_take(&commit->moves)) != NULL) {
        if (committed)
            task_move_committed(store->book, call);
        else
            task_move_abandoned(call);
        call_reply(call, committed ? call->code : STORE_DOWN);
    }
}

/* Takes the changes off the queue; those whose time has passed or that find no memory are answered
 * at once. */
static void take_changes(struct store *store, struct commit *commit)
{
    unsigned n = 0;
    for (struct mail *mail = store->changes.first; mail != NULL; mail = mail->next)
        n++;
    commit->runs = n > 0 ? calloc(n, sizeof *commit->runs) : NULL;
    struct store_call *call;
    while ((call = queue_take(&store->changes)) != NULL) {
        if (call_is_overdue(call))
            call_reply(call, STORE_BUSY);
        else if (commit->runs == NULL)
            call_reply(call, STORE_DOWN);
        else
            commit->runs[commit->run_count++].call = CONTAINER_OF(call, struct store_admin, call);
    }
}

static bool write_changes(struct store *store, struct commit *commit)
{
    commit->room = store_admin_room(store, &commit->tasks);
    for (unsigned i = 0; i < commit->run_count; i++) {
        admin_run(&commit->runs[i], &commit->room, commit->runs[i].call);
        if (db_trouble(store->db) != DB_FINE)
            return false;
    }
    return true;
}

/* A write of no meaning, so that a success can end a degradation while nothing else waits. */
static bool write_probe(struct store *store)
{
    struct query *query =
        db_query(store->db, "UPDATE meta SET value = value + 1 WHERE key = 'probe'");
    return query_run(query);
}

static void release_entry(struct store *store, struct store_call *call)
{
    struct ledger_entry *entry = entry_of(call);
    if (entry->hold.pinned)
        book_unpin(store->book, &entry->hold);
    atomic_fetch_sub(&store->queued, 1);
}

static void finish_entries(struct store *store, unsigned n)
{
    struct store_call *call;
    for (; n > 0 && (call = queue_take(&store->entries)) != NULL; n--) {
        if (call->kind == CALL_NOTE) {
            free(CONTAINER_OF(call, struct open_note, call));
            continue;
        }
        release_entry(store, call);
        call_reply(call, call->code);
    }
}

static void finish_changes(struct commit *commit, bool committed)
{
    for (unsigned i = 0; i < commit->run_count; i++) {
        struct store_call *call = &commit->runs[i].call->call;
        if (committed)
            admin_run_apply(&commit->runs[i]);
        else
            admin_run_abandon(&commit->runs[i]);
        enum store_code code = commit->runs[i].code;
        admin_run_finish(&commit->runs[i]);
        call_reply(call, code);
    }
    free(commit->runs);
}

void store_commit(struct store *store)
{
    struct commit commit = {0};
    int64_t began_us = clock_precise_us();
    bool is_ill = atomic_load(&store->ills) & (ILL_COMMIT | ILL_LATE);
    bool is_idle =
        store->entries.first == NULL && store->moves.first == NULL && store->changes.first == NULL;
    if (store->entries.first != NULL) {
        store->entered_ms = clock_wall_ms();
        store->rollup_due = true;
    }
    take_moves(store, &commit);
    take_changes(store, &commit);
    bool ok = store_has_db(store);
    if (ok) {
        commit.tasks.db = store->db;
        ledger_batch_begin(store->batch);
        ok = db_begin(store->db) && write_entries(store, &commit) && write_moves(store, &commit) &&
             write_changes(store, &commit) && (!is_ill || write_probe(store)) &&
             roll_up(store, is_idle) && sweep(store) && db_commit(store->db);
        if (ok)
            note_success(store, began_us);
        else if (db_trouble(store->db) != DB_FINE)
            store_note_db_trouble(store);
        else
            note_trouble(store, "out of memory");
    }
    if (!ok)
        ledger_batch_forget(store->batch);
    if (!ok && store->db != NULL)
        db_rollback(store->db);
    if (ok)
        task_tally_add(store, &commit.tasks.tally);
    finish_moves(store, &commit, ok);
    finish_changes(&commit, ok);
    if (ok)
        finish_entries(store, commit.entries);
}

void store_give_up(struct store *store)
{
    unsigned n = 0;
    struct store_call *call;
    while ((call = queue_take(&store->entries)) != NULL) {
        if (call->kind == CALL_NOTE) {
            free(CONTAINER_OF(call, struct open_note, call));
            continue;
        }
        n++;
        release_entry(store, call);
        call_reply(call, STORE_DOWN);
    }
    if (n > 0)
        log_write(LOG_ERROR, "store", "%u charges could not be written before the end", n);
}
