#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/migrate.h"
#include "store/sqlite_limits.h"
#include "store/store_job.h"
#include "store/store_thread.h"

#define SOUND_CHECK_MS 1000
#define WHY_MAX 1024

/* --- opening and closing ---------------------------------------------------------------------- */

/* What was going on when the last process ended costs nothing, and no hold survives it. */
static bool recover(struct store *store, struct buf *why)
{
    int64_t n = 0, unknown = 0;
    if (db_begin(store->db)) {
        n = ledger_close_open(store->db);
        unknown = tasks_recover(store->db, clock_wall_ms());
        task_counts_read(store);
        store->newest_id = ledger_newest_id(store->db);
        if (db_commit(store->db)) {
            if (n > 0)
                log_write(LOG_WARNING, "store", "%lld requests were cut by the last end",
                          (long long)n);
            if (unknown > 0)
                log_write(
                    LOG_WARNING, "store",
                    "%lld video tasks were being submitted at the last end: the providers may "
                    "have them (gateway task list --state unknown)",
                    (long long)unknown);
            return true;
        }
    }
    (void)!buf_addf(why, "cannot write %s: %s", store->path, db_error(store->db));
    db_rollback(store->db);
    return false;
}

static bool read_limits(struct store *store, struct buf *why)
{
    if (limits_load(store->db, store->book))
        return true;
    (void)!buf_addf(why, "cannot read the limits of %s", store->path);
    return false;
}

static bool open_database(struct store *store, struct buf *why, bool *in_use)
{
    struct buf finding;
    store->db = db_open(store->path, store->process_durability, why, in_use);
    if (store->db == NULL)
        return false;
    buf_init(&finding, WHY_MAX);
    bool sound = db_is_sound(store->db, SOUND_CHECK_MS, &finding);
    if (!sound) {
        struct str text = buf_str(&finding);
        (void)!buf_addf(why, "%s is damaged (%.*s); restore a backup", store->path, STR_ARG(text));
    }
    buf_release(&finding);
    return sound && migrate_database(store->db, store->path, why) && recover(store, why) &&
           read_limits(store, why);
}

static bool start_thread(struct store *store)
{
    /* Signals are the main thread's. */
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&store->thread, NULL, store_thread_run, store);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error == 0;
}

void store_free(struct store **store)
{
    struct store *gone = *store;
    *store = NULL;
    keyring_free(&gone->keyring);
    strangers_free(&gone->strangers);
    book_free(&gone->book);
    ledger_batch_free(&gone->batch);
    db_close(&gone->db);
    mailbox_release(&gone->box);
    free(gone->path);
    free(gone);
}

bool store_make(const struct store_options *options, struct store **out, struct buf *why,
                bool *in_use)
{
    CHECK(options->path != NULL);
    *in_use = false;
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL || !mailbox_init(&store->box)) {
        free(store);
        (void)!buf_addf(why, "out of memory or descriptors");
        return false;
    }
    store->process_durability = options->process_durability;
    store->usage_age_ms = options->usage_age_ms;
    store->is_alone = options->is_alone;
    store->path = str_dup(str_of(options->path));
    store->book = book_new();
    store->keyring = store->book != NULL ? keyring_new(store->book) : NULL;
    store->strangers = store->book != NULL ? strangers_new(store->book) : NULL;
    store->batch = ledger_batch_new(&store->ids);
    if (store->path == NULL || store->keyring == NULL || store->strangers == NULL ||
        store->batch == NULL) {
        (void)!buf_addf(why, "out of memory");
        goto fail;
    }
    if (!open_database(store, why, in_use))
        goto fail;
    ident_init(&store->ids, IDENT_STORE_WORKER, store->newest_id);
    store->rollup_due = true;
    *out = store;
    return true;
fail:
    store_free(&store);
    return false;
}

bool store_open(const struct store_options *options, struct store **out, struct buf *why,
                bool *in_use)
{
    struct store *store;
    if (!store_make(options, &store, why, in_use))
        return false;
    check_remove_copies(store->path);
    if (!start_thread(store)) {
        (void)!buf_addf(why, "cannot start a thread");
        store_free(&store);
        return false;
    }
    *out = store;
    return true;
}

static void post(struct store *store, struct store_call *call, enum store_call_kind kind)
{
    call->kind = kind;
    mailbox_post(&store->box, &call->mail);
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    post(*store, &(*store)->stop, CALL_STOP);
    CHECK(pthread_join((*store)->thread, NULL) == 0);
    store_free(store);
}

/* --- calls ------------------------------------------------------------------------------------ */

struct book *store_book(struct store *store)
{
    return store->book;
}

struct keyring *store_keyring(struct store *store)
{
    return store->keyring;
}

struct strangers *store_strangers(struct store *store)
{
    return store->strangers;
}

int64_t store_newest_id(const struct store *store)
{
    return store->newest_id;
}

void store_key_get(struct store *store, struct store_key_get *get)
{
    CHECK(get->call.reply != NULL && get->call.done != NULL);
    get->record = NULL;
    post(store, &get->call, CALL_KEY_GET);
}

void store_pins_get(struct store *store, struct store_pins_get *get)
{
    CHECK(get->call.reply != NULL && get->call.done != NULL);
    post(store, &get->call, CALL_PINS_GET);
}

void store_settle(struct store *store, struct store_settle *settle)
{
    CHECK(settle->call.reply != NULL && settle->call.done != NULL);
    CHECK(!settle->entry.hold.taken);
    CHECK(settle->entry.id > 0 && settle->entry.charge_nusd >= 0);
    if (settle->entry.task.step != TASK_STEP_NONE)
        task_check_end(&settle->entry);
    atomic_fetch_add(&store->queued, 1);
    post(store, &settle->call, CALL_SETTLE);
}

static const char *copy_text(const char *text, char **at)
{
    if (text == NULL)
        return NULL;
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

static size_t text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 : 0;
}

void store_note_open(struct store *store, const struct ledger_entry *entry)
{
    size_t texts = text_size(entry->endpoint) + text_size(entry->model) +
                   text_size(entry->provider) + text_size(entry->upstream_model) +
                   text_size(entry->reason);
    struct open_note *note = calloc(1, sizeof *note + texts);
    if (note == NULL)
        return;
    char *at = note->texts;
    note->entry = *entry;
    note->entry.endpoint = copy_text(entry->endpoint, &at);
    note->entry.model = copy_text(entry->model, &at);
    note->entry.provider = copy_text(entry->provider, &at);
    note->entry.upstream_model = copy_text(entry->upstream_model, &at);
    note->entry.reason = copy_text(entry->reason, &at);
    note->entry.end = "open";
    note->entry.charge_nusd = 0;
    note->entry.hold = (struct hold){0}; /* the request keeps it */
    note->entry.issued = STR_EMPTY;
    note->entry.task = (struct task_end){TASK_STEP_NONE, NULL, 0, 0};
    post(store, &note->call, CALL_NOTE);
}

bool store_is_degraded(const struct store *store)
{
    return atomic_load_explicit(&store->ills, memory_order_relaxed) != 0;
}

void store_note_late(struct store *store)
{
    atomic_fetch_or(&store->ills, ILL_LATE);
    if (!atomic_exchange(&store->late_posted, true))
        post(store, &store->late, CALL_LATE);
}

void store_figures(const struct store *store, int64_t *queued, int64_t *last_commit_ms)
{
    *queued = atomic_load(&store->queued);
    *last_commit_ms = atomic_load(&store->last_commit_ms);
}

void store_admin(struct store *store, struct store_admin *admin)
{
    CHECK(admin->call.reply != NULL && admin->call.done != NULL);
    admin->result = NULL;
    post(store, &admin->call, CALL_ADMIN);
}
