#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/admin_run.h"
#include "store/sqlite_accounts.h"

/* What the database has of a request; -1 = no such row. */
struct found {
    int64_t row_charge, ledger, given_back, task_given_back;
    bool is_open, is_crash;
    char state[16]; /* "" = no task */
};

static int64_t number_of(struct world *world, const char *sql, int64_t id)
{
    struct query *query = db_query(world->store->db, sql);
    query_i64(query, 1, id);
    int64_t n = query_row(query) ? query_get_i64(query, 0) : -1;
    query_end(query);
    return n;
}

static struct found find(struct world *world, int64_t id)
{
    struct found found = {.row_charge = -1, .task_given_back = -1};
    struct query *query =
        db_query(world->store->db, "SELECT charge, \"end\" FROM requests WHERE id = ?1");
    query_i64(query, 1, id);
    if (query_row(query)) {
        found.row_charge = query_get_i64(query, 0);
        found.is_open = strcmp(query_get_text(query, 1), "open") == 0;
        found.is_crash = strcmp(query_get_text(query, 1), "crash") == 0;
    }
    query_end(query);
    found.ledger =
        number_of(world, "SELECT amount FROM ledger WHERE kind = 'charge' AND id = ?1", id);
    found.given_back =
        number_of(world, "SELECT -amount FROM ledger WHERE kind = 'give_back' AND id = ?1 + 1", id);
    query = db_query(world->store->db, "SELECT state, given_back FROM tasks WHERE id = ?1");
    query_i64(query, 1, id);
    if (query_row(query)) {
        snprintf(found.state, sizeof found.state, "%s", query_get_text(query, 0));
        found.task_given_back = query_get_i64(query, 1);
    }
    query_end(query);
    if (db_trouble(world->store->db) != DB_FINE)
        world_violated(world, "the database cannot be read: %s", db_error(world->store->db));
    return found;
}

static void prove_sums(struct world *world)
{
    struct store_admin check = {.operation = "db check", .arguments = json_object()};
    struct admin_room room = {.db = world->store->db,
                              .book = world->store->book,
                              .keyring = world->store->keyring,
                              .ids = &world->store->ids,
                              .now_ms = world->wall_ms};
    struct admin_run run = {.call = &check};
    buf_init(&check.why, 1024);
    admin_run(&run, &room, &check);
    json_t *errors = json_object_get(run.result, "errors");
    if (errors == NULL || json_array_size(errors) > 0)
        world_violated(world, "db check: %s", json_dumps(errors, JSON_ENCODE_ANY));
    admin_run_finish(&run);
    json_decref(check.result);
    json_decref(check.arguments);
    buf_release(&check.why);
}

/* No account of a user has spent more than it was given. */
static void prove_credit(struct world *world)
{
    int64_t id =
        number_of(world, "SELECT id FROM accounts WHERE kind = ?1 AND spent > credited LIMIT 1", 0);
    if (id >= 0)
        world_violated(world, "account %" PRId64 " is overdrawn", id);
}

static bool is_charged(const struct found *found, const struct ledger_entry *entry)
{
    return !found->is_open && !found->is_crash && found->row_charge == entry->charge_nusd &&
           found->ledger == (entry->charge_nusd > 0 ? entry->charge_nusd : -1);
}

static bool is_untouched(const struct found *found)
{
    return found->ledger < 0 &&
           (found->row_charge < 0 || found->is_open || (found->is_crash && found->row_charge == 0));
}

static void prove_end(struct world *world, const struct world_request *request,
                      const struct found *found)
{
    const struct ledger_entry *entry = &request->settle.entry;
    bool is_sent = request->ended != NOT_SENT;
    if (request->ended == DONE && !is_charged(found, entry))
        world_violated(world,
                       "request %u was acknowledged with %" PRId64 ", the books have row %" PRId64
                       " ledger %" PRId64,
                       (unsigned)(request - world->requests), entry->charge_nusd, found->row_charge,
                       found->ledger);
    if (!is_untouched(found) && !(is_sent && is_charged(found, entry)))
        world_violated(world, "request %u was not settled so: row %" PRId64 " ledger %" PRId64,
                       (unsigned)(request - world->requests), found->row_charge, found->ledger);
}

static int64_t amount_back(const struct world_request *request, const struct observer *observer)
{
    return observer->finish.verdict == TASK_completed ? observer->finish.give_back_nusd
                                                      : request->settle.entry.charge_nusd;
}

/* What has expired may be completed late, and has been given back whole. */
static bool is_decided(const struct world_request *request, const struct observer *one,
                       const struct found *found)
{
    int64_t charge = request->settle.entry.charge_nusd;
    int64_t back = amount_back(request, one);
    bool may_be_late = false;
    for (unsigned i = 0; i < WORLD_OBSERVERS; i++)
        may_be_late |= request->observers[i].sent != NOT_SENT &&
                       request->observers[i].finish.verdict == TASK_expired;
    bool is_amount = found->given_back == (back > 0 ? back : -1) ||
                     (may_be_late && found->given_back == (charge > 0 ? charge : -1));
    bool is_state = strcmp(found->state, task_state_name(one->finish.verdict)) == 0 ||
                    (may_be_late && strcmp(found->state, "completed") == 0);
    return is_amount && is_state;
}

static void prove_task(struct world *world, const struct world_request *request,
                       const struct found *found)
{
    unsigned n = (unsigned)(request - world->requests);
    enum task_step step = request->settle.entry.task.step;
    bool may_be = found->given_back < 0;
    if (request->ended == DONE && step == TASK_STEP_SUBMITTED &&
        (found->state[0] == '\0' || strcmp(found->state, "creating") == 0 ||
         strcmp(found->state, "unknown") == 0))
        world_violated(world, "task %u was submitted, and is \"%s\"", n, found->state);
    if (request->ended == DONE && step == TASK_STEP_REFUSED && found->state[0] != '\0')
        world_violated(world, "task %u was refused, and is \"%s\"", n, found->state);
    if (request->ended == DONE && step == TASK_STEP_AMBIGUOUS &&
        strcmp(found->state, "unknown") != 0)
        world_violated(world, "task %u is unknown, and \"%s\"", n, found->state);
    if (request->created == DONE && request->ended == NOT_SENT && found->state[0] == '\0')
        world_violated(world, "task %u was created, and is gone", n);
    for (unsigned i = 0; i < WORLD_OBSERVERS; i++) {
        const struct observer *one = &request->observers[i];
        int64_t back = amount_back(request, one);
        may_be |= one->sent != NOT_SENT && found->given_back == back;
        if (one->sent == DONE && one->moved && !is_decided(request, one, found))
            world_violated(world, "task %u was %s with %" PRId64 " back, is \"%s\" with %" PRId64,
                           n, task_state_name(one->finish.verdict), back, found->state,
                           found->given_back);
    }
    if (!may_be)
        world_violated(world, "task %u was given back %" PRId64, n, found->given_back);
}

static void prove_credits(struct world *world)
{
    for (unsigned i = 0; i < WORLD_USERS; i++) {
        struct account_row account;
        const struct world_credit *credit = &world->credit;
        if (!account_find(world->store->db, ACCOUNT_USER, world->users[i].id, "", &account))
            world_violated(world, "the account of user %u is gone", i);
        int64_t off = account.credited - world->users[i].credited;
        bool may_be = credit->user == i && credit->answer != NOT_SENT && credit->answer != DONE;
        if (off != 0 && !(may_be && off == credit->nusd))
            world_violated(world, "user %u was credited %" PRId64 " other than acknowledged", i,
                           off);
    }
}

static int64_t limit_of(struct world *world, unsigned key)
{
    struct key_row row;
    if (!key_by_id(world->store->db, world->key_ids[key], &row))
        world_violated(world, "key %u is gone", key);
    return row.limit.nusd;
}

static void prove_limits(struct world *world)
{
    const struct world_limit *limit = &world->limit;
    for (unsigned i = 0; i < WORLD_KEYS; i++) {
        int64_t found = limit_of(world, i);
        bool may_be = limit->key == i && limit->answer != NOT_SENT && limit->answer != DONE;
        if (found != world->limits[i] && !(may_be && found == limit->nusd))
            world_violated(world, "key %u is limited to %" PRId64 " other than acknowledged", i,
                           found);
    }
}

void proof_books(struct world *world)
{
    prove_sums(world);
    prove_credit(world);
    prove_credits(world);
    prove_limits(world);
    for (unsigned i = 0; i < world->request_count; i++) {
        const struct world_request *request = &world->requests[i];
        struct found found = find(world, request->settle.entry.id);
        if (found.is_open && !request->is_live && request->ended != SENT)
            world_violated(world, "request %u is open in the books and not alive", i);
        prove_end(world, request, &found);
        if (request->is_task)
            prove_task(world, request, &found);
    }
}

void proof_read_purse(struct world *world)
{
    for (unsigned i = 0; i < WORLD_KEYS; i++)
        world->limits[i] = limit_of(world, i);
    for (unsigned i = 0; i < WORLD_USERS; i++) {
        struct account_row account;
        if (account_find(world->store->db, ACCOUNT_USER, world->users[i].id, "", &account))
            world->users[i].credited = account.credited;
    }
    for (unsigned i = 0; i < world->purse.n; i++) {
        struct purse_account *account = &world->purse.accounts[i];
        struct account_row row = {.spent = 0};
        if (!account_find(world->store->db, account->kind, account->owner, account->period, &row))
            row.spent = 0;
        account->spent = row.spent;
        account->held = 0;
    }
}
