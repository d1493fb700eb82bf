/* What a request costs, and the release of its last bytes.
 *
 * Every exit of an admitted request comes here exactly once: the hold is returned, the charge
 * entered, the row mailed.  A response is never completed before its charge is committed. */
#include "relay/request.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/count.h"
#include "relay/error_dialect.h"
#include "relay/pin.h"
#include "relay/provider_turn.h"
#include "relay/task_submit.h"

#define LINGER_MS 1000 /* how long an upstream may go on after its last word */

/* --- the row -------------------------------------------------------------------------------------
 */

static int answer_status(const struct request *request)
{
    if (request->client_gone && !str_eq(str_of(request->end), STR("finished")))
        return 499;
    if (request->answer == ANSWER_STREAM && request->answer_status != 0)
        return request->answer_status;
    if (request->answer == ANSWER_STREAM || request->failure.fault == FAULT_NONE)
        return 200;
    return error_tell(&request->failure, request->snapshot->settings.server_error_dialect).status;
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
    if (entry->admitted_ms == 0) { /* refused before anything was held */
        entry->admitted_ms = clock_wall_ms();
        entry->group_ppm = request->key->group_ppm;
        entry->user_ppm = request->key->user_ppm;
        entry->first_ms = -1;
        entry->hold_nusd = 0;
    }
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
    if (charge && request->admitted)
        count_charge(request, entry);
    describe(request, entry);
    if (charge)
        pin_issue(request, entry);
    task_submit_end(request, charge);
    int64_t tokens = charge ? count_used_tokens(request, entry) : 0;
    provider_turn_end(request, tokens);
    if (entry->hold.taken)
        book_settle(store_book(request->relay->store), &entry->hold, entry->charge_nusd, tokens);
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
        request->answer = request->local.n > 0 ? ANSWER_LOCAL : ANSWER_WHOLE;
    stream_release_all(stream);
    request_enter(request, REQUEST_FINISHING, "charge committed");
    if (lingers) {
        timer_arm(loop_timers(request->relay->loop), &request->timer, clock_ms() + LINGER_MS);
    } else {
        request_end_attempt(request);
        if (request->breaks)
            stream_abort(stream);
        else if (!stream->ended)
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
