/* A small world around the real store: two users, four keys, one group, requests and video tasks,
 * an operator; a clock and a disk that do as the schedule says. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "store/ident.h"
#include "store/store_tasks.h"
#include "store/store_thread.h"
#include "tests/sim/disk.h"
#include "tests/sim/purse.h"

#define WORLD_REQUESTS_MAX 64
#define WORLD_USERS 2
#define WORLD_KEYS 4
#define WORLD_OBSERVERS 2 /* of one verdict */
#define WORLD_TEXT_SIZE 16384
#define USD INT64_C(1000000000)

enum answer { NOT_SENT, SENT, DONE /* acknowledged */, LOST /* nobody was told */ };

struct world;

struct world_request {
    struct world *world;
    unsigned key;
    bool is_task, is_live; /* its hold is in force */
    struct purse_claims claims;
    enum answer created, ended;
    struct store_task_create create;
    struct store_settle settle;
    struct observer {
        struct world_request *request;
        struct store_task_finish finish;
        enum answer sent;
        bool moved;
    } observers[WORLD_OBSERVERS];
};

struct world_credit {
    struct world *world;
    struct store_admin admin;
    unsigned user;
    int64_t nusd;
    char ref[24];
    enum answer answer;
};

/* The limit of a key that is being changed; -1 = none. */
struct world_limit {
    struct world *world;
    struct store_admin admin;
    unsigned key;
    int64_t nusd;
    enum answer answer;
};

struct world {
    struct dice dice;
    struct disk disk;
    struct store *store;
    struct mailbox box;
    struct ident_source ids;
    char path[DISK_NAME_SIZE];
    int64_t boot_us, wall_ms;
    bool is_dying; /* what comes back now is told nobody, but for what is done */
    struct purse purse;
    struct world_user {
        int64_t id, credited;
    } users[WORLD_USERS];
    int64_t key_ids[WORLD_KEYS];
    struct world_request requests[WORLD_REQUESTS_MAX];
    unsigned request_count;
    int64_t limits[WORLD_KEYS]; /* as acknowledged */
    struct world_credit credit;
    struct world_limit limit;
    unsigned credits, crashes, cuts, passes, refusals, verdicts;
    char text[WORLD_TEXT_SIZE]; /* the schedule, for people */
    size_t text_n;
};

/* Makes users and keys on the world's disk, which is empty. */
void world_found(struct world *world, const char *path);
/* One schedule on a world whose disk and users are those of `base`.  Ends the program when a rule
 * is broken. */
void world_run(struct world *world, const struct world *base, uint64_t seed);

void world_say(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
NO_RETURN void world_violated(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
/* The seed that is running, for who prints a violation. */
extern uint64_t world_seed;

/* --- for operator.c --------------------------------------------------------------------------- */

extern const char *const world_user_names[WORLD_USERS];
void world_prepare(struct world *world, struct store_call *call,
                   void (*done)(struct store_call *call));
/* Whether the answer is told anybody. */
bool world_counts(const struct world *world, const struct store_call *call);

/* --- operator.c ------------------------------------------------------------------------------- */

/* Sends a credit, or a new limit of a key, if none is on its way; what was answered DOWN again. */
void operator_credits(struct world *world);
void operator_limits(struct world *world);

/* --- proof.c ---------------------------------------------------------------------------------- */

/* The books are sound, and every request is in them as its callers were told. */
void proof_books(struct world *world);
/* The purse of a process that has just begun: as the database says. */
void proof_read_purse(struct world *world);

#endif
