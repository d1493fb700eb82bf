/* room: store */
#include "store/book.h"

#include <pthread.h>

#include "tests/unit/book_fixture.h"

#define THREADS 64

struct racer {
    pthread_barrier_t *start;
    struct key_record *key;
    unsigned seed;
    int passes;
    int64_t charged;
};

static void run_racers(struct racer racers[THREADS], struct key_record *key,
                       void *(*run)(void *racer))
{
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){.start = &start, .key = key, .seed = i * 2654435761u + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&start);
}

/* Takes what there is and keeps it. */
static void *run_greedy(void *argument)
{
    struct racer *racer = argument;
    struct hold hold;
    pthread_barrier_wait(racer->start);
    for (int i = 0; i < 16; i++) {
        if (admit(racer->key, 3, &hold) == FAULT_NONE)
            racer->passes++;
    }
    return NULL;
}

static void admit_by_64_threads_with_money_for_k_passes_exactly_k(void **state)
{
    (void)state;
    static struct racer racers[THREADS];
    struct key_record key = plain_key(10 * 3 + 2);
    run_racers(racers, &key, run_greedy);
    int passes = 0;
    for (unsigned i = 0; i < THREADS; i++)
        passes += racers[i].passes;
    assert_int_equal(passes, 10);
    assert_int_equal(book_held(book), 30);
    close_key(&key); /* the holds are left to book_free */
}

static void admit_by_64_threads_with_a_group_quota_for_k_passes_exactly_k(void **state)
{
    (void)state;
    static struct racer racers[THREADS];
    struct key_record key = limited_key(1000000, -1, 3 * 25, 3 * 400);
    run_racers(racers, &key, run_greedy);
    int passes = 0;
    for (unsigned i = 0; i < THREADS; i++)
        passes += racers[i].passes;
    assert_int_equal(passes, 25);
    assert_words(ACCOUNT_USER, USER, 75, 0);
    close_key(&key);
}

/* User, key, group and the group's user at once, all with money for exactly k. */
static void admit_by_64_threads_with_all_accounts_for_k_passes_exactly_k(void **state)
{
    (void)state;
    static struct racer racers[THREADS];
    struct key_record key = limited_key(3 * 17, 3 * 17 + 1, 3 * 17 + 2, 3 * 17);
    run_racers(racers, &key, run_greedy);
    int passes = 0;
    for (unsigned i = 0; i < THREADS; i++)
        passes += racers[i].passes;
    assert_int_equal(passes, 17);
    assert_words(ACCOUNT_USER, USER, 51, 0);
    assert_words(ACCOUNT_KEY, KEY, 51, 0);
    assert_words(ACCOUNT_GROUP, GROUP, 51, 0);
    close_key(&key);
}

#define KEYS 200
#define GROUP_LIMIT 5000

static struct key_record group_keys[KEYS];

/* Asks with every key of the group in turn, beginning at another one than the others; ends half of
 * its requests at once, the rest one later. */
static void *run_group(void *argument)
{
    struct racer *racer = argument;
    struct hold before = {.nusd = 0};
    unsigned first = racer->seed % KEYS;
    pthread_barrier_wait(racer->start);
    clock_set(1000000, NOW);
    for (unsigned i = 0; i < KEYS; i++) {
        struct hold hold;
        if (admit(&group_keys[(first + i) % KEYS], 1, &hold) != FAULT_NONE)
            continue;
        racer->passes++;
        if (before.taken)
            finish(&before, 0);
        before = hold;
    }
    if (before.taken)
        finish(&before, 0);
    clock_thaw();
    return NULL;
}

static void
admit_by_64_threads_with_200_keys_of_a_limited_group_passes_exactly_its_limit(void **state)
{
    (void)state;
    static struct racer racers[THREADS];
    const struct limit limit = {.scope = LIMIT_group,
                                .owner = GROUP,
                                .metric = LIMIT_REQUESTS,
                                .size = {GROUP_LIMIT, DAY_US, GROUP_LIMIT}};
    book_lock(book);
    assert_true(meters_set(book_meters(book), &limit));
    book_unlock(book);
    for (unsigned i = 0; i < KEYS; i++) {
        group_keys[i] = plain_key(1000000);
        group_keys[i].id = KEY + i;
    }
    run_racers(racers, group_keys, run_group);
    int passes = 0;
    for (unsigned i = 0; i < THREADS; i++)
        passes += racers[i].passes;
    printf("race: %d of %d requests passed, the limit is %d\n", passes, THREADS * KEYS,
           GROUP_LIMIT);
    assert_int_equal(passes, GROUP_LIMIT);
    for (unsigned i = 0; i < KEYS; i++)
        close_key(&group_keys[i]);
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Every way out of a request, in any order, up to two at a time; the money runs out on the way. */
static void *run_random(void *argument)
{
    struct racer *racer = argument;
    pthread_barrier_wait(racer->start);
    clock_set(1, NOW + (racer->seed % 2 == 0 ? 0 : DAY_MS));
    struct hold holds[2] = {{.nusd = 0}, {.nusd = 0}};
    for (int i = 0; i < 500; i++) {
        unsigned dice = next_random(&racer->seed);
        struct hold *hold = &holds[dice & 1];
        if (!hold->pinned) {
            if (admit(racer->key, dice % 50, hold) == FAULT_NONE)
                racer->passes++;
            continue;
        }
        int64_t charge = dice % 4 == 0 ? 0 : (int64_t)(next_random(&racer->seed) % 20);
        racer->charged += charge;
        finish(hold, charge);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (holds[i].taken)
            finish(&holds[i], 0);
    }
    clock_thaw();
    return NULL;
}

static void settle_by_random_exits_returns_held_to_zero(void **state)
{
    (void)state;
    static struct racer racers[THREADS];
    struct key_record key = limited_key(100000, 60000, 80000, -1);
    close_account(key.group_account);
    key.group_account = open_account(ACCOUNT_GROUP, GROUP, "2026-11-24", 0, 0);
    key.group_quota.period = PERIOD_DAY;
    run_racers(racers, &key, run_random);
    int passes = 0;
    int64_t charged = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        passes += racers[i].passes;
        charged += racers[i].charged;
    }
    assert_in_range(passes, 1000, THREADS * 250);
    assert_true(charged > 0);
    assert_int_equal(book_held(book), 0);
    assert_words(ACCOUNT_USER, USER, 0, charged);
    assert_words(ACCOUNT_KEY, KEY, 0, charged);
    assert_words(ACCOUNT_GROUP_USER, USER, 0, charged);
    struct words group = peek(ACCOUNT_GROUP, GROUP, "2026-11-25");
    assert_true(group.here);
    assert_int_equal(group.held, 0);
    assert_true(group.spent <= charged);
    assert_false(peek(ACCOUNT_GROUP, GROUP, "2026-11-24").here);
    close_key(&key);
    assert_false(peek(ACCOUNT_USER, USER, "").here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(admit_by_64_threads_with_money_for_k_passes_exactly_k),
        BOOK_TEST(admit_by_64_threads_with_all_accounts_for_k_passes_exactly_k),
        BOOK_TEST(admit_by_64_threads_with_a_group_quota_for_k_passes_exactly_k),
        BOOK_TEST(admit_by_64_threads_with_200_keys_of_a_limited_group_passes_exactly_its_limit),
        BOOK_TEST(settle_by_random_exits_returns_held_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
