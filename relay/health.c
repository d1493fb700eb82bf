#include "relay/health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/blocked.h"
#include "relay/offer_health.h"

/* Append-only: readers scan entries[0..count) without a lock, an appender holds the mutex and
 * publishes an entry by raising count. */
struct health {
    atomic_uint count;
    pthread_mutex_t append;
    struct offer_healths *offers;
    struct blocked *blocked;
    struct provider_health overflow;
    struct provider_health entries[HEALTH_PROVIDERS_MAX];
};

struct health *health_new(void)
{
    struct health *health = calloc(1, sizeof *health);
    if (health == NULL)
        return NULL;
    pthread_mutex_init(&health->append, NULL);
    health->offers = offer_healths_new();
    health->blocked = blocked_new();
    if (health->offers == NULL || health->blocked == NULL)
        health_free(&health);
    return health;
}

void health_free(struct health **health)
{
    if (*health == NULL)
        return;
    offer_healths_free(&(*health)->offers);
    blocked_free(&(*health)->blocked);
    pthread_mutex_destroy(&(*health)->append);
    free(*health);
    *health = NULL;
}

struct offer_healths *health_offers(struct health *health)
{
    return health->offers;
}

struct blocked *health_blocked(struct health *health)
{
    return health->blocked;
}

static struct provider_health *find(struct health *health, const char *name)
{
    unsigned count = atomic_load_explicit(&health->count, memory_order_acquire);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(health->entries[i].name, name) == 0)
            return &health->entries[i];
    }
    return NULL;
}

struct provider_health *health_of(struct health *health, const char *provider_name)
{
    struct provider_health *entry = find(health, provider_name);
    if (entry != NULL)
        return entry;
    pthread_mutex_lock(&health->append);
    entry = find(health, provider_name);
    unsigned count = atomic_load_explicit(&health->count, memory_order_relaxed);
    if (entry == NULL && count == HEALTH_PROVIDERS_MAX) {
        entry = &health->overflow;
    } else if (entry == NULL) {
        entry = &health->entries[count];
        snprintf(entry->name, sizeof entry->name, "%s", provider_name);
        atomic_store_explicit(&health->count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&health->append);
    return entry;
}
