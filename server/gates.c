#include "server/gates.h"

#include <stdio.h>

#include "base/clock.h"
#include "relay/allowance.h"
#include "relay/asked_model.h"
#include "relay/count.h"
#include "relay/outbound.h"
#include "relay/request.h"

#define DIGITS_MEAN 3 /* an id of a token is so many times longer than the shortest */

static enum fault refuse(struct request *request, enum fault fault, const char *subject)
{
    failure_set(&request->failure, fault, "%s", subject);
    return fault;
}

static enum fault find_model(struct request *request)
{
    const char *name = asked_model_name(request);
    request->model = snapshot_model(request->snapshot, str_of(name));
    enum fault fault = FAULT_NONE;
    if (request->model == NULL)
        fault = refuse(request, FAULT_MODEL_NOT_FOUND, name);
    else if (!model_serves(request->model, request->module->endpoint))
        fault = refuse(request, FAULT_ENDPOINT_NOT_SUPPORTED, name);
    if (fault != FAULT_NONE)
        failure_set_param(&request->failure, "model");
    return fault;
}

/* What the model does not take is as good as not given: max_tokens that nobody will read limits
 * nothing, say. */
static enum fault forget_dropped(struct request *request)
{
    const struct word_list *drop = outbound_drop(request);
    bool forgotten = false;
    for (unsigned i = 0; i < drop->n; i++)
        forgotten |= fields_forget(request->fields, str_of(drop->list[i]));
    return forgotten ? request->module->check(request, &request->failure) : FAULT_NONE;
}

static enum fault check_permission(struct request *request)
{
    const struct key_record *key = request->key;
    const char *model = request->model->name;
    if (!key->group_enabled) {
        failure_set(&request->failure, FAULT_ENDPOINT_NOT_PERMITTED, "'%s' is disabled",
                    key->group_name);
        return FAULT_ENDPOINT_NOT_PERMITTED;
    }
    enum fault fault = key_record_permits_endpoint(key, request->module->endpoint);
    if (fault != FAULT_NONE) {
        failure_set(&request->failure, fault, "'%s' has no permission for endpoint '%s'",
                    key->group_name, endpoint_name(request->module->endpoint));
        return fault;
    }
    fault = key_record_permits_model(key, str_of(model));
    if (fault == FAULT_MODEL_NOT_PERMITTED)
        failure_set(&request->failure, fault, "'%s' has no permission for model '%s'",
                    key->group_name, model);
    else if (fault != FAULT_NONE)
        failure_set(&request->failure, fault, "%s", model);
    if (fault != FAULT_NONE)
        failure_set_param(&request->failure, "model");
    return fault;
}

/* What is asked for has no price, or one that cannot be written down. */
static enum fault refuse_price(struct request *request, enum charge_result result)
{
    const char *param = result == CHARGE_OVERFLOW  ? "max_tokens"
                        : request->size[0] != '\0' ? "size"
                                                   : "quality";
    failure_set(&request->failure, FAULT_INVALID_VALUE,
                result == CHARGE_OVERFLOW ? "'%s': the cost is out of range"
                                          : "'%s': the model does not offer this",
                param);
    failure_set_param(&request->failure, param);
    return FAULT_INVALID_VALUE;
}

/* The money does not reach: what is told of it. */
static void refuse_money(struct request *request, enum fault fault, const struct admission *found)
{
    char needed[USD_TEXT_SIZE], there[USD_TEXT_SIZE], hint[64] = "";
    const char *saving = request->module->saving;
    int64_t left = found->available_nusd;
    usd_format(found->needed_nusd, needed);
    usd_format(left >= 0 ? left : left > INT64_MIN ? -left : INT64_MAX, there);
    if (saving != NULL)
        snprintf(hint, sizeof hint, "; a smaller %s lowers the need", saving);
    if (left >= 0)
        failure_set(&request->failure, fault,
                    ": this request needs up to %s USD and %s USD is available%s", needed, there,
                    hint);
    else
        failure_set(&request->failure, fault,
                    ": this request needs up to %s USD and the account is overdrawn by %s USD",
                    needed, there);
}

/* A limit or the money does not reach. */
static enum fault refuse_demand(struct request *request, enum fault fault,
                                const struct admission *found)
{
    if (fault == FAULT_GATEWAY_MEMORY)
        return refuse(request, fault, "");
    if (fault_info(fault)->status == 429)
        failure_set_limit(&request->failure, fault, &found->limit);
    else
        refuse_money(request, fault, found);
    return fault;
}

/* What it asks for, with its price. */
static enum fault weigh(struct request *request, struct demand *demand)
{
    *demand = (struct demand){.model = request->model->name};
    enum charge_result priced = count_hold(request, &demand->nusd);
    if (priced != CHARGE_OK)
        return refuse_price(request, priced);
    if (demand->nusd > 0 && store_is_degraded(request->relay->store))
        return refuse(request, FAULT_STORE_UNAVAILABLE, "");
    count_demand(request, &demand->tokens, &demand->prompt_tokens);
    return FAULT_NONE;
}

enum fault gate_hold(struct request *request)
{
    struct ledger_entry *entry = &request->settle.entry;
    struct admission found = {.needed_nusd = 0};
    struct demand demand;
    enum fault fault = weigh(request, &demand);
    if (fault != FAULT_NONE)
        return fault;
    entry->hold_nusd = demand.nusd;
    fault =
        book_admit(store_book(request->relay->store), request->key, &demand, &entry->hold, &found);
    request->allowances = found.allowances;
    if (fault != FAULT_NONE)
        return refuse_demand(request, fault, &found);
    entry->admitted_ms = clock_wall_ms();
    entry->group_ppm = request->key->group_ppm;
    entry->user_ppm = request->key->user_ppm;
    entry->first_ms = -1;
    request->admitted = true;
    return FAULT_NONE;
}

enum fault gate_foresee(struct request *request, struct outlook *outlook)
{
    struct demand demand;
    enum fault fault = weigh(request, &demand);
    if (fault != FAULT_NONE)
        return fault;
    request->settle.entry.hold_nusd = demand.nusd;
    fault = book_foresee(store_book(request->relay->store), request->key, &demand, outlook);
    return fault == FAULT_NONE ? fault : refuse_demand(request, fault, &outlook->found);
}

enum fault gate_turn(struct request *request)
{
    const struct key_record *key = request->key;
    struct admission found = {.needed_nusd = 0};
    if (key == NULL)
        return FAULT_NONE;
    const struct metered_call call = {
        .key_id = key->id, .user_id = key->user_id, .group_id = key->group_id};
    enum fault fault = book_take_turn(store_book(request->relay->store), &call,
                                      &request->settle.entry.hold.metered, &found);
    request->allowances = found.allowances;
    return fault == FAULT_NONE ? fault : refuse_demand(request, fault, &found);
}

enum fault gate_fields(struct request *request)
{
    enum fault fault = fields_finish(request->fields, &request->failure);
    return fault == FAULT_NONE ? request->module->check(request, &request->failure) : fault;
}

enum fault gate_model(struct request *request)
{
    const struct fields *fields = request->fields;
    enum fault fault = find_model(request);
    if (fault == FAULT_NONE)
        fault = check_permission(request);
    if (fault == FAULT_NONE)
        fault = forget_dropped(request);
    if (fault != FAULT_NONE)
        return fault;
    fields_text(fields, FIELD_service_tier, request->tier, sizeof request->tier);
    fields_text(fields, FIELD_quality, request->quality, sizeof request->quality);
    fields_text(fields, FIELD_size, request->size, sizeof request->size);
    int64_t ids = fields_token_ids(fields, FIELD_input) + fields_token_ids(fields, FIELD_prompt);
    request->prompt_tokens = estimate_tokens(&fields->prompt) + fields->media_tokens +
                             (ids + DIGITS_MEAN - 1) / DIGITS_MEAN;
    request->is_uncounted = fields->media_tokens > 0 || fields->with_search;
    return FAULT_NONE;
}
