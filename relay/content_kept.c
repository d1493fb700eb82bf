#include "relay/content_kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "relay/content.h"
#include "relay/content_answer.h"
#include "relay/request.h"

#define OPEN_MS 10000

static bool is_playing(const struct request *request)
{
    return request->state == REQUEST_AWAITING || request->state == REQUEST_RELAYING;
}

static void is_back(struct kept_film *film)
{
    struct request *request = film->context;
    if (is_playing(request))
        loop_mark(request->relay->loop, &request->ready);
    request_mail_back(request);
}

bool content_kept_begin(struct request *request)
{
    struct kept kept;
    struct relay *relay = request->relay;
    if (relay->keeper == NULL || !keeper_find(relay->keeper, request->task->public_id, &kept))
        return false;
    request->film =
        kept_film_open(relay->keeper, &kept, loop_mailbox(relay->loop), is_back, request);
    if (request->film == NULL) {
        content_refuse(request, FAULT_GATEWAY_MEMORY);
        return true;
    }
    request->mail_out++;
    request_enter(request, REQUEST_DISPATCHING, "content");
    request_enter(request, REQUEST_AWAITING, "kept");
    timer_arm(loop_timers(relay->loop), &request->timer, clock_ms() + OPEN_MS);
    return true;
}

void content_kept_late(struct request *request)
{
    content_refuse(request, FAULT_GATEWAY_INTERNAL);
}

/* A copy is what it was as long as it is there. */
static void name_version(const struct kept *kept, struct content_version *version)
{
    time_t seconds = (time_t)(kept->kept_ms / 1000);
    struct tm utc;
    snprintf(version->etag, sizeof version->etag, "\"%" PRIx64 "-%" PRIx64 "\"",
             (uint64_t)kept->bytes, (uint64_t)kept->kept_ms);
    version->modified[0] = '\0';
    if (gmtime_r(&seconds, &utc) != NULL)
        (void)!strftime(version->modified, sizeof version->modified, "%a, %d %b %Y %H:%M:%S GMT",
                        &utc);
}

static void read_next(struct request *request)
{
    uint64_t left = request->film_to - request->film_at;
    request->mail_out++;
    kept_film_read(request->film, request->film_at, left < KEPT_PIECE ? (size_t)left : KEPT_PIECE);
}

static void commit(struct request *request)
{
    const struct kept *kept = &request->film->kept;
    struct content_version version = {.etag = ""};
    struct byte_range range;
    name_version(kept, &version);
    if (!content_add_range(request, str_of(kept->type), (uint64_t)kept->bytes, &version, &range)) {
        content_refuse(request, FAULT_GATEWAY_MEMORY);
        return;
    }
    int64_t n = (int64_t)(range.to - range.from);
    if (content_is_head(request) || n == 0) {
        content_answer_whole(request, content_status_of(&range), n);
        return;
    }
    request->film_at = range.from;
    request->film_to = range.to;
    request->answer = ANSWER_STREAM;
    request->answer_status = content_status_of(&range);
    request->answer_bytes = n;
    task_free(&request->task);
    client_headers_release(&request->client);
    request_enter(request, REQUEST_RELAYING, "content");
    request_wake_exchange(request);
    read_next(request);
}

/* What was removed at this moment may still lie where it came from. */
static void step_opened(struct request *request)
{
    if (!request->film->failed) {
        commit(request);
        return;
    }
    kept_film_free(&request->film);
    content_relay(request);
}

static void step_relaying(struct request *request)
{
    struct kept_film *film = request->film;
    struct stream *stream = &request->stream;
    if (film->failed || !stream_push(stream, film->piece, film->n)) {
        content_break_off(request, FAULT_STREAM_DISCONNECTED, "upstream_gone");
        return;
    }
    request->film_at += film->n;
    film->n = 0;
    stream_release_all(stream);
    if (request->film_at == request->film_to) {
        stream_end(stream);
        content_finish(request, "finished");
    } else if (stream_ready(stream) > STREAM_HIGH) {
        request->paused_for_room = true;
        request_wake_exchange(request);
    } else {
        read_next(request);
        request_wake_exchange(request);
    }
}

void content_kept_step(struct request *request)
{
    if (request->film->away || request->paused_for_room)
        return;
    if (request->state == REQUEST_AWAITING)
        step_opened(request);
    else if (request->state == REQUEST_RELAYING)
        step_relaying(request);
}
