#include "relay/offer_health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "relay/breaker.h"

#define OFFERS_KNOWN_MAX 16384
#define NAME_SIZE 1024
#define COOL_LEAST_MS 1000
#define COOL_MOST_MS 300000
#define BENCH_MS 300000 /* an account or a model that is refused is the operator's to mend */

struct key_health {
    uint64_t mark; /* of the key that it is about: another one in its place begins anew */
    int64_t cool_until_ms, benched_until_ms;
};

struct offer_health {
    char *name; /* provider/upstream model */
    struct breaker breaker;
    int64_t cool_until_ms; /* whatever the key */
    struct key_health keys[PROVIDER_KEYS_MAX];
    UT_hash_handle hh;
};

/* Entries are never removed: a turn borrows its own. */
struct offer_healths {
    pthread_mutex_t lock;
    struct offer_health *first;
};

struct offer_healths *offer_healths_new(void)
{
    struct offer_healths *healths = calloc(1, sizeof *healths);
    if (healths != NULL)
        pthread_mutex_init(&healths->lock, NULL);
    return healths;
}

void offer_healths_free(struct offer_healths **healths)
{
    struct offer_health *one, *next;
    if (*healths == NULL)
        return;
    HASH_ITER(hh, (*healths)->first, one, next)
    {
        HASH_DEL((*healths)->first, one);
        free(one->name);
        free(one);
    }
    pthread_mutex_destroy(&(*healths)->lock);
    free(*healths);
    *healths = NULL;
}

static struct offer_health *add(struct offer_healths *healths, struct str name)
{
    struct offer_health *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->name = str_dup(name);
    if (one->name != NULL)
        HASH_ADD_KEYPTR(hh, healths->first, one->name, name.n, one);
    if (one->name == NULL || one->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(one->name);
        free(one);
        return NULL;
    }
    return one;
}

/* NULL: nothing is known of it; with `make`, nothing can be. */
static struct offer_health *find(struct offer_healths *healths, const struct offer *offer,
                                 bool make)
{
    struct offer_health *one = NULL;
    char name[NAME_SIZE];
    if (!offer->provider->breaker)
        return NULL;
    int n = snprintf(name, sizeof name, "%s/%s", offer->provider->name, offer->upstream_model);
    if (n < 0 || (size_t)n >= sizeof name)
        return NULL;
    HASH_FIND(hh, healths->first, name, (size_t)n, one);
    if (one == NULL && make && HASH_COUNT(healths->first) < OFFERS_KNOWN_MAX)
        one = add(healths, (struct str){name, (size_t)n});
    return one;
}

/* --- how it stands -------------------------------------------------------------------------------
 */

static unsigned count_keys(struct offer_ask ask)
{
    unsigned count = ask.offer->provider->key_count;
    return ask.keys == OFFER_FIRST_KEY || count == 0 ? 1 : count;
}

static uint64_t mark_of(const struct offer *offer, unsigned key)
{
    return key < offer->provider->key_count ? offer->provider->keys[key].mark : 0;
}

/* Locked, as all that follow. */
static enum plan_standing standing_of_key(const struct offer_health *one, const struct offer *offer,
                                          unsigned key, int64_t now_ms, int64_t *wait_ms)
{
    const struct key_health *health = &one->keys[key];
    *wait_ms = 0;
    if (health->mark != mark_of(offer, key))
        return PLAN_FREE;
    if (health->cool_until_ms > now_ms) {
        *wait_ms = health->cool_until_ms - now_ms;
        return PLAN_COOLING;
    }
    if (health->benched_until_ms <= now_ms)
        return PLAN_FREE;
    *wait_ms = health->benched_until_ms - now_ms;
    return PLAN_LAST;
}

/* A key that limits will be good again, and one that is refused hardly: while others limit, it is
 * not asked with in their place. */
static bool is_better(enum plan_standing a, enum plan_standing b)
{
    static const int order[] = {[PLAN_FREE] = 0, [PLAN_COOLING] = 1, [PLAN_LAST] = 2};
    return order[a] < order[b];
}

/* That of the best key; *wait_ms: the shortest of those that stand so. */
static enum plan_standing standing_of_keys(const struct offer_health *one, struct offer_ask ask,
                                           int64_t now_ms, int64_t *wait_ms)
{
    enum plan_standing best = standing_of_key(one, ask.offer, 0, now_ms, wait_ms);
    for (unsigned i = 1; i < count_keys(ask); i++) {
        int64_t wait = 0;
        enum plan_standing standing = standing_of_key(one, ask.offer, i, now_ms, &wait);
        if (is_better(standing, best) || (standing == best && wait < *wait_ms))
            *wait_ms = wait;
        best = is_better(standing, best) ? standing : best;
    }
    return best;
}

/* Of the offer whatever the key: how long it is passed over. */
static int64_t rest_ms(const struct offer_health *one, int64_t now_ms)
{
    int64_t open_ms = breaker_wait_ms(&one->breaker, now_ms);
    int64_t cool_ms = one->cool_until_ms - now_ms;
    int64_t rest = open_ms > cool_ms ? open_ms : cool_ms;
    return rest > 0 ? rest : 0;
}

enum plan_standing offer_standing(struct offer_healths *healths, struct offer_ask ask,
                                  int64_t now_ms, int64_t *wait_ms)
{
    enum plan_standing standing = PLAN_FREE;
    pthread_mutex_lock(&healths->lock);
    const struct offer_health *one = find(healths, ask.offer, false);
    if (one != NULL) {
        int64_t rest = rest_ms(one, now_ms);
        standing = standing_of_keys(one, ask, now_ms, wait_ms);
        if (rest > 0) {
            standing = PLAN_OPEN;
            *wait_ms = rest > *wait_ms ? rest : *wait_ms;
        }
    }
    pthread_mutex_unlock(&healths->lock);
    return standing;
}

enum plan_standing offer_key_standing(struct offer_healths *healths, const struct offer *offer,
                                      unsigned key, int64_t now_ms, int64_t *wait_ms)
{
    enum plan_standing standing = PLAN_FREE;
    *wait_ms = 0;
    pthread_mutex_lock(&healths->lock);
    const struct offer_health *one = find(healths, offer, false);
    if (one != NULL)
        standing = standing_of_key(one, offer, key, now_ms, wait_ms);
    pthread_mutex_unlock(&healths->lock);
    return standing;
}

/* --- a turn --------------------------------------------------------------------------------------
 */

/* One of those that stand best, by chance. */
static unsigned pick_key(const struct offer_health *one, struct offer_ask ask, int64_t now_ms,
                         uint64_t random)
{
    unsigned best[PROVIDER_KEYS_MAX], n = 0;
    int64_t wait_ms = 0;
    if (one == NULL)
        return (unsigned)(random % count_keys(ask));
    enum plan_standing wanted = standing_of_keys(one, ask, now_ms, &wait_ms);
    for (unsigned i = 0; i < count_keys(ask); i++) {
        if (standing_of_key(one, ask.offer, i, now_ms, &wait_ms) == wanted)
            best[n++] = i;
    }
    return best[random % n];
}

bool offer_turn_begin(struct offer_healths *healths, struct offer_ask ask, int64_t now_ms,
                      uint64_t random, struct offer_turn *turn)
{
    pthread_mutex_lock(&healths->lock);
    struct offer_health *one = find(healths, ask.offer, true);
    bool may = one == NULL || breaker_wait_ms(&one->breaker, now_ms) == 0;
    *turn =
        (struct offer_turn){.health = may ? one : NULL, .key = pick_key(one, ask, now_ms, random)};
    turn->mark = mark_of(ask.offer, turn->key);
    if (turn->health != NULL) {
        struct key_health *key = &one->keys[turn->key];
        if (key->mark != turn->mark)
            *key = (struct key_health){.mark = turn->mark};
        turn->is_probe = breaker_ask(&one->breaker);
    }
    pthread_mutex_unlock(&healths->lock);
    return may;
}

bool offer_turn_has_other_key(struct offer_healths *healths, const struct offer_turn *turn,
                              const struct offer *offer, const struct failure *failure,
                              int64_t now_ms)
{
    bool has = false;
    enum fault_class class_ = fault_info(failure->fault)->class_;
    if (class_ != FAULT_CLASS_RATE && class_ != FAULT_CLASS_ACCOUNT)
        return false;
    if (turn->health == NULL)
        return offer->provider->key_count > 1;
    pthread_mutex_lock(&healths->lock);
    bool rests = rest_ms(turn->health, now_ms) > 0;
    for (unsigned i = 0; !rests && !has && i < count_keys((struct offer_ask){offer, OFFER_ANY_KEY});
         i++) {
        int64_t wait_ms = 0;
        has = i != turn->key &&
              standing_of_key(turn->health, offer, i, now_ms, &wait_ms) == PLAN_FREE;
    }
    pthread_mutex_unlock(&healths->lock);
    return has;
}

/* --- what comes of it ----------------------------------------------------------------------------
 */

/* What is known of its key; NULL when another one has come in its place meanwhile. */
static struct key_health *key_of(const struct offer_turn *turn)
{
    struct key_health *key = &turn->health->keys[turn->key];
    return key->mark == turn->mark ? key : NULL;
}

static void tell(struct offer_turn *turn, enum breaker_word word, int64_t now_ms, uint64_t random)
{
    breaker_tell(&turn->health->breaker, word, turn->is_probe, now_ms, random);
    turn->is_probe = false;
}

void offer_turn_good(struct offer_healths *healths, struct offer_turn *turn, int64_t now_ms)
{
    if (turn->health == NULL)
        return;
    pthread_mutex_lock(&healths->lock);
    struct key_health *key = key_of(turn);
    tell(turn, BREAKER_GOOD, now_ms, 0);
    if (key != NULL)
        key->benched_until_ms = 0;
    pthread_mutex_unlock(&healths->lock);
}

/* Until when it is left alone. */
static void cool(int64_t *cool_until_ms, const struct failure *failure, int64_t now_ms)
{
    int64_t wait_ms = failure->retry_after_ms;
    wait_ms = wait_ms < COOL_LEAST_MS ? COOL_LEAST_MS : wait_ms;
    int64_t until_ms = now_ms + (wait_ms < COOL_MOST_MS ? wait_ms : COOL_MOST_MS);
    if (until_ms > *cool_until_ms)
        *cool_until_ms = until_ms;
}

/* One that answers is well, whatever it says; what it says may be that it wants to be left alone.
 */
static enum breaker_word learn(const struct offer_turn *turn, const struct failure *failure,
                               int64_t now_ms)
{
    struct offer_health *health = turn->health;
    struct key_health *key = key_of(turn);
    switch (fault_info(failure->fault)->class_) {
    case FAULT_CLASS_SERVER:
        if (failure->retry_after_ms > 0)
            cool(&health->cool_until_ms, failure, now_ms);
        return BREAKER_BAD;
    case FAULT_CLASS_CONNECT:
    case FAULT_CLASS_AMBIGUOUS:
    case FAULT_CLASS_INVALID:
    case FAULT_CLASS_TRUNCATED:
        return BREAKER_BAD;
    case FAULT_CLASS_RATE:
        if (key != NULL)
            cool(&key->cool_until_ms, failure, now_ms);
        return BREAKER_GOOD;
    case FAULT_CLASS_ACCOUNT:
    case FAULT_CLASS_CONFIG:
        if (key != NULL)
            key->benched_until_ms = now_ms + BENCH_MS;
        return BREAKER_GOOD;
    case FAULT_CLASS_PARAMETER:
    case FAULT_CLASS_TOO_LARGE:
    case FAULT_CLASS_BLOCKED:
        return BREAKER_GOOD;
    case FAULT_CLASS_CALLER:
    case FAULT_CLASS_GATEWAY:
    case FAULT_CLASS_CLIENT:
    case FAULT_CLASS_FRAMING:
        break;
    }
    return BREAKER_NOTHING;
}

void offer_turn_failed(struct offer_healths *healths, struct offer_turn *turn,
                       const struct failure *failure, int64_t now_ms, uint64_t random)
{
    if (turn->health == NULL)
        return;
    pthread_mutex_lock(&healths->lock);
    tell(turn, learn(turn, failure, now_ms), now_ms, random);
    pthread_mutex_unlock(&healths->lock);
}

void offer_turn_end(struct offer_healths *healths, struct offer_turn *turn)
{
    if (turn->health != NULL && turn->is_probe) {
        pthread_mutex_lock(&healths->lock);
        tell(turn, BREAKER_NOTHING, 0, 0);
        pthread_mutex_unlock(&healths->lock);
    }
    *turn = (struct offer_turn){.health = NULL};
}
