/* What a request costs, and the release of its last bytes.
 *
 * Every exit of an admitted request comes here exactly once: the hold is returned, the charge
 * entered, the row mailed.  A response is never completed before its charge is committed. */
#include "relay/request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/charge.h"

#define ABSURD_SLACK 20000
#define LINGER_MS 1000 /* how long an upstream may go on after its last word */

/* --- the hold ------------------------------------------------------------------------------------
 */

static struct price_match match_of(const struct request *request, const struct counters *counters,
                                   const char *tier)
{
    (void)request;
    return (struct price_match){.input_tokens = counters_input(counters),
                                .tier = str_of(tier),
                                .quality = STR_EMPTY,
                                .size = STR_EMPTY};
}

bool request_hold_nusd(const struct request *request, int64_t *nusd)
{
    struct counters counters = {{0}};
    request->module->ceiling(request, &counters);
    struct price_match match = match_of(request, &counters, request->tier);
    const struct price *price = &request->model->price;
    struct charge charge;
    if (charge_compute(price, &counters, &match, request->key->group_ppm, request->key->user_ppm,
                       &charge) != CHARGE_OK)
        return false;
    *nusd = charge.nusd;
    /* All of the output may be reasoning, and that may be the dearer kind. */
    counters.n[COUNTER_out_reasoning] = counters.n[COUNTER_out_text];
    counters.n[COUNTER_out_text] = 0;
    if (charge_compute(price, &counters, &match, request->key->group_ppm, request->key->user_ppm,
                       &charge) != CHARGE_OK)
        return false;
    if (charge.nusd > *nusd)
        *nusd = charge.nusd;
    return true;
}

/* --- the charge ----------------------------------------------------------------------------------
 */

static int64_t output_estimate(const struct tap *tap)
{
    return estimate_tokens(&tap->output);
}

/* Fills counters and source; false when there is nothing to charge for. */
static bool count_usage(struct request *request, struct ledger_entry *entry)
{
    const struct tap *tap = &request->tap;
    struct counters *counters = &entry->counters;
    enum usage_dialect dialect =
        request->offer->provider->completion_from_total ? USAGE_GEMINI : USAGE_OPENAI;
    bool told = usage_counters(&tap->usage, dialect, false, counters, &entry->flags);
    int64_t spoken = output_estimate(tap);
    if (tap->usage.bad)
        entry->flags |= ENTRY_FLAG(bad_usage);
    if (!told) {
        bool finished = str_eq(str_of(request->end), STR("finished"));
        if (spoken == 0 && !finished)
            return false;
        counters->n[COUNTER_in_text] = request->prompt_tokens;
        counters->n[COUNTER_out_text] = spoken;
        entry->source = USAGE_ESTIMATED;
        return true;
    }
    entry->source = USAGE_UPSTREAM;
    if (counters_input(counters) == 0 && request->prompt_tokens > 0) {
        counters->n[COUNTER_in_text] = request->prompt_tokens;
        entry->source = USAGE_MERGED;
    }
    if (counters_output(counters) == 0 && spoken > 0) {
        counters->n[COUNTER_out_text] = spoken;
        entry->source = USAGE_MERGED;
    } else if (!tap->last_seen || tap->error_seen) {
        /* Cut: text that came after the last report is not in it. */
        int64_t since = spoken - estimate_tokens(&tap->output_at_usage);
        if (since > 0) {
            counters->n[COUNTER_out_text] += since;
            entry->source = USAGE_MERGED;
        }
    }
    return true;
}

/* More than the request can have used: not credible, so capped and told to the operator. */
static bool is_absurd(const struct request *request, const struct counters *counters)
{
    const struct model *model = request->model;
    int64_t input = counters_input(counters), output = counters_output(counters);
    int64_t most_in =
        model->context > 0 ? model->context : 4 * request->prompt_tokens + ABSURD_SLACK;
    int64_t most_out = request->output_limit > 0 ? 64 * request->output_limit * request->choices
                       : model->max_output > 0   ? model->max_output * request->choices
                                                 : INT64_MAX;
    return input > most_in || output > most_out;
}

static void compute_charge(struct request *request, struct ledger_entry *entry)
{
    const char *tier =
        request->tap.service_tier[0] != '\0' ? request->tap.service_tier : request->tier;
    struct price_match match = match_of(request, &entry->counters, tier);
    struct charge charge;
    enum charge_result result = charge_compute(&request->model->price, &entry->counters, &match,
                                               entry->group_ppm, entry->user_ppm, &charge);
    if (result != CHARGE_OK) {
        entry->charge_nusd = entry->hold_nusd;
        entry->flags |= ENTRY_FLAG(unpriced);
        return;
    }
    entry->charge_nusd = charge.nusd;
    if (is_absurd(request, &entry->counters)) {
        entry->flags |= ENTRY_FLAG(absurd_usage);
        if (entry->charge_nusd > 2 * entry->hold_nusd)
            entry->charge_nusd = 2 * entry->hold_nusd;
        log_write(LOG_WARNING, "relay", "request %s: provider %s reports an absurd usage",
                  request->id_text, request->offer->provider->name);
    }
    if (entry->charge_nusd > entry->hold_nusd)
        entry->flags |= ENTRY_FLAG(above_hold);
}

/* --- the row -------------------------------------------------------------------------------------
 */

static int answer_status(const struct request *request)
{
    if (request->client_gone && !str_eq(str_of(request->end), STR("finished")))
        return 499;
    if (request->answer == ANSWER_STREAM || request->failure.fault == FAULT_NONE)
        return 200;
    return fault_info(request->failure.fault)->status;
}

static void describe(struct request *request, struct ledger_entry *entry)
{
    entry->id = request->id;
    entry->user_id = request->key->user_id;
    entry->key_id = request->key->id;
    entry->group_id = request->key->group_id;
    entry->endpoint = request->module->name;
    entry->model = request->model != NULL ? request->model->name : NULL;
    if (request->offer != NULL) {
        entry->provider = request->offer->provider->name;
        entry->upstream_model = request->offer->upstream_model;
    }
    if (entry->admitted_ms == 0)
        entry->admitted_ms = clock_wall_ms();
    entry->stream = request->stream_asked;
    entry->status = answer_status(request);
    entry->reason = request->failure.fault != FAULT_NONE ? failure_reason(&request->failure) : NULL;
    entry->end = request->end;
    entry->total_ms = clock_ms() - request->created_ms;
}

static void settle_is_back(struct store_call *call)
{
    struct store_settle *settle = CONTAINER_OF(call, struct store_settle, call);
    struct request *request = CONTAINER_OF(settle, struct request, settle);
    bool in_time = request->state == REQUEST_SETTLING;
    request_mail_back(request);
    if (in_time)
        request_commit_done(request);
}

static void mail_entry(struct request *request)
{
    request->settle.call.reply = loop_mailbox(request->relay->loop);
    request->settle.call.done = settle_is_back;
    request->mail_out++;
    store_settle(request->relay->store, &request->settle);
}

void request_settle(struct request *request, bool charge, bool wait)
{
    CHECK(!request->settled);
    request->settled = true;
    struct ledger_entry *entry = &request->settle.entry;
    if (request->key == NULL) /* nobody to write it down for */
        return;
    if (charge && request->admitted && count_usage(request, entry))
        compute_charge(request, entry);
    describe(request, entry);
    if (entry->hold.taken)
        book_settle(store_book(request->relay->store), &entry->hold, entry->charge_nusd);
    mail_entry(request);
    if (!wait)
        return;
    request_enter(request, REQUEST_SETTLING, "charge mailed");
    timer_arm(loop_timers(request->relay->loop), &request->timer,
              clock_ms() + request->snapshot->settings.server_commit_timeout_ms);
}

/* The last bytes may go: the answer of a document is shown, the stream's last word released. */
static void let_go(struct request *request)
{
    struct stream *stream = &request->stream;
    bool lingers = request->attempt != NULL && request->attempt->end == ATTEMPT_RUNNING;
    if (request->answer == ANSWER_NONE)
        request->answer = ANSWER_WHOLE;
    stream_release_all(stream);
    request_enter(request, REQUEST_FINISHING, "charge committed");
    if (lingers) {
        timer_arm(loop_timers(request->relay->loop), &request->timer, clock_ms() + LINGER_MS);
    } else {
        request_end_attempt(request);
        if (!stream->ended)
            stream_end(stream);
    }
    body_release(&request->body);
    request_wake_exchange(request);
}

void request_commit_done(struct request *request)
{
    CHECK(request->state == REQUEST_SETTLING);
    if (request->mail_out > 0) {
        /* The limit has passed: a finished answer is not held back for ever, but nothing new that
         * costs is admitted until the books can be written. */
        store_note_late(request->relay->store);
        log_write(LOG_WARNING, "relay", "request %s let go before its charge of %lld nUSD is in",
                  request->id_text, (long long)request->settle.entry.charge_nusd);
    }
    if (request->client_gone || request->exchange == NULL) {
        request_end_attempt(request);
        request_enter(request, REQUEST_CLOSED, "client gone");
        return;
    }
    let_go(request);
}
