#include "store/store_thread.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/admin.h"
#include "store/admin_run.h"
#include "store/sqlite_accounts.h"
#include "store/sqlite_pins.h"
#include "store/sqlite_record.h"
#include "store/store_commit.h"
#include "store/store_job.h"
#include "store/store_queue.h"

#define STOP_MS 2000        /* how long a failing database is tried again at the end */
#define IDLE_MS 100         /* nothing to do for so long: checkpoint */
#define WAL_PAGES_IDLE 1000 /* 4 MB: worth moving as soon as the queue is empty */
#define WAL_PAGES_MAX 16384 /* 64 MB: move whatever waits */

/* --- look-ups --------------------------------------------------------------------------------- */

static enum store_code look_up_pins(struct store *store, struct store_pins_get *get)
{
    if (!store_has_db(store))
        return STORE_DOWN;
    bool found = pins_find(store->db, get, clock_wall_ms());
    if (db_trouble(store->db) == DB_FINE)
        return found ? STORE_OK : STORE_NOTFOUND;
    store_note_failed_read(store);
    return STORE_DOWN;
}

static enum store_code look_up_tasks(struct store *store, struct store_call *call)
{
    if (!store_has_db(store))
        return STORE_DOWN;
    enum store_code code = task_serve_read(store->db, call);
    if (db_trouble(store->db) != DB_FINE)
        store_note_failed_read(store);
    return code;
}

/* OK: the hash of a key that is asked for by name is filled in. */
static enum store_code look_up_hash(struct store *store, struct store_key_get *get)
{
    struct key_row row;
    if (get->name.n == 0)
        return STORE_OK;
    if (!store_has_db(store))
        return STORE_DOWN;
    int found = key_by_name(store->db, get->name, &row);
    if (db_trouble(store->db) != DB_FINE) {
        store_note_failed_read(store);
        return STORE_DOWN;
    }
    if (found == 1)
        memcpy(get->hash, row.hash, sizeof get->hash);
    return found == 1 ? STORE_OK : found == 0 ? STORE_NOTFOUND : STORE_CONFLICT;
}

static enum store_code look_up_key(struct store *store, struct store_key_get *get)
{
    enum store_code code = look_up_hash(store, get);
    if (code != STORE_OK)
        return code;
    /* An earlier call of this batch may have loaded it: one look-up for many waiting requests. */
    enum keyring_answer answer = keyring_find(store->keyring, get->hash, &get->record);
    if (answer != KEYRING_MISS)
        return answer == KEYRING_FOUND ? STORE_OK : STORE_NOTFOUND;
    struct key_record *record = NULL;
    if (!store_has_db(store))
        return STORE_DOWN;
    if (!key_record_load(store->db, store->keyring, store->book, get->hash, clock_wall_ms(),
                         &record)) {
        store_note_failed_read(store);
        return STORE_DOWN;
    }
    if (record == NULL) {
        keyring_note_unknown(store->keyring, get->hash);
        return STORE_NOTFOUND;
    }
    get->record = key_record_retain(record);
    keyring_take(store->keyring, &record);
    return STORE_OK;
}

static enum store_code look_up(struct store *store, struct store_call *call)
{
    if (call->kind == CALL_KEY_GET)
        return look_up_key(store, CONTAINER_OF(call, struct store_key_get, call));
    if (call->kind == CALL_PINS_GET)
        return look_up_pins(store, CONTAINER_OF(call, struct store_pins_get, call));
    return look_up_tasks(store, call);
}

static void serve_gets(struct store *store)
{
    struct store_call *call;
    while ((call = queue_take(&store->gets)) != NULL)
        call_reply(call, call_is_overdue(call) ? STORE_BUSY : look_up(store, call));
}

/* --- reads of operators ----------------------------------------------------------------------- */

static void serve_reads(struct store *store)
{
    struct store_call *call;
    while ((call = queue_take(&store->reads)) != NULL) {
        struct admin_run run = {.call = CONTAINER_OF(call, struct store_admin, call)};
        if (call_is_overdue(call)) {
            call_reply(call, STORE_BUSY);
        } else if (!store_has_db(store)) {
            call_reply(call, STORE_DOWN);
        } else if (!jobs_take(store, run.call)) {
            struct admin_room room = store_admin_room(store, NULL);
            admin_run(&run, &room, run.call);
            store_note_failed_read(store);
            enum store_code code = run.code;
            admin_run_finish(&run);
            call_reply(call, code);
        }
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_waiting(const struct store *store)
{
    return store->entries.first != NULL || store->moves.first != NULL ||
           store->changes.first != NULL || store->rollup_all ||
           (atomic_load(&store->ills) & (ILL_COMMIT | ILL_LATE)) != 0;
}

/* How long there is nothing to add up and nothing old to look for; -1 = no more. */
static int64_t upkeep_wait(const struct store *store)
{
    int64_t next_ms = INT64_MAX;
    if (store->db == NULL || store->stop_ms != 0)
        return -1;
    if (store->rollup_due)
        next_ms = store->rollup_ms;
    if (store->usage_age_ms > 0 && store->sweep_ms < next_ms)
        next_ms = store->sweep_ms;
    if (next_ms == INT64_MAX)
        return -1;
    if (next_ms < store->retry_ms)
        next_ms = store->retry_ms;
    return next_ms > clock_ms() ? next_ms - clock_ms() : 0;
}

static void wait_for_mail(struct store *store)
{
    struct pollfd wanted = {.fd = store->box.fd, .events = POLLIN};
    int64_t timeout = -1;
    if (is_waiting(store))
        timeout = store->retry_ms > clock_ms() ? store->retry_ms - clock_ms() : 0;
    else if (store->stop_ms != 0 || jobs_are_ready(store))
        timeout = 0;
    else if (store->db != NULL && db_wal_pages(store->db) > 0)
        timeout = IDLE_MS;
    int64_t upkeep = upkeep_wait(store);
    if (upkeep >= 0 && (timeout < 0 || upkeep < timeout))
        timeout = upkeep;
    (void)poll(&wanted, 1, (int)timeout);
    clock_tick();
}

static void sort_mail(struct store *store, struct mail *mail)
{
    bool changes;
    struct store_call *call = call_of(mail);
    switch ((enum store_call_kind)call->kind) {
    case CALL_KEY_GET:
    case CALL_PINS_GET:
    case CALL_TASK_MADE:
    case CALL_TASK_GET:
    case CALL_TASK_LIST:
    case CALL_TASK_DUE:
    case CALL_TASK_COMPLETED:
        queue_add(&store->gets, mail);
        break;
    case CALL_TASK_CREATE:
    case CALL_TASK_PROGRESS:
    case CALL_TASK_FINISH:
    case CALL_TASK_DELETE:
    case CALL_TASK_FORGET:
        queue_add(&store->moves, mail);
        break;
    case CALL_SETTLE:
    case CALL_NOTE:
        queue_add(&store->entries, mail);
        break;
    case CALL_ADMIN:
        if (store_admin_knows(str_of(CONTAINER_OF(call, struct store_admin, call)->operation),
                              &changes) &&
            changes)
            queue_add(&store->changes, mail);
        else
            queue_add(&store->reads, mail);
        break;
    case CALL_JOB:
        job_is_back(call);
        break;
    case CALL_LATE:
        atomic_store(&store->late_posted, false);
        break;
    case CALL_STOP:
        store->stop_ms = clock_ms() + STOP_MS;
        break;
    }
}

static void checkpoint(struct store *store, bool is_idle)
{
    if (store->db == NULL || clock_ms() < store->checkpoint_ms)
        return;
    int64_t pages = db_wal_pages(store->db);
    if (pages == 0 || (!is_idle && pages < WAL_PAGES_MAX &&
                       (pages < WAL_PAGES_IDLE || store->entries.first != NULL)))
        return;
    /* Not a commit: nothing is lost when it fails, the log just grows. */
    if (!db_checkpoint(store->db)) {
        store->checkpoint_ms = clock_ms() + 1000;
        log_limited(&store->log_gate, LOG_WARNING, "store", "checkpoint failed");
    }
}

bool store_turn(struct store *store)
{
    struct mail *mail = mailbox_take(&store->box);
    bool is_idle = mail == NULL;
    while (mail != NULL) {
        struct mail *next = mail->next;
        sort_mail(store, mail);
        mail = next;
    }
    serve_gets(store);
    /* Changes do not wait for a failing database: their operator gets an answer. */
    if (store->changes.first != NULL || store->moves.first != NULL ||
        (is_waiting(store) && clock_ms() >= store->retry_ms) ||
        (is_idle && upkeep_wait(store) == 0))
        store_commit(store);
    serve_reads(store);
    jobs_step(store);
    checkpoint(store, is_idle);
    return store->stop_ms == 0 || (store->entries.first != NULL && clock_ms() <= store->stop_ms);
}

void *store_thread_run(void *argument)
{
    struct store *store = argument;
    (void)pthread_setname_np(pthread_self(), "store");
    log_join();
    do
        wait_for_mail(store);
    while (store_turn(store));
    jobs_end(store);
    store_give_up(store);
    log_leave();
    return NULL;
}
