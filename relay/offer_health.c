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
#define KEY_SIZE 1024
#define COOL_LEAST_MS 1000
#define COOL_MOST_MS 300000
#define BENCH_MS 300000 /* an account or a model that is refused is the operator's to mend */

struct offer_health {
    char *key; /* provider/upstream model */
    struct breaker breaker;
    int64_t cool_until_ms, benched_until_ms;
    bool is_limited; /* it cools down from a rate limit */
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
        free(one->key);
        free(one);
    }
    pthread_mutex_destroy(&(*healths)->lock);
    free(*healths);
    *healths = NULL;
}

static struct offer_health *add(struct offer_healths *healths, struct str key)
{
    struct offer_health *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->key = str_dup(key);
    if (one->key != NULL)
        HASH_ADD_KEYPTR(hh, healths->first, one->key, key.n, one);
    if (one->key == NULL || one->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(one->key);
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
    char key[KEY_SIZE];
    if (!offer->provider->breaker)
        return NULL;
    int n = snprintf(key, sizeof key, "%s/%s", offer->provider->name, offer->upstream_model);
    if (n < 0 || (size_t)n >= sizeof key)
        return NULL;
    HASH_FIND(hh, healths->first, key, (size_t)n, one);
    if (one == NULL && make && HASH_COUNT(healths->first) < OFFERS_KNOWN_MAX)
        one = add(healths, (struct str){key, (size_t)n});
    return one;
}

enum plan_standing offer_standing(struct offer_healths *healths, const struct offer *offer,
                                  int64_t now_ms, int64_t *wait_ms)
{
    enum plan_standing standing = PLAN_FREE;
    pthread_mutex_lock(&healths->lock);
    const struct offer_health *one = find(healths, offer, false);
    if (one != NULL) {
        int64_t open_ms = breaker_wait_ms(&one->breaker, now_ms);
        int64_t cool_ms = one->cool_until_ms - now_ms;
        *wait_ms = open_ms > cool_ms ? open_ms : cool_ms;
        standing = open_ms > 0                      ? PLAN_OPEN
                   : cool_ms > 0                    ? (one->is_limited ? PLAN_COOLING : PLAN_OPEN)
                   : one->benched_until_ms > now_ms ? PLAN_LAST
                                                    : PLAN_FREE;
    }
    pthread_mutex_unlock(&healths->lock);
    return standing;
}

bool offer_turn_begin(struct offer_healths *healths, const struct offer *offer, int64_t now_ms,
                      struct offer_turn *turn)
{
    pthread_mutex_lock(&healths->lock);
    struct offer_health *one = find(healths, offer, true);
    bool may = one == NULL || breaker_wait_ms(&one->breaker, now_ms) == 0;
    *turn = (struct offer_turn){.health = may ? one : NULL};
    if (turn->health != NULL)
        turn->is_probe = breaker_ask(&one->breaker);
    pthread_mutex_unlock(&healths->lock);
    return may;
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
    tell(turn, BREAKER_GOOD, now_ms, 0);
    turn->health->benched_until_ms = 0;
    pthread_mutex_unlock(&healths->lock);
}

static void cool(struct offer_health *health, const struct failure *failure, int64_t now_ms)
{
    int64_t wait_ms = failure->retry_after_ms;
    wait_ms = wait_ms < COOL_LEAST_MS ? COOL_LEAST_MS : wait_ms;
    int64_t until_ms = now_ms + (wait_ms < COOL_MOST_MS ? wait_ms : COOL_MOST_MS);
    if (until_ms < health->cool_until_ms)
        return;
    health->cool_until_ms = until_ms;
    health->is_limited = fault_info(failure->fault)->class_ == FAULT_CLASS_RATE;
}

/* One that answers is well, whatever it says; what it says may be that it wants to be left alone.
 */
static enum breaker_word learn(struct offer_health *health, const struct failure *failure,
                               int64_t now_ms)
{
    switch (fault_info(failure->fault)->class_) {
    case FAULT_CLASS_SERVER:
        if (failure->retry_after_ms > 0)
            cool(health, failure, now_ms);
        return BREAKER_BAD;
    case FAULT_CLASS_CONNECT:
    case FAULT_CLASS_AMBIGUOUS:
    case FAULT_CLASS_INVALID:
    case FAULT_CLASS_TRUNCATED:
        return BREAKER_BAD;
    case FAULT_CLASS_RATE:
        cool(health, failure, now_ms);
        return BREAKER_GOOD;
    case FAULT_CLASS_ACCOUNT:
    case FAULT_CLASS_CONFIG:
        health->benched_until_ms = now_ms + BENCH_MS;
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
    tell(turn, learn(turn->health, failure, now_ms), now_ms, random);
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
