#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/sqlite_accounts.h"
#include "store/store_commit.h"

#define T0 INT64_C(1795546800000) /* 2026-11-24T19:00:00Z */
#define DAY_MS INT64_C(86400000)
#define STEPS 48
#define GROUP_QUOTA (40 * USD)      /* each day */
#define GROUP_USER_QUOTA (30 * USD) /* for ever */
#define QUIET_TURNS 60

const char *const world_user_names[WORLD_USERS] = {"ann", "bob"};
static const int64_t user_credits[WORLD_USERS] = {20 * USD, 35 * USD};
static const struct {
    unsigned user;
    int64_t limit;
    enum quota_period period;
    const char *text;
} key_kinds[WORLD_KEYS] = {{0, 12 * USD, PERIOD_EVER, "12"},
                           {0, -1, PERIOD_EVER, "none"},
                           {1, 15 * USD, PERIOD_DAY, "15/day"},
                           {1, -1, PERIOD_EVER, "none"}};

uint64_t world_seed;

/* --- words for people ------------------------------------------------------------------------- */

void world_say(struct world *world, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = WORLD_TEXT_SIZE - world->text_n;
    int n = vsnprintf(world->text + world->text_n, room, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < room)
        world->text_n += (size_t)n;
}

void world_violated(struct world *world, const char *format, ...)
{
    va_list args;
    printf("%.*s\nVIOLATION, seed %" PRIu64 ": ", (int)world->text_n, world->text, world_seed);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\nagain: make sim N=1 SEED=%" PRIu64 "\n", world_seed);
    (void)fflush(stdout);
    exit(1);
}

/* --- the store -------------------------------------------------------------------------------- */

static void pass_time(struct world *world, int64_t ms)
{
    world->boot_us += ms * 1000;
    world->wall_ms += ms;
    clock_set(world->boot_us, world->wall_ms);
}

static void open_store(struct world *world)
{
    struct buf why;
    bool in_use;
    struct store_options options = {.path = world->path};
    buf_init(&why, 1024);
    if (!store_make(&options, &world->store, &why, &in_use)) {
        struct str text = buf_str(&why);
        world_violated(world, "the store does not open: %.*s", STR_ARG(text));
    }
    buf_release(&why);
    ident_init(&world->ids, 0, store_newest_id(world->store));
}

static void turn(struct world *world)
{
    (void)store_turn(world->store);
    mailbox_deliver(&world->box);
}

void world_prepare(struct world *world, struct store_call *call,
                   void (*done)(struct store_call *call))
{
    call->reply = &world->box;
    call->done = done;
}

static void on_back(struct store_call *call)
{
    call->done = NULL;
}

static struct key_record *find_record(struct world *world, unsigned key)
{
    char secret[64];
    struct store_key_get get = {.record = NULL};
    snprintf(secret, sizeof secret, "sk-%040u", key);
    secret_hash(str_of(secret), get.hash);
    if (keyring_find(world->store->keyring, get.hash, &get.record) == KEYRING_FOUND)
        return get.record;
    world_prepare(world, &get.call, on_back);
    store_key_get(world->store, &get);
    while (get.call.done != NULL)
        turn(world);
    return get.call.code == STORE_OK ? get.record : NULL;
}

/* --- the end of a process --------------------------------------------------------------------- */

static void lose(enum answer *answer)
{
    if (*answer == SENT)
        *answer = LOST;
}

static void forget_process(struct world *world)
{
    for (unsigned i = 0; i < world->request_count; i++) {
        struct world_request *request = &world->requests[i];
        lose(&request->created);
        lose(&request->ended);
        request->is_live = false;
        memset(&request->settle.entry.hold, 0, sizeof request->settle.entry.hold);
        for (unsigned k = 0; k < WORLD_OBSERVERS; k++)
            lose(&request->observers[k].sent);
    }
    lose(&world->credit.answer);
    lose(&world->limit.answer);
}

/* Whatever the store does now, the disk does not; what is refused, nobody is told. */
static void die(struct world *world, bool by_power)
{
    world->disk.trouble = DISK_DEAD;
    world->is_dying = true;
    turn(world);
    store_give_up(world->store);
    (void)mailbox_take(&world->box);
    for (unsigned i = 0; i < world->request_count; i++)
        world->requests[i].settle.entry.hold.pinned = false;
    store_free(&world->store);
    world->is_dying = false;
    if (by_power)
        disk_cut_power(&world->disk);
    else
        disk_restart(&world->disk);
    world_say(world, by_power ? "power cut\n" : "kill\n");
    by_power ? world->cuts++ : world->crashes++;
    forget_process(world);
    pass_time(world, 20);
    open_store(world);
    proof_books(world);
    proof_read_purse(world);
    world->credit.answer = NOT_SENT; /* whatever became of them is read */
    world->limit.answer = NOT_SENT;
}

/* --- requests --------------------------------------------------------------------------------- */

bool world_counts(const struct world *world, const struct store_call *call)
{
    return !world->is_dying || call->code == STORE_OK;
}

static void on_settled(struct store_call *call)
{
    struct world_request *request = CONTAINER_OF(call, struct world_request, settle.call);
    if (!world_counts(request->world, call))
        return;
    if (call->code != STORE_OK)
        world_violated(request->world, "a settlement was answered %d", (int)call->code);
    request->ended = DONE;
    world_say(request->world, "  r%u is settled\n", (unsigned)(request - request->world->requests));
}

static void on_created(struct store_call *call)
{
    struct world_request *request = CONTAINER_OF(call, struct world_request, create.call);
    if (world_counts(request->world, call))
        request->created = call->code == STORE_OK ? DONE : LOST;
}

static void on_finished(struct store_call *call)
{
    struct observer *one = CONTAINER_OF(call, struct observer, finish.call);
    struct world *world = one->request->world;
    if (!world_counts(world, call))
        return;
    one->sent = call->code == STORE_OK ? DONE : LOST;
    if (call->code != STORE_OK && call->code != STORE_DOWN)
        world_violated(world, "a verdict was answered %d", (int)call->code);
    one->moved = call->code == STORE_OK && one->finish.moved;
    if (one->moved && one->finish.given_back.n > 0)
        purse_settle(&one->request->claims, 0,
                     one->finish.verdict == TASK_completed
                         ? -one->finish.give_back_nusd
                         : -one->request->settle.entry.charge_nusd);
    world->verdicts += one->moved;
}

static void fill_task(struct world_request *request, const struct key_record *record)
{
    struct task *task = &request->create.task;
    const struct ledger_entry *entry = &request->settle.entry;
    task->id = entry->id;
    task_make_public_id(task->public_id);
    task->user_id = record->user_id;
    task->key_id = record->id;
    task->group_id = record->group_id;
    task->provider = "p";
    task->model = "v";
    task->hold_nusd = entry->hold_nusd;
    task->group_ppm = task->user_ppm = 1000000;
    task->created_ms = entry->admitted_ms;
    world_prepare(request->world, &request->create.call, on_created);
    request->created = SENT;
    store_task_create(request->world->store, &request->create);
}

static void fill_entry(struct world *world, struct ledger_entry *entry,
                       const struct key_record *record, int64_t nusd)
{
    *entry = (struct ledger_entry){.id = ident_next(&world->ids, world->wall_ms),
                                   .admitted_ms = world->wall_ms,
                                   .user_id = record->user_id,
                                   .key_id = record->id,
                                   .group_id = record->group_id,
                                   .endpoint = "chat",
                                   .model = "m",
                                   .provider = "p",
                                   .status = 200,
                                   .end = "finished",
                                   .attempts = 1,
                                   .source = USAGE_UPSTREAM,
                                   .hold_nusd = nusd,
                                   .group_ppm = 1000000,
                                   .user_ppm = 1000000,
                                   .first_ms = -1};
}

/* `more` = what the user may have been credited beside what was acknowledged. */
static struct purse_claims claim(struct world *world, unsigned key, int64_t more, int64_t limit)
{
    struct purse_claims claims = {.purse = &world->purse};
    char day[PERIOD_TEXT_SIZE], period[PERIOD_TEXT_SIZE];
    const struct world_user *user = &world->users[key_kinds[key].user];
    period_format(PERIOD_DAY, world->wall_ms, day);
    period_format(key_kinds[key].period, world->wall_ms, period);
    purse_claim(&claims, ACCOUNT_USER, user->id, "", user->credited + more);
    purse_claim(&claims, ACCOUNT_KEY, world->key_ids[key], period, limit);
    purse_claim(&claims, ACCOUNT_GROUP, GROUP_DEFAULT_ID, day, GROUP_QUOTA);
    purse_claim(&claims, ACCOUNT_GROUP_USER, group_user_owner(GROUP_DEFAULT_ID, user->id), "",
                GROUP_USER_QUOTA);
    return claims;
}

/* A credit or a limit on its way is in force from one instant of its turn on; of one that was
 * answered DOWN the store has what the disk has.  `limit_before`: when the request began. */
static void judge(struct world *world, unsigned key, int64_t limit_before, int64_t nusd,
                  bool passed)
{
    const struct world_credit *credit = &world->credit;
    const struct world_limit *limit = &world->limit;
    const int64_t limits[] = {world->limits[key], limit_before, limit->nusd};
    bool is_credited =
        credit->user == key_kinds[key].user && (credit->answer == SENT || credit->answer == LOST);
    bool is_limited = limit->key == key && (limit->answer == SENT || limit->answer == LOST);
    bool may_pass = false, may_fail = false;
    for (unsigned i = 0; i < (is_limited ? 6 : 4); i++) {
        struct purse_claims claims =
            claim(world, key, is_credited && i % 2 ? credit->nusd : 0, limits[i / 2]);
        bool has = purse_has(&claims, nusd);
        may_pass |= has;
        may_fail |= !has;
    }
    if (passed ? !may_pass : !may_fail)
        world_violated(world, "%" PRId64 " nUSD %s, which was %s", nusd,
                       passed ? "passed" : "were refused", passed ? "not there" : "there");
}

static void begin_request(struct world *world)
{
    if (world->request_count == WORLD_REQUESTS_MAX)
        return;
    unsigned key = dice_below(&world->dice, WORLD_KEYS);
    int64_t nusd = (int64_t)(dice_next(&world->dice) % (uint64_t)(8 * USD)) + 1;
    bool is_task = dice_hits(&world->dice, 3);
    int64_t limit_before = world->limits[key];
    struct key_record *record = find_record(world, key);
    if (record == NULL)
        return;
    struct world_request *request = &world->requests[world->request_count];
    *request = (struct world_request){.world = world, .key = key, .is_task = is_task};
    request->claims = claim(world, key, 0, world->limits[key]);
    fill_entry(world, &request->settle.entry, record, nusd);
    struct admission admission;
    enum fault fault = book_admit(world->store->book, record, &(struct demand){.nusd = nusd},
                                  &request->settle.entry.hold, &admission);
    world_say(world, "r%u key %u %s holds %" PRId64 ": %s\n", world->request_count, key,
              is_task ? "task" : "chat", nusd, fault == FAULT_NONE ? "passes" : "refused");
    judge(world, key, limit_before, nusd, fault == FAULT_NONE);
    if (fault == FAULT_NONE) {
        world->passes++;
        world->request_count++;
        request->is_live = true;
        purse_hold(&request->claims, nusd);
        if (is_task)
            fill_task(request, record);
    } else {
        world->refusals++;
    }
    key_record_drop(world->store->keyring, &record);
}

static struct world_request *pick(struct world *world)
{
    return world->request_count == 0
               ? NULL
               : &world->requests[dice_below(&world->dice, world->request_count)];
}

static void choose_step(struct world *world, struct world_request *request)
{
    struct ledger_entry *entry = &request->settle.entry;
    unsigned dice = dice_below(&world->dice, 8);
    entry->endpoint = "video";
    entry->task = (struct task_end){.step = TASK_STEP_REFUSED};
    if (request->created != DONE || dice == 0)
        return;
    if (dice == 1) {
        entry->task.step = TASK_STEP_AMBIGUOUS;
        entry->task.now_ms = world->wall_ms;
        return;
    }
    entry->task = (struct task_end){.step = TASK_STEP_SUBMITTED,
                                    .upstream_id = "up",
                                    .now_ms = world->wall_ms,
                                    .next_poll_ms = world->wall_ms + 15000};
}

/* Each exit: all of the hold, a part of it, nothing. */
static void end_request(struct world *world, struct world_request *request)
{
    if (request == NULL || !request->is_live)
        return;
    struct ledger_entry *entry = &request->settle.entry;
    unsigned dice = dice_below(&world->dice, 4);
    int64_t charge = dice == 0   ? 0
                     : dice == 1 ? entry->hold_nusd
                                 : (int64_t)(dice_next(&world->dice) % (uint64_t)entry->hold_nusd);
    if (request->is_task)
        choose_step(world, request);
    if (request->is_task && entry->task.step != TASK_STEP_SUBMITTED)
        charge = 0;
    if (charge == 0 && !request->is_task)
        entry->end = "refused";
    entry->charge_nusd = charge;
    request->is_live = false;
    request->ended = SENT;
    book_settle(world->store->book, &entry->hold, charge, 0);
    purse_settle(&request->claims, entry->hold_nusd, charge);
    world_prepare(world, &request->settle.call, on_settled);
    store_settle(world->store, &request->settle);
    world_say(world, "r%u ends with %" PRId64 " step %d\n", (unsigned)(request - world->requests),
              charge, (int)entry->task.step);
}

static void note_open(struct world *world)
{
    struct world_request *request = pick(world);
    if (request != NULL && request->is_live)
        store_note_open(world->store, &request->settle.entry);
}

static bool is_submitted(const struct world_request *request)
{
    return request->ended == DONE && request->settle.entry.task.step == TASK_STEP_SUBMITTED;
}

static void observe(struct world *world)
{
    static const enum task_state verdicts[] = {TASK_completed, TASK_completed, TASK_failed,
                                               TASK_failed, TASK_expired};
    struct world_request *request = pick(world);
    for (unsigned i = 0; i < 8 && request != NULL && !is_submitted(request); i++)
        request = pick(world);
    if (request == NULL || !is_submitted(request))
        return;
    struct observer *one = &request->observers[dice_below(&world->dice, WORLD_OBSERVERS)];
    if (one->sent == SENT || one->sent == DONE)
        return;
    if (one->sent == NOT_SENT) {
        int64_t charge = request->settle.entry.charge_nusd;
        one->request = request;
        one->finish.verdict = verdicts[dice_below(&world->dice, COUNT(verdicts))];
        one->finish.give_back_nusd = dice_hits(&world->dice, 2) ? 0 : charge / 3;
    }
    one->finish.id = request->settle.entry.id;
    one->finish.now_ms = world->wall_ms;
    one->sent = SENT;
    world_prepare(world, &one->finish.call, on_finished);
    store_task_finish(world->store, &one->finish);
    world_say(world, "r%u is %s\n", (unsigned)(request - world->requests),
              task_state_name(one->finish.verdict));
}

/* --- founding --------------------------------------------------------------------------------- */

static void command(struct world *world, const char *operation, json_t *arguments)
{
    struct store_admin admin = {.operation = operation, .arguments = arguments};
    world_prepare(world, &admin.call, on_back);
    buf_init(&admin.why, 1024);
    store_admin(world->store, &admin);
    while (admin.call.done != NULL)
        turn(world);
    struct str why = buf_str(&admin.why);
    if (admin.call.code != STORE_OK)
        world_violated(world, "%s: %.*s", operation, STR_ARG(why));
    buf_release(&admin.why);
    json_decref(admin.result);
    json_decref(arguments);
}

void world_found(struct world *world, const char *path)
{
    char secret[64], credit[USD_TEXT_SIZE];
    snprintf(world->path, sizeof world->path, "%s", path);
    CHECK(mailbox_init(&world->box));
    disk_mount(&world->disk);
    world->wall_ms = T0;
    pass_time(world, 1000);
    open_store(world);
    command(world, "group set",
            json_pack("{s:s, s:s, s:s}", "name", "default", "quota", "40/day", "user_quota", "30"));
    for (unsigned i = 0; i < WORLD_USERS; i++) {
        usd_format(user_credits[i], credit);
        command(world, "user add",
                json_pack("{s:s, s:s}", "name", world_user_names[i], "credit", credit));
        world->users[i].credited = user_credits[i];
    }
    for (unsigned i = 0; i < WORLD_KEYS; i++) {
        snprintf(secret, sizeof secret, "sk-%040u", i);
        command(world, "key create",
                json_pack("{s:s, s:s, s:s}", "user", world_user_names[key_kinds[i].user], "limit",
                          key_kinds[i].text, "secret", secret));
        struct key_record *record = find_record(world, i);
        CHECK(record != NULL);
        world->limits[i] = key_kinds[i].limit;
        world->key_ids[i] = record->id;
        world->users[key_kinds[i].user].id = record->user_id;
        key_record_drop(world->store->keyring, &record);
    }
    store_free(&world->store);
}

/* --- a schedule ------------------------------------------------------------------------------- */

static void trouble_disk(struct world *world)
{
    static const enum disk_trouble troubles[] = {DISK_FULL, DISK_DENIED, DISK_UNSURE};
    if (world->disk.trouble == DISK_FINE)
        world->disk.trouble = troubles[dice_below(&world->dice, COUNT(troubles))];
    else
        world->disk.trouble = DISK_FINE;
    world_say(world, "disk trouble %d\n", (int)world->disk.trouble);
}

static void step(struct world *world)
{
    unsigned dice = dice_below(&world->dice, 100);
    if (dice < 30)
        begin_request(world);
    else if (dice < 52)
        end_request(world, pick(world));
    else if (dice < 66)
        observe(world);
    else if (dice < 70)
        note_open(world);
    else if (dice < 74)
        dice < 72 ? operator_credits(world) : operator_limits(world);
    else if (dice < 77)
        pass_time(world, dice == 76 ? DAY_MS / 3 : 300);
    else if (dice < 80)
        trouble_disk(world);
    else if (dice < 82)
        world->disk.dies_in = 1 + dice_below(&world->dice, 24);
    else if (dice < 83)
        die(world, dice_hits(&world->dice, 2));
    else
        turn(world);
    if (world->disk.trouble == DISK_DEAD)
        die(world, dice_hits(&world->dice, 2));
}

static bool is_quiet(const struct world *world)
{
    bool quiet = world->credit.answer != SENT && world->limit.answer != SENT;
    for (unsigned i = 0; i < world->request_count; i++) {
        const struct world_request *request = &world->requests[i];
        quiet = quiet && request->created != SENT && request->ended != SENT;
        for (unsigned k = 0; k < WORLD_OBSERVERS; k++)
            quiet = quiet && request->observers[k].sent != SENT;
    }
    return quiet;
}

/* Everything ends, the disk is well: the books must come to rest by themselves. */
static void come_to_rest(struct world *world)
{
    disk_restart(&world->disk);
    pass_time(world, 300);
    turn(world);
    for (unsigned i = 0; i < world->request_count; i++)
        end_request(world, &world->requests[i]);
    for (unsigned i = 0; i < QUIET_TURNS && !(is_quiet(world) && i > 1); i++) {
        pass_time(world, 20);
        turn(world);
    }
    if (!is_quiet(world))
        world_violated(world, "something was never answered");
    if (book_held(world->store->book) != 0)
        world_violated(world, "%" PRId64 " nUSD are held for nobody",
                       book_held(world->store->book));
    if (store_is_degraded(world->store))
        world_violated(world, "the store stays degraded");
    proof_books(world);
}

void world_run(struct world *world, const struct world *base, uint64_t seed)
{
    world_seed = seed;
    world->text_n = 0;
    world->dice = (struct dice){seed};
    world->disk.dice = (struct dice){~seed};
    world->purse.n = 0;
    world->request_count = 0;
    world->credit = (struct world_credit){.world = world};
    world->limit = (struct world_limit){.world = world};
    memcpy(world->limits, base->limits, sizeof world->limits);
    memcpy(world->users, base->users, sizeof world->users);
    memcpy(world->key_ids, base->key_ids, sizeof world->key_ids);
    memcpy(world->path, base->path, sizeof world->path);
    disk_copy(&world->disk, &base->disk);
    disk_mount(&world->disk);
    world->wall_ms = T0;
    pass_time(world, 60000);
    open_store(world);
    for (unsigned i = 0; i < STEPS; i++)
        step(world);
    come_to_rest(world);
    die(world, true);
    store_free(&world->store);
}
