#include "server/server.h"

#include "base/clock.h"
#include "relay/offer_health.h"
#include "store/store_tasks.h"

static long long lag_max_us(struct worker_figures *figures)
{
    long long max = 0;
    for (unsigned i = 0; i < LAG_SLOTS; i++) {
        long long lag = atomic_load(&figures->lag_recent[i]);
        max = lag > max ? lag : max;
    }
    return max;
}

static json_t *loops_of(struct server *server)
{
    json_t *loops = json_array();
    for (unsigned i = 0; i < server->worker_count; i++) {
        struct worker_figures *figures = &server->workers[i]->figures;
        json_array_append_new(
            loops, json_pack("{s:i, s:f, s:I, s:I, s:I, s:I}", "loop", (int)i, "lag_max_ms",
                             (double)lag_max_us(figures) / 1000.0, "requests",
                             (json_int_t)atomic_load(&figures->requests), "streams",
                             (json_int_t)atomic_load(&figures->streams), "connections",
                             (json_int_t)atomic_load(&figures->connections), "buffered_bytes",
                             (json_int_t)atomic_load(&figures->buffered_bytes)));
    }
    return loops;
}

static json_t *providers_of(struct server *server, const struct snapshot *snapshot)
{
    json_t *providers = json_array();
    for (unsigned i = 0; i < snapshot->provider_count; i++) {
        const struct provider *provider = &snapshot->providers[i];
        struct provider_health *health = health_of(server->health, provider->name);
        json_array_append_new(providers,
                              json_pack("{s:s, s:b, s:b, s:I, s:I, s:i}", "name", provider->name,
                                        "enabled", (int)provider->enabled, "paused",
                                        (int)atomic_load(&health->is_paused), "attempts",
                                        (json_int_t)atomic_load(&health->attempts), "failures",
                                        (json_int_t)atomic_load(&health->failures), "in_flight",
                                        atomic_load(&health->in_flight)));
    }
    return providers;
}

struct rest {
    enum plan_standing standing;
    int64_t wait_ms;
};

/* `key`: its number, or null. */
static void add_resting(json_t *resting, const struct model *model, const struct offer *offer,
                        json_t *key, struct rest rest)
{
    json_array_append_new(resting, json_pack("{s:s, s:s, s:o, s:s, s:I}", "provider",
                                             offer->provider->name, "model", model->name, "key",
                                             key, "state", plan_standing_name(rest.standing),
                                             "for_ms", (json_int_t)rest.wait_ms));
}

/* The offer as a whole, and by their numbers those of its keys that rest alone. */
static void add_offer(struct offer_healths *healths, const struct model *model,
                      const struct offer *offer, json_t *resting)
{
    struct rest rest = {PLAN_FREE, 0};
    const struct offer_ask ask = {offer, OFFER_ANY_KEY};
    const struct provider *provider = offer->provider;
    rest.standing = offer_standing(healths, ask, clock_ms(), &rest.wait_ms);
    if (rest.standing != PLAN_FREE)
        add_resting(resting, model, offer, json_null(), rest);
    for (unsigned i = 0; provider->key_count > 1 && i < provider->key_count; i++) {
        rest.standing = offer_key_standing(healths, offer, i, clock_ms(), &rest.wait_ms);
        if (rest.standing != PLAN_FREE)
            add_resting(resting, model, offer, json_integer(i + 1), rest);
    }
}

/* Offers that are not asked now, or last; `for_ms`: until the first look at them again. */
static json_t *resting_of(struct server *server, const struct snapshot *snapshot)
{
    json_t *resting = json_array();
    for (unsigned i = 0; i < snapshot->model_count; i++) {
        const struct model *model = &snapshot->models[i];
        for (unsigned k = 0; k < model->offer_count; k++)
            add_offer(health_offers(server->health), model, &model->offers[k], resting);
    }
    return resting;
}

static json_t *tasks_of(const struct server *server)
{
    int64_t counts[TASK_STATE_COUNT];
    json_t *tasks = json_object();
    store_task_counts(server->store, counts);
    for (unsigned i = 0; i < TASK_STATE_COUNT; i++)
        (void)json_object_set_new(tasks, task_state_name((enum task_state)i),
                                  json_integer(counts[i]));
    return tasks;
}

static json_t *kept_of(const struct server *server)
{
    int64_t files = 0, bytes = 0;
    if (server->keeper == NULL)
        return json_null();
    keeper_figures(server->keeper, &files, &bytes);
    return json_pack("{s:I, s:I}", "files", (json_int_t)files, "bytes", (json_int_t)bytes);
}

struct snapshot *server_snapshot(void *context)
{
    struct server *server = context;
    return snapshot_retain(server->workers[0]->relay.snapshot);
}

struct engine *server_engine(void *context)
{
    struct server *server = context;
    return server->workers[0]->engine;
}

struct relay *server_relay(void *context)
{
    struct server *server = context;
    return &server->workers[0]->relay;
}

json_t *server_status(void *context)
{
    struct server *server = context;
    const struct snapshot *snapshot = server->workers[0]->relay.snapshot;
    char loaded[CLOCK_TEXT_SIZE];
    clock_format_utc(snapshot->loaded_ms, loaded);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "state",
        server->workers[0]->draining ? "draining" : "running", "version", GATEWAY_VERSION, "url",
        buf_str(&server->url).p, "uptime_s", (json_int_t)((clock_ms() - server->started_ms) / 1000),
        "config", snapshot->file, "config_loaded", loaded, "loops", loops_of(server), "providers",
        providers_of(server, snapshot), "resting", resting_of(server, snapshot), "tasks",
        tasks_of(server), "kept", kept_of(server));
}
