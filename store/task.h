/* A video task: the record of one, its states, and what its user is told of it.
 *
 * A task has the id of the request that made it (store/ident), so that the ledger has its charge in
 * that request's slot 0 and its one give-back in slot 1; users know it by a random public id. */
#ifndef STORE_TASK_H
#define STORE_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "config/model.h"
#include "config/price.h"
#include "config/provider.h"

/* --- states ----------------------------------------------------------------------------------- */

/* X(name, is it a verdict?, the states that it may turn into).
 *
 *   creating     the row is there; the answer to its submission is not
 *   queued       the provider has it
 *   in_progress  the provider is at it
 *   completed    there is a result
 *   failed       the provider's verdict, or the operator has given it up
 *   expired      a day without a verdict; a late success is delivered
 *   unknown      it was submitted, and nobody knows whether it was taken: it is never submitted
 *                again and never charged; the operator may give it up */
/* clang-format off */
#define TASK_STATES(X)                                                                             \
    X(creating, false, TASK_TO(queued) | TASK_TO(unknown))                                         \
    X(queued, false,                                                                               \
      TASK_TO(in_progress) | TASK_TO(completed) | TASK_TO(failed) | TASK_TO(expired))              \
    X(in_progress, false, TASK_TO(completed) | TASK_TO(failed) | TASK_TO(expired))                 \
    X(completed, true, 0)                                                                          \
    X(failed, true, 0)                                                                             \
    X(expired, true, TASK_TO(completed))                                                           \
    X(unknown, true, TASK_TO(failed))
/* clang-format on */

enum task_state {
#define X(name, verdict, to) TASK_##name,
    TASK_STATES(X)
#undef X
        TASK_STATE_COUNT
};
#define TASK_TO(name) (1u << TASK_##name)

const char *task_state_name(enum task_state state);
/* False for an unknown name. */
MUST_USE bool task_state_find(struct str name, enum task_state *state);
/* The one table of legal edges. */
bool task_may_turn(enum task_state from, enum task_state to);
/* Its fate is decided: its user may delete it, nothing more is charged. */
bool task_has_verdict(enum task_state state);

#define TASK_LIFE_MS INT64_C(86400000) /* from the submission to the deadline */
#define IDEM_LIFE_MS INT64_C(86400000)

/* Bits of task->flags, shown by name. */
#define TASK_FLAGS(X)                                                                              \
    X(late_success) /* completed after it had expired, and been given back */                      \
    X(maybe_billed) /* the provider may have made, and billed, what nobody can fetch */            \
    X(crash)        /* its submission was cut by the end of the process */

enum task_flag {
#define X(name) TASK_FLAG_##name##_bit,
    TASK_FLAGS(X)
#undef X
        TASK_FLAG_COUNT
};
#define TASK_FLAG(name) (1u << TASK_FLAG_##name##_bit)

#define TASK_FLAGS_TEXT_SIZE 64
/* "late_success crash". */
void task_flags_format(unsigned flags, char text[TASK_FLAGS_TEXT_SIZE]);
/* Words of a later program are passed over. */
unsigned task_flags_parse(struct str text);

/* --- names ------------------------------------------------------------------------------------ */

#define TASK_PUBLIC_SIZE 38 /* "task_" + 32 base62 + NUL */

/* A new one, about 190 random bits. */
void task_make_public_id(char public_id[TASK_PUBLIC_SIZE]);

/* Who polls it: worker number 0..workers-1, the same for all who ask.  (Not the id's remainder: of
 * ids made at a low rate the low bits are all 0.) */
unsigned task_owner(int64_t id, unsigned workers);
#define TASK_SHARES 1024
/* 0..TASK_SHARES-1; the owner is its remainder. */
unsigned task_share(int64_t id);

/* --- the record ------------------------------------------------------------------------------- */

/* X(member, bytes at most) */
#define TASK_TEXTS(X)                                                                              \
    X(provider, PROVIDER_NAME_MAX)                                                                 \
    X(upstream_id, 1024) /* never shown to users */                                                \
    X(model, MODEL_NAME_MAX)                                                                       \
    X(upstream_model, 1024)                                                                        \
    X(rates, 65536)  /* the price at admission: price_freeze */                                    \
    X(prompt, 65536) /* cut at a character by who makes the task */                                \
    X(seconds, 32)   /* as shown: "15" */                                                          \
    X(size, 64)                                                                                    \
    X(aspect_ratio, 64)                                                                            \
    X(remixed_from, TASK_PUBLIC_SIZE - 1)                                                          \
    X(urls, 65536) /* of the result, one a line; never shown as they are */                        \
    X(error_code, 64)                                                                              \
    X(error_message, 4096)

/* Texts are NULL where there is none.  In a record that the store gives, they stand behind it in
 * one piece of memory; in one that a caller fills in, they are borrowed. */
struct task {
    int64_t id;
    char public_id[TASK_PUBLIC_SIZE];
    int64_t user_id, key_id, group_id;
    enum task_state state;
    int progress; /* 0..100, as last heard; task_view has what is shown */
#define X(name, max) const char *name;
    TASK_TEXTS(X)
#undef X
    int64_t hold_nusd, charge_nusd;
    int64_t given_back_nusd; /* of the charge */
    uint32_t group_ppm, user_ppm;
    struct counters counters; /* what was charged */
    int64_t created_ms;       /* wall clock, like all times here; 0 = not yet, or never */
    int64_t ended_ms, expires_ms, deadline_ms;
    int64_t polled_ms, next_poll_ms;
    int64_t polls; /* how often it was asked for; with created_ms, what a back-off goes by */
    unsigned flags;
    bool deleted;
    int64_t version; /* goes up by one with each change */
};

/* A copy in one piece; NULL when out of memory. */
MUST_USE struct task *task_copy(const struct task *task);
/* NULL-safe; nulls the pointer. */
void task_free(struct task **task);
/* Every text is within its bound. */
bool task_fits(const struct task *task);

/* What its user is told, in the public API's words. */
struct task_view {
    const char *status; /* queued, in_progress, completed, failed: never another word */
    int progress;       /* 0 while queued, 1..99 in progress, 100 completed */
    const char *error_code, *error_message; /* NULL unless failed, and then never NULL */
};
/* creating   queued
 * expired    failed, "timeout"
 * unknown    failed, "upstream_error": the provider's answer was lost, nothing was charged
 * failed     failed, with error_code and error_message, or "upstream_error"
 * Others as they are called.  Borrows the texts of `task`. */
void task_view(const struct task *task, struct task_view *view);

/* --- the end of a create request -------------------------------------------------------------- */

/* What a request that makes a task has come to; a member of its ledger entry (store.h), and made
 * true in the transaction of its row and charge. */
enum task_step {
    TASK_STEP_NONE,
    /* creating -> queued: the provider has taken it, and gave upstream_id. */
    TASK_STEP_SUBMITTED,
    /* The provider has refused it, or was never asked: the task and its Idempotency-Key are
     * forgotten, as if they had never been.  Harmless when the task was not created at all. */
    TASK_STEP_REFUSED,
    /* creating -> unknown: it was sent, and there is no answer that says what became of it. */
    TASK_STEP_AMBIGUOUS
};

struct task_end {
    enum task_step step;
    const char *upstream_id; /* SUBMITTED: borrowed until the call is back; 1..1024 bytes */
    int64_t now_ms;          /* wall clock: SUBMITTED has its deadline TASK_LIFE_MS later */
    int64_t next_poll_ms;    /* SUBMITTED: wall clock, > 0 */
};

#endif
