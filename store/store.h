/* The store: one thread that owns the database, spoken to by messages.
 *
 * Every call is embedded in its caller's memory, posted, and comes back to the mailbox it names by
 * `done`, in the thread that reads that mailbox.  Until then the caller must keep it.  The store
 * thread commits whatever has queued up while the last commit ran as one transaction, applies what
 * changed to keyring and book, then replies: what is acknowledged is durable. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mailbox.h"
#include "config/model.h"
#include "config/price.h"
#include "config/provider.h"
#include "store/bill.h"
#include "store/book.h"
#include "store/keyring.h"
#include "store/strangers.h"
#include "store/task.h"

struct store;

enum store_code {
    STORE_OK,
    STORE_NOTFOUND,
    STORE_CONFLICT, /* exists already, or is in use */
    STORE_SHORT,    /* not enough money */
    STORE_BUSY,     /* the deadline passed before its turn came: nothing was done */
    STORE_DOWN,     /* the database cannot be written or read now: nothing was done */
    STORE_INVALID,  /* an argument is wrong (admin): `why` says which */
    STORE_UNKNOWN   /* sent, no answer: send the same call again */
};

/* The head of every call. */
struct store_call {
    struct mail mail;
    struct mailbox *reply; /* where it comes back */
    void (*done)(struct store_call *call);
    enum store_code code;
    int64_t deadline_ms; /* clock_ms(); 0 = none */
    unsigned kind;       /* private */
};

struct store_options {
    const char *path;
    bool process_durability; /* synchronous=NORMAL instead of FULL */
    int64_t usage_age_ms;    /* older rows of requests are deleted; 0 = none */
    bool is_alone;           /* no requests are served: an operation may take as long as it takes */
};

/* Opens (creates, migrates) the database and starts the thread.  On failure returns false with one
 * line for the operator in *why: a second owner ("... is in use by another process"), a newer
 * schema, wrong rights, not a database.  *in_use tells the first case apart. */
MUST_USE bool store_open(const struct store_options *options, struct store **out, struct buf *why,
                         bool *in_use);
/* Commits what is queued, stops the thread, closes.  NULL-safe; nulls the pointer. */
void store_close(struct store **store);

struct book *store_book(struct store *store);
struct keyring *store_keyring(struct store *store);
struct strangers *store_strangers(struct store *store);
/* The newest id in the database at start, for ident_init. */
int64_t store_newest_id(const struct store *store);

/* --- a token's record ------------------------------------------------------------------------- */

struct store_key_get {
    struct store_call call;
    struct str name; /* its id in digits, or its hint, where the hash is not known; else empty */
    uint8_t hash[SECRET_HASH_SIZE];
    struct key_record *record; /* given when OK: drop it with key_record_drop */
};
/* OK, NOTFOUND, BUSY, DOWN; CONFLICT: several keys have that hint. */
void store_key_get(struct store *store, struct store_key_get *get);

/* --- the end of a request: one row, and a ledger entry if it costs ---------------------------- */

enum usage_source { USAGE_NONE, USAGE_UPSTREAM, USAGE_MERGED, USAGE_ESTIMATED };

/* Bits of entry->flags, shown by name. */
/* clang-format off */
#define ENTRY_FLAGS(X)                                                                             \
    X(bad_usage) X(absurd_usage) X(total_mismatch) X(cached_gt_prompt) X(cache_write_overlap)      \
    X(thoughts_from_total) X(reasoning_gt_output) X(above_hold) X(unpriced) X(maybe_billed)        \
    X(crash)
/* clang-format on */

enum entry_flag {
#define X(name) ENTRY_##name##_bit,
    ENTRY_FLAGS(X)
#undef X
        ENTRY_FLAG_COUNT
};
#define ENTRY_FLAG(name) (1u << ENTRY_##name##_bit)

/* One request as the books see it; a member of the request, so that settling allocates nothing.
 * Texts are borrowed until the call is back. */
struct ledger_entry {
    int64_t id;          /* ident, slot 0 */
    int64_t admitted_ms; /* wall clock; decides the period of the quotas */
    int64_t user_id, key_id, group_id;
    const char *endpoint;                          /* "chat" */
    const char *model, *provider, *upstream_model; /* NULL = none was chosen */
    bool stream;
    int status;         /* HTTP status of the answer; 499 when the client had gone */
    const char *reason; /* error.reason, or NULL */
    const char *end;    /* finished, client_gone, upstream_gone, timeout, refused, killed; "open" */
    unsigned attempts;
    struct counters counters;
    enum usage_source source;
    int64_t hold_nusd, charge_nusd;
    uint32_t group_ppm, user_ppm;
    struct bill bill; /* how the charge came about; no lines: it was not computed */
    unsigned flags;
    int64_t first_ms, total_ms; /* since the request's start; first_ms < 0: no byte was sent */
    struct hold hold;           /* its accounts name the ledger row; unpinned after the commit */
    /* Ids of objects that the provider keeps and that this user may name from now on: of each a
     * letter (PIN_*), the id, and a NUL.  Committed with the charge. */
    struct str issued;
    int64_t answer_tokens, item_tokens; /* what each brings along when it is named */
    struct task_end task; /* of a request that makes a task: what it has come to (store_tasks.h) */
};

#define PIN_ANSWER 'a' /* a response, with all that went before it */
#define PIN_ITEM 'i'   /* a part of its output */

struct store_settle {
    struct store_call call;
    struct ledger_entry entry;
};
/* The hold must have been settled in the book (or never taken).  Comes back OK when committed;
 * never BUSY; while the database cannot be written it stays queued and is tried again.  CONFLICT: a
 * different charge has this id, or the task of this id has come to something else; nothing was
 * changed and the store stays degraded.  DOWN: the store was closed before the database could be
 * written again. */
void store_settle(struct store *store, struct store_settle *settle);

/* A request older than a second: a row with end = "open", replaced by its settlement.  Copies what
 * it needs at once, so the caller need not wait; drops it silently when memory is out. */
void store_note_open(struct store *store, const struct ledger_entry *entry);

/* --- objects that live at one provider -------------------------------------------------------- */

#define PIN_ID_MAX 512

struct store_pins_get {
    struct store_call call;
    int64_t user_id;
    /* Of each a letter of the caller's, the id, and a NUL.  Borrowed until the call is back. */
    struct str ids;
    char provider[PROVIDER_NAME_MAX + 1]; /* when OK: where all of them are */
    int64_t tokens;                       /* when OK: what they bring along together */
    unsigned missing;                     /* when NOTFOUND: which one */
};
/* OK, BUSY, DOWN; NOTFOUND: one was not given to this user within 30 days, or lives elsewhere than
 * the first. */
void store_pins_get(struct store *store, struct store_pins_get *get);

/* --- health ----------------------------------------------------------------------------------- */

/* True: commits fail or are late, so paid admission must be refused; or two different charges
 * wanted one id, which lasts until a restart.  Any thread. */
bool store_is_degraded(const struct store *store);
/* A commit did not come within the commit limit.  Any thread; lasts until one succeeds. */
void store_note_late(struct store *store);
/* Ledger entries that are queued, and the duration of the last commit. */
void store_figures(const struct store *store, int64_t *queued, int64_t *last_commit_ms);

/* --- operators: objects of the customer side -------------------------------------------------- */

/* Arguments and results are the JSON objects of the admin API (store/admin.h). */
struct store_admin {
    struct store_call call;
    const char *operation; /* "user add" */
    json_t *arguments;     /* borrowed */
    json_t *result;        /* given when OK */
    struct buf why;        /* one line for people when not OK; initialised by the caller */
};
/* OK, NOTFOUND, CONFLICT, SHORT, INVALID, DOWN.  A change is committed and in force in keyring and
 * book before it comes back. */
void store_admin(struct store *store, struct store_admin *admin);

#endif
