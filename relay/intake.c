#include "relay/intake.h"

#include "relay/request.h"

static bool is_event_stream(const struct attempt_head *head)
{
    return str_starts_nocase(str_of(head->content_type), STR("text/event-stream"));
}

bool attempt_is_success(const struct attempt *attempt)
{
    return attempt->head.status >= 200 && attempt->head.status < 300;
}

/* How a success will be read, by its type and its first byte. */
static enum tap_kind kind_of_answer(const struct request *request, char first)
{
    const struct attempt_head *head = &request->attempt->head;
    struct str type = str_of(head->content_type);
    if (is_event_stream(head))
        return TAP_EVENTS;
    bool is_document =
        str_contains_nocase(type, STR("json")) || str_contains_nocase(type, STR("html"));
    if (request->text_asked) /* which may begin with a bracket: [Music] */
        return is_document || first == '{' || first == '<' ? TAP_JSON : TAP_TEXT;
    if (!request->module->binary || is_document)
        return TAP_JSON;
    bool says_little = type.n == 0 || str_starts_nocase(type, STR("text/"));
    return says_little && (first == '{' || first == '[' || first == '<') ? TAP_JSON : TAP_BYTES;
}

static void open_tap(struct request *request, char first)
{
    enum tap_kind kind = kind_of_answer(request, first);
    size_t whole = (size_t)request->snapshot->settings.server_reply_buffer;
    stream_release_memory(&request->stream);
    tap_init(&request->tap, kind, request->module, &request->stream);
    stream_init(&request->stream,
                tap_is_whole(&request->tap) ? whole + STREAM_EVENT_MAX : STREAM_EVENT_MAX * 2);
    /* Nothing can be withheld from a client that has gone. */
    request->tap.injected_usage = request->injected_usage && request->state != REQUEST_DRAINING;
    request->tap.asked = request->choices;
    request->tap_open = true;
}

/* The beginning says it: what is longer is at its end here. */
static bool take_error_body(struct request *request, const char *p, size_t n)
{
    size_t room = request->error_body.max - request->error_body.n;
    if (buf_add(&request->error_body, p, n < room ? n : room) && n <= room)
        return true;
    request->ended_early = true;
    loop_mark(request->relay->loop, &request->ready);
    return false;
}

/* An answer that is longer than can be held: it goes on as it comes, but for its end. */
static void release_long_answer(struct request *request)
{
    struct stream *stream = &request->stream;
    uint64_t whole = (uint64_t)request->snapshot->settings.server_reply_buffer;
    if (tap_is_whole(&request->tap) && !request->stream_asked && request->submission == NULL &&
        !request->tap.json_bad && !request->tap.seen.error && stream_size(stream) > whole) {
        request->tap.released_any = true;
        stream_release(stream, stream_size(stream) - TAP_LAST_BYTES);
    }
}

/* Into the stream and past the tap, which reads what the provider wrote. */
static bool take_success(struct request *request, const char *p, size_t n)
{
    if (request->vectors != NULL && request->tap.kind == TAP_JSON) {
        tap_feed(&request->tap, p, n);
        if (request->tap.json_bad || vector_text_push(request->vectors, &request->stream, p, n))
            return true;
        request->tap.json_bad = true; /* though it may be whole: it is no answer */
        return false;
    }
    if (!stream_push(&request->stream, p, n))
        return false;
    tap_feed(&request->tap, p, n);
    return true;
}

static bool on_body(void *context, const char *p, size_t n)
{
    struct request *request = context;
    if (!attempt_is_success(request->attempt))
        return take_error_body(request, p, n);
    if (n == 0)
        return true;
    if (!request->tap_open)
        open_tap(request, p[0]);
    if (request->state != REQUEST_DRAINING && stream_ready(&request->stream) > STREAM_HIGH) {
        request->paused_for_room = true;
        return false;
    }
    /* After the last word nothing more is kept than a tidy end needs. */
    if (request->tap.last_seen &&
        stream_size(&request->stream) > request->tap.last_end + TAP_LAST_BYTES)
        return true;
    if (request->stream.ended || !take_success(request, p, n)) {
        request->ended_early = true;
    } else {
        release_long_answer(request);
        if (request->state == REQUEST_DRAINING) {
            stream_release_all(&request->stream);
            stream_skip(&request->stream, stream_ready(&request->stream));
        }
    }
    loop_mark(request->relay->loop, &request->ready);
    return !request->ended_early;
}

static void on_changed(void *context)
{
    struct request *request = context;
    loop_mark(request->relay->loop, &request->ready);
}

struct sink intake_sink(struct request *request)
{
    return (struct sink){.body = on_body, .changed = on_changed, .context = request};
}
