#include "relay/pin.h"

#include <string.h>

#include "base/clock.h"
#include "relay/choose.h"
#include "relay/request.h"

#define TOKENS_MAX ((int64_t)1 << 24) /* more of one object is not believed */

bool pin_is_needed(const struct request *request)
{
    return request->fields->references.ids.n > 0;
}

bool pin_is_taken(const struct request *request)
{
    return request->references.ids.n > 0;
}

static void pins_are_back(struct store_call *call)
{
    struct store_pins_get *get = CONTAINER_OF(call, struct store_pins_get, call);
    struct request *request = CONTAINER_OF(get, struct request, pins_get);
    request->looked_up = true;
    request_mail_back(request);
    if (request->state == REQUEST_LOOKING_UP)
        request_wake_exchange(request);
}

void pin_look_up(struct request *request)
{
    /* The fields may go before the mail is back. */
    references_release(&request->references);
    request->references = request->fields->references;
    references_init(&request->fields->references);
    struct store_pins_get *get = &request->pins_get;
    int64_t limit = clock_ms() + request->snapshot->settings.server_store_timeout_ms;
    get->user_id = request->key->user_id;
    get->ids = buf_str(&request->references.ids);
    get->call.reply = loop_mailbox(request->relay->loop);
    get->call.done = pins_are_back;
    get->call.deadline_ms = limit;
    request->mail_out++;
    request_enter(request, REQUEST_LOOKING_UP, "names objects of a provider");
    timer_arm(loop_timers(request->relay->loop), &request->timer, limit);
    store_pins_get(request->relay->store, get);
}

static enum fault refuse_reference(struct request *request, unsigned position)
{
    struct str found = reference_at(&request->references, position), id = str_from(found, 1);
    failure_set(&request->failure, FAULT_REFERENCE_NOT_FOUND, "%.*s", STR_ARG(id));
    failure_set_param(&request->failure, reference_param(found.n > 0 ? found.p[0] : '\0'));
    return FAULT_REFERENCE_NOT_FOUND;
}

enum fault pin_take(struct request *request)
{
    const struct store_pins_get *get = &request->pins_get;
    switch (get->call.code) {
    case STORE_OK:
        request->carried_tokens = get->tokens;
        request->prompt_tokens += get->tokens;
        return FAULT_NONE;
    case STORE_NOTFOUND:
        return refuse_reference(request, get->missing);
    case STORE_CONFLICT:
    case STORE_SHORT:
    case STORE_BUSY:
    case STORE_DOWN:
    case STORE_INVALID:
    case STORE_UNKNOWN:
        break;
    }
    failure_set(&request->failure, FAULT_STORE_UNAVAILABLE, "%s", "");
    return FAULT_STORE_UNAVAILABLE;
}

enum fault pin_plan(struct request *request)
{
    bool elsewhere;
    enum fault fault = choose_offer_at(request, request->pins_get.provider, &elsewhere);
    return elsewhere ? refuse_reference(request, 0) : fault;
}

static int64_t at_most(int64_t n, int64_t most)
{
    return n < most ? n : most;
}

void pin_issue(const struct request *request, struct ledger_entry *entry)
{
    if (!request->module->stateful || !request->tap_open || request->unstored)
        return;
    int64_t output = counters_output(&entry->counters);
    int64_t items = request->tap.issued_items;
    entry->issued = buf_str(&request->tap.issued);
    entry->answer_tokens = at_most(counters_input(&entry->counters) + output, TOKENS_MAX);
    entry->item_tokens = items > 0 ? at_most((output + items - 1) / items, TOKENS_MAX) : 0;
}
