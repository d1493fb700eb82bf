#include "relay/relay.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "relay/request.h"

#define SWEEP_MS 1000
#define OPEN_AFTER_MS 1000

/* Rows for requests in flight, so that a crash leaves a trace of them. */
static void on_sweep(struct timer *timer)
{
    struct relay *relay = CONTAINER_OF(timer, struct relay, sweep);
    for (struct request *r = relay->requests; r != NULL; r = r->next) {
        if (!r->admitted || r->settled || r->open_noted ||
            clock_ms() - r->received_ms < OPEN_AFTER_MS)
            continue;
        struct ledger_entry entry = r->settle.entry;
        entry.id = r->id;
        entry.user_id = r->key->user_id;
        entry.key_id = r->key->id;
        entry.group_id = r->key->group_id;
        entry.endpoint = r->module->name;
        entry.model = r->model->name;
        entry.provider = r->offer != NULL ? r->offer->provider->name : NULL;
        entry.upstream_model = r->offer != NULL ? r->offer->upstream_model : NULL;
        entry.stream = r->stream_asked;
        entry.end = "open";
        store_note_open(relay->store, &entry);
        r->open_noted = true;
    }
    timer_arm(loop_timers(relay->loop), timer, clock_ms() + SWEEP_MS);
}

void relay_init(struct relay *relay, struct loop *loop, struct engine *engine, struct store *store,
                struct health *health)
{
    memset(relay, 0, sizeof *relay);
    relay->loop = loop;
    relay->engine = engine;
    relay->store = store;
    relay->health = health;
    secret_random(&relay->random, sizeof relay->random);
    relay->random |= 1;
    timer_init(&relay->sweep, on_sweep);
    timer_arm(loop_timers(loop), &relay->sweep, clock_ms() + SWEEP_MS);
}

void relay_set_snapshot(struct relay *relay, struct snapshot *snapshot)
{
    struct snapshot *old = relay->snapshot;
    relay->snapshot = snapshot_retain(snapshot);
    snapshot_drop(&old);
}

void relay_release(struct relay *relay)
{
    CHECK(relay->requests == NULL);
    timer_disarm(loop_timers(relay->loop), &relay->sweep);
    snapshot_drop(&relay->snapshot);
}

uint64_t relay_random(struct relay *relay)
{
    relay->random ^= relay->random << 13;
    relay->random ^= relay->random >> 7;
    relay->random ^= relay->random << 17;
    return relay->random;
}

int64_t relay_buffered_bytes(const struct relay *relay)
{
    int64_t bytes = 0;
    for (const struct request *r = relay->requests; r != NULL; r = r->next)
        bytes += (int64_t)(r->stream.bytes.n + r->body.memory.n);
    return bytes;
}

void relay_cut_all(struct relay *relay)
{
    for (struct request *r = relay->requests; r != NULL; r = r->next)
        request_cut(r);
}
