/* room: store */
/* A million events against a second, plain telling of what limits are: all limits in a row, every
 * meter a cell of a table that is refilled at each event, in whole numbers of 128 bits.  The two
 * must decide, tell and wait the same. */
#include "store/meters.h"

#include "tests/unit/book_fixture.h"

#define EVENTS 1000000
#define KEYS 12
#define USERS 6
#define GROUPS 3
#define MODELS 3
#define LIMITS 48
#define RUNNING 24
#define CELLS (KEYS * USERS * GROUPS * MODELS)

__extension__ typedef __int128 i128;

static const char *const model_names[MODELS] = {"m1", "m2", "m3"};

/* --- the plain telling ---------------------------------------------------------------------- */

struct caller {
    int64_t key, user, group;
    unsigned model;
};

struct cell {
    bool here;
    i128 level; /* token ticks, for each unit of the period */
    int64_t running;
};

struct plain_limit {
    bool on;
    struct limit limit;
    int64_t generation; /* a limit that was ended and set again is another one */
    struct cell cells[CELLS];
};

static struct plain_limit plain[LIMITS];
static int64_t plain_us, generations;

static struct caller caller_of(int64_t key)
{
    return (struct caller){.key = key, .user = key % USERS + 1, .group = key % GROUPS + 1};
}

/* Which cell of a limit counts this caller. */
static size_t cell_of(const struct limit *limit, const struct caller *caller)
{
    size_t key = 0, user = 0, group = 0, model = 0;
    switch (limit->scope) {
    case LIMIT_key:
        key = (size_t)caller->key - 1;
        break;
    case LIMIT_user:
        user = (size_t)caller->user - 1;
        break;
    case LIMIT_group_user:
        user = (size_t)caller->user - 1;
        group = (size_t)caller->group - 1;
        break;
    case LIMIT_group:
        group = (size_t)caller->group - 1;
        break;
    case LIMIT_model:
        model = caller->model;
        break;
    case LIMIT_provider:
    case LIMIT_SCOPE_COUNT:
        assert_true(false);
    }
    return ((key * USERS + user) * GROUPS + group) * MODELS + model;
}

static int64_t owner_of(const struct limit *limit, const struct caller *caller)
{
    return limit->scope == LIMIT_key    ? caller->key
           : limit->scope == LIMIT_user ? caller->user
                                        : caller->group;
}

static bool is_each(const struct limit *limit)
{
    return limit->scope == LIMIT_model ? limit->model[0] == '\0' : limit->owner == 0;
}

static bool same_sort(const struct limit *a, const struct limit *b)
{
    return a->scope == b->scope && a->metric == b->metric &&
           a->size.period_us == b->size.period_us &&
           (a->scope == LIMIT_model || strcmp(a->model, b->model) == 0);
}

static bool names(const struct limit *limit, const struct caller *caller)
{
    if (limit->scope == LIMIT_model)
        return strcmp(limit->model, model_names[caller->model]) == 0;
    return limit->owner == owner_of(limit, caller);
}

static bool applies(const struct plain_limit *candidate, const struct caller *caller,
                    int64_t tokens)
{
    const struct limit *limit = &candidate->limit;
    if (!candidate->on || (limit->metric == LIMIT_TOKENS && tokens == 0))
        return false;
    if (limit->scope != LIMIT_model && limit->model[0] != '\0' &&
        strcmp(limit->model, model_names[caller->model]) != 0)
        return false;
    if (!is_each(limit))
        return names(limit, caller);
    for (unsigned i = 0; i < LIMITS; i++) {
        if (plain[i].on && !is_each(&plain[i].limit) && same_sort(&plain[i].limit, limit) &&
            names(&plain[i].limit, caller))
            return false;
    }
    return true;
}

static int64_t ticks(const struct limit *limit, int64_t us)
{
    return limit->size.period_us == DAY_US ? us / 1000 : us;
}

static i128 full(const struct limit *limit)
{
    return (i128)limit->size.burst * ticks(limit, limit->size.period_us);
}

static i128 bounded(i128 value, i128 most)
{
    return value > most ? most : value < -most ? -most : value;
}

/* The time goes on, for every cell at once. */
static void plain_clock(int64_t now_us)
{
    if (now_us <= plain_us)
        return;
    for (unsigned i = 0; i < LIMITS; i++) {
        const struct limit *limit = &plain[i].limit;
        if (!plain[i].on || limit->metric == LIMIT_CONCURRENT)
            continue;
        i128 gain = (i128)(ticks(limit, now_us) - ticks(limit, plain_us)) * limit->size.amount;
        for (unsigned c = 0; gain > 0 && c < CELLS; c++) {
            if (plain[i].cells[c].here)
                plain[i].cells[c].level = bounded(plain[i].cells[c].level + gain, full(limit));
        }
    }
    plain_us = now_us;
}

static struct cell *plain_cell(struct plain_limit *limit, const struct caller *caller)
{
    struct cell *cell = &limit->cells[cell_of(&limit->limit, caller)];
    if (!cell->here)
        *cell = (struct cell){.here = true, .level = full(&limit->limit)};
    return cell;
}

static int64_t plain_wait_us(const struct limit *limit, const struct cell *cell, int64_t tokens)
{
    if (limit->metric == LIMIT_CONCURRENT)
        return cell->running < limit->size.amount ? 0 : 1000000;
    int64_t n = limit->metric == LIMIT_REQUESTS ? 1 : tokens;
    i128 need = (i128)n * ticks(limit, limit->size.period_us);
    need = need > full(limit) ? full(limit) : need;
    if (cell->level >= need)
        return 0;
    i128 wait = (need - cell->level + limit->size.amount - 1) / limit->size.amount;
    return (int64_t)wait * (limit->size.period_us == DAY_US ? 1000 : 1);
}

/* --- the events ----------------------------------------------------------------------------- */

struct running {
    bool on;
    struct metered metered;
    struct caller caller;
    int64_t tokens;
    bool by[LIMITS]; /* limits that it runs on */
    int64_t generations[LIMITS];
};

static struct running running[RUNNING];
static unsigned admitted, refused, never;

static uint64_t dice_state;
static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (dice_state >> 11) % sides;
}

static void begin_one(struct running *one)
{
    plain_clock(clock_us());
    struct caller caller = caller_of((int64_t)dice(KEYS) + 1);
    caller.model = (unsigned)dice(MODELS);
    int64_t prompt = dice(4) == 0 ? 0 : (int64_t)dice(60) + 1;
    int64_t tokens = prompt == 0 ? 0 : prompt + (int64_t)dice(100);
    const struct metered_call call = {.key_id = caller.key,
                                      .user_id = caller.user,
                                      .group_id = caller.group,
                                      .model = model_names[caller.model],
                                      .tokens = tokens,
                                      .prompt_tokens = prompt};
    int64_t worst_us = 0;
    bool hopeless = false;
    unsigned n = 0;
    for (unsigned i = 0; i < LIMITS; i++) {
        one->by[i] = applies(&plain[i], &caller, tokens);
        if (!one->by[i])
            continue;
        n++;
        one->generations[i] = plain[i].generation;
        const struct cell *cell = plain_cell(&plain[i], &caller);
        int64_t wait_us = plain_wait_us(&plain[i].limit, cell, tokens);
        worst_us = wait_us > worst_us ? wait_us : worst_us;
        hopeless |= plain[i].limit.metric == LIMIT_TOKENS && prompt > plain[i].limit.size.burst;
    }
    struct admission found = {0};
    one->metered = (struct metered){.n = 0};
    enum fault fault = book_take_turn(book, &call, &one->metered, &found);
    assert_int_equal(fault == FAULT_NONE, worst_us == 0 && !hopeless);
    if (fault != FAULT_NONE) {
        assert_int_equal(found.limit.never, hopeless);
        if (!hopeless)
            assert_int_equal(found.limit.wait_us, worst_us);
        refused++;
        never += hopeless;
        return;
    }
    assert_int_equal(one->metered.n, n);
    one->on = true;
    one->caller = caller;
    one->tokens = tokens;
    admitted++;
    for (unsigned i = 0; i < LIMITS; i++) {
        if (!one->by[i])
            continue;
        struct cell *cell = plain_cell(&plain[i], &caller);
        const struct limit *limit = &plain[i].limit;
        int64_t cost = limit->metric == LIMIT_REQUESTS ? 1 : tokens;
        cell->running++;
        if (limit->metric != LIMIT_CONCURRENT)
            cell->level = bounded(cell->level - (i128)cost * ticks(limit, limit->size.period_us),
                                  full(limit));
    }
}

static void end_one(struct running *one)
{
    if (one->metered.n > 0)
        plain_clock(clock_us());
    int64_t used = dice(5) == 0 ? 0 : (int64_t)dice(400);
    if (one->tokens == 0)
        used = 0;
    book_end_turn(book, &one->metered, used);
    for (unsigned i = 0; i < LIMITS; i++) {
        if (!one->by[i] || !plain[i].on || plain[i].generation != one->generations[i])
            continue;
        struct cell *cell = plain_cell(&plain[i], &one->caller);
        const struct limit *limit = &plain[i].limit;
        cell->running--;
        /* It took no more than led from full to as deep in debt. */
        int64_t most = 2 * limit->size.burst;
        int64_t taken = one->tokens < most ? one->tokens : most;
        if (limit->metric == LIMIT_TOKENS)
            cell->level =
                bounded(cell->level - (i128)(used - taken) * ticks(limit, limit->size.period_us),
                        full(limit));
    }
    one->on = false;
}

static struct limit random_limit(void)
{
    struct limit limit = {.scope = (enum limit_scope)dice(LIMIT_provider),
                          .metric = (enum limit_metric)dice(LIMIT_METRIC_COUNT)};
    int64_t most = limit.scope == LIMIT_key ? KEYS : limit.scope == LIMIT_user ? USERS : GROUPS;
    if (limit.scope != LIMIT_model)
        limit.owner = (int64_t)dice((uint64_t)most + 1);
    if (dice(2) == 0)
        snprintf(limit.model, sizeof limit.model, "%s", model_names[dice(MODELS)]);
    if (limit.metric == LIMIT_CONCURRENT) {
        limit.size.amount = (int64_t)dice(RUNNING / 2) + 1;
        return limit;
    }
    int64_t scale = limit.metric == LIMIT_TOKENS ? 200 : 1;
    limit.size.period_us = dice(3) == 0 ? DAY_US : MINUTE_US;
    limit.size.amount = ((int64_t)dice(200) + 1) * scale;
    limit.size.burst = dice(2) == 0 ? limit.size.amount : (int64_t)dice(20) * scale + 7;
    return limit;
}

/* What has been used of a limit stays used when its amounts change. */
static void plain_change(struct plain_limit *changed, const struct limit *limit)
{
    for (unsigned c = 0; c < CELLS; c++) {
        struct cell *cell = &changed->cells[c];
        if (cell->here && limit->metric != LIMIT_CONCURRENT)
            cell->level = bounded(full(limit) - (full(&changed->limit) - cell->level), full(limit));
    }
    changed->limit = *limit;
}

static void change_a_limit(void)
{
    unsigned at = (unsigned)dice(LIMITS);
    struct limit limit = random_limit();
    for (unsigned i = 0; i < LIMITS; i++) {
        if (plain[i].on && limit_is(&plain[i].limit, &limit))
            at = i;
    }
    book_lock(book);
    if (!plain[at].on || limit_is(&plain[at].limit, &limit))
        plain_clock(clock_us());
    if (plain[at].on && limit_is(&plain[at].limit, &limit)) {
        assert_true(meters_set(book_meters(book), &limit));
        plain_change(&plain[at], &limit);
    } else if (plain[at].on) {
        meters_remove(book_meters(book), &plain[at].limit);
        plain[at].on = false;
    } else {
        assert_true(meters_set(book_meters(book), &limit));
        memset(&plain[at], 0, sizeof plain[at]);
        plain[at] = (struct plain_limit){.on = true, .limit = limit, .generation = ++generations};
    }
    book_unlock(book);
}

static void limits_decide_as_the_plain_telling_does_in_a_million_events(void **state)
{
    (void)state;
    int64_t now_us = 1000000;
    dice_state = UINT64_C(0x9e3779b97f4a7c15);
    plain_us = now_us;
    for (unsigned i = 0; i < 3 * LIMITS; i++)
        change_a_limit();
    for (unsigned event = 0; event < EVENTS; event++) {
        struct running *one = &running[dice(RUNNING)];
        uint64_t what = dice(1000);
        if (what < 300) {
            now_us += (int64_t)dice(what == 0 ? 100000000 : 400000);
            clock_set(now_us, NOW);
        } else if (what < 310) { /* another thread's clock may be behind */
            clock_set(now_us - (int64_t)dice(5000), NOW);
        } else if (what < 311) {
            clock_set(now_us, NOW);
            change_a_limit();
        } else if (one->on) {
            end_one(one);
        } else {
            begin_one(one);
        }
    }
    for (unsigned i = 0; i < RUNNING; i++) {
        if (running[i].on)
            end_one(&running[i]);
    }
    printf("limits: %u events, %u admitted, %u refused (%u for ever), %u limits, %u meters\n",
           EVENTS, admitted, refused, never, meters_count_limits(book_meters(book)),
           meters_count(book_meters(book)));
    assert_true(admitted > EVENTS / 20 && refused > EVENTS / 20 && never > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(limits_decide_as_the_plain_telling_does_in_a_million_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
