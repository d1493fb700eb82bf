/* What the process has learned about its providers at run time; memory only, shared by all workers.
 * Entries are found by name, so that they outlive a reload; none is ever removed. */
#ifndef RELAY_HEALTH_H
#define RELAY_HEALTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

#define HEALTH_PROVIDERS_MAX 1024

struct provider_health {
    char name[72];
    atomic_bool refuses_stream_usage; /* it answered 400 to stream_options: do not send it again */
    atomic_bool is_paused;            /* by the operator: no new request is sent there */
    atomic_llong attempts, failures;
    atomic_int in_flight;
};

struct health;
struct offer_healths;
struct blocked;

MUST_USE struct health *health_new(void);
void health_free(struct health **health);
/* What is known of its offers, each. */
struct offer_healths *health_offers(struct health *health);
/* The prompts that were refused a moment ago. */
struct blocked *health_blocked(struct health *health);
/* The entry of a provider, made at the first call; never NULL (an overflow entry when full). */
struct provider_health *health_of(struct health *health, const char *provider_name);

#endif
