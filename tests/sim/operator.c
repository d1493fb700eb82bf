/* The operator of the simulated world: credits, and limits of keys that are set while requests run.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/world.h"

/* --- credits ---------------------------------------------------------------------------------- */

static void on_credited(struct store_call *call)
{
    struct world_credit *credit = CONTAINER_OF(call, struct world_credit, admin.call);
    struct world *world = credit->world;
    json_decref(credit->admin.arguments);
    json_decref(credit->admin.result);
    buf_release(&credit->admin.why);
    if (!world_counts(world, call))
        return;
    world_say(world, "  the credit is answered %d\n", (int)call->code);
    credit->answer = call->code == STORE_DOWN ? LOST : DONE;
    if (call->code == STORE_OK)
        world->users[credit->user].credited += credit->nusd;
    world->credits += call->code == STORE_OK;
}

void operator_credits(struct world *world)
{
    struct world_credit *credit = &world->credit;
    char amount[USD_TEXT_SIZE];
    if (credit->answer == SENT)
        return;
    /* What nobody was told of is asked again, under the same reference. */
    if (credit->answer != LOST) {
        credit->user = dice_below(&world->dice, WORLD_USERS);
        credit->nusd = (int64_t)dice_below(&world->dice, 2000000000) - 1000000000;
        credit->nusd += credit->nusd == 0;
        snprintf(credit->ref, sizeof credit->ref, "ref-%" PRIu64, dice_next(&world->dice) >> 8);
    }
    usd_format(credit->nusd, amount);
    credit->world = world;
    credit->admin = (struct store_admin){
        .operation = "user credit",
        .arguments = json_pack("{s:s, s:s, s:s}", "name", world_user_names[credit->user], "amount",
                               amount, "ref", credit->ref)};
    buf_init(&credit->admin.why, 1024);
    credit->answer = SENT;
    world_prepare(world, &credit->admin.call, on_credited);
    store_admin(world->store, &credit->admin);
    world_say(world, "user %u is credited %" PRId64 "\n", credit->user, credit->nusd);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void on_limited(struct store_call *call)
{
    struct world_limit *limit = CONTAINER_OF(call, struct world_limit, admin.call);
    struct world *world = limit->world;
    json_decref(limit->admin.arguments);
    json_decref(limit->admin.result);
    buf_release(&limit->admin.why);
    if (!world_counts(world, call))
        return;
    world_say(world, "  the limit is answered %d\n", (int)call->code);
    limit->answer = call->code == STORE_DOWN ? LOST : DONE;
    if (call->code == STORE_OK)
        world->limits[limit->key] = limit->nusd;
    else if (call->code != STORE_DOWN)
        world_violated(world, "a limit was answered %d", (int)call->code);
}

void operator_limits(struct world *world)
{
    static const unsigned keys[] = {0, 1, 3}; /* those whose limit is for ever */
    struct world_limit *limit = &world->limit;
    char amount[USD_TEXT_SIZE];
    if (limit->answer == SENT)
        return;
    if (limit->answer != LOST) {
        limit->key = keys[dice_below(&world->dice, COUNT(keys))];
        limit->nusd = dice_hits(&world->dice, 3)
                          ? -1
                          : (int64_t)(dice_next(&world->dice) % (uint64_t)(20 * USD));
    }
    if (limit->nusd >= 0)
        usd_format(limit->nusd, amount);
    json_t *text = limit->nusd >= 0 ? json_string(amount) : json_null();
    limit->world = world;
    limit->admin = (struct store_admin){
        .operation = "key set",
        .arguments =
            json_pack("{s:I, s:o}", "id", (json_int_t)world->key_ids[limit->key], "limit", text)};
    buf_init(&limit->admin.why, 1024);
    limit->answer = SENT;
    world_prepare(world, &limit->admin.call, on_limited);
    store_admin(world->store, &limit->admin);
    world_say(world, "key %u is limited to %" PRId64 "\n", limit->key, limit->nusd);
}
