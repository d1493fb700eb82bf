#include "relay/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define FLAT_MAX ((size_t)8 << 10)

static void on_value(void *context, const struct jspan_value *value)
{
    struct tap *tap = context;
    tap->module->reply_take(tap, value);
}

/* NOLINTNEXTLINE(readability-function-size): the scanner dictates the parameters. */
static void on_text(void *context, unsigned want, struct str name, bool is_name, bool first,
                    struct str piece)
{
    struct tap *tap = context;
    (void)want;
    if (!is_name && tap->module->reply_text != NULL)
        tap->module->reply_text(tap, name, piece, first);
}

static void on_inside(void *context, const struct str *path, size_t n,
                      const struct jspan_value *value)
{
    struct tap *tap = context;
    usage_object_take(&tap->usage_object, path, n, value);
}

/* A quiet stream has no scanner: it is made when the data of an event begins. */
static bool open_scanner(struct tap *tap)
{
    struct jspan_sink values = {
        .value = on_value, .text = on_text, .inside = on_inside, .context = tap};
    if (tap->json == NULL)
        tap->json = jspan_new(module_reply_plan(tap->module), &values, TAP_COPY_MAX);
    return tap->json != NULL;
}

static bool scanner_is_done(struct tap *tap)
{
    return tap->json != NULL && jspan_end(tap->json);
}

static void on_data(void *context, struct str piece)
{
    struct tap *tap = context;
    if (!tap->json_bad && !open_scanner(tap))
        tap->json_bad = true;
    if (!tap->json_bad && jspan_feed(tap->json, piece.p, piece.n) == JSPAN_BAD)
        tap->json_bad = true;
}

static void event_reset(struct tap *tap)
{
    memset(&tap->seen, 0, sizeof tap->seen);
    tap->json_bad = false;
    tap->raw = false;
    memset(&tap->choice, 0, sizeof tap->choice);
    memset(&tap->usage_object, 0, sizeof tap->usage_object);
    buf_release(&tap->flat);
    jspan_free(&tap->json);
}

static void release_until(struct tap *tap, uint64_t upstream_offset)
{
    stream_release(tap->stream, upstream_offset - tap->removed);
    tap->released_any = true;
}

static void take_out(struct tap *tap, const struct sse_event *event)
{
    stream_remove(tap->stream, event->begin - tap->removed, event->end - tap->removed);
    tap->removed += event->end - event->begin;
}

void tap_release_held(struct tap *tap)
{
    if (!tap->held)
        return;
    tap->held = false;
    tap->events += tap->events == 0;
    stream_release(tap->stream, tap->held_end);
    tap->released_any = true;
}

static void pass(struct tap *tap, const struct sse_event *event)
{
    tap->events++;
    tap->held = false;
    release_until(tap, event->end);
}

static void hold(struct tap *tap, const struct sse_event *event)
{
    if (tap->events > 0 || tap->raw) {
        pass(tap, event);
        return;
    }
    if (!tap->held)
        tap->held_ms = clock_ms();
    tap->held = true;
    tap->held_end = event->end - tap->removed;
}

static void note_last(struct tap *tap, const struct sse_event *event)
{
    tap->events++;
    tap->last_seen = true;
    tap->last_end = event->end - tap->removed;
}

static void note_error(struct tap *tap, const struct sse_event *event)
{
    tap->first_is_error = tap->events == 0;
    tap->error_seen = true;
    note_last(tap, event);
}

static void withhold(struct tap *tap, const struct sse_event *event)
{
    tap->events++;
    tap->withheld = !tap->raw; /* parts of a raw one are out already */
    if (tap->raw)
        release_until(tap, event->end);
    else
        take_out(tap, event);
}

/* A lone LF behind an event that ended with CR. */
static void on_tail(struct tap *tap, const struct sse_event *event)
{
    if (tap->withheld)
        take_out(tap, event);
    else if (tap->held)
        tap->held_end = event->end - tap->removed;
    else if (tap->released_any)
        release_until(tap, event->end);
}

/* The one place that decides what of an event stream goes on.  Nothing does from the last word on,
 * until it is committed (relay/settle). */
static void on_event(void *context, const struct sse_event *event)
{
    struct tap *tap = context;
    if (tap->last_seen)
        return;
    if (event->is_tail) {
        on_tail(tap, event);
        return;
    }
    tap->withheld = false;
    tap->has_id |= event->has_id;
    if (!event->has_data) {
        /* A comment before the first event waits for it: nothing goes out before it is known that
         * the stream does not begin with an error. */
        if (tap->events > 0)
            release_until(tap, event->end);
        event_reset(tap);
        return;
    }
    if (!scanner_is_done(tap))
        tap->json_bad = true;
    switch (tap->module->fate(tap, event)) {
    case EVENT_PASS:
        pass(tap, event);
        break;
    case EVENT_HOLD:
        hold(tap, event);
        break;
    case EVENT_WITHHOLD:
        withhold(tap, event);
        break;
    case EVENT_LAST:
        note_last(tap, event);
        break;
    case EVENT_FOREIGN_ERROR:
        tap->foreign_error = true;
        note_error(tap, event);
        break;
    case EVENT_ERROR:
        note_error(tap, event);
        break;
    }
    event_reset(tap);
}

void tap_init(struct tap *tap, enum tap_kind kind, const struct module *module,
              struct stream *stream)
{
    memset(tap, 0, sizeof *tap);
    tap->module = module;
    tap->kind = kind;
    tap->stream = stream;
    buf_init(&tap->error, TAP_COPY_MAX);
    buf_init(&tap->flat, FLAT_MAX);
    buf_init(&tap->issued, TAP_ISSUED_MAX);
    struct sse_sink events = {.data = on_data, .event = on_event, .context = tap};
    sse_init(&tap->sse, &events);
}

void tap_release(struct tap *tap)
{
    jspan_free(&tap->json);
    buf_release(&tap->error);
    buf_release(&tap->flat);
    buf_release(&tap->issued);
}

/* The end waits for the charge. */
static void feed_bytes(struct tap *tap)
{
    uint64_t size = stream_size(tap->stream);
    tap->items = 1;
    tap->released_any = true;
    if (size > TAP_LAST_BYTES)
        stream_release(tap->stream, size - TAP_LAST_BYTES);
}

void tap_feed(struct tap *tap, const char *p, size_t n)
{
    if (tap->kind == TAP_BYTES) {
        feed_bytes(tap);
        return;
    }
    if (tap->kind == TAP_JSON) {
        on_data(tap, (struct str){p, n});
        return;
    }
    if (tap->kind == TAP_TEXT) {
        tap->module->reply_text(tap, STR_EMPTY, (struct str){p, n}, false);
        return;
    }
    sse_feed(&tap->sse, p, n);
    if (stream_size(tap->stream) > STREAM_EVENT_MAX)
        tap_release_held(tap); /* they are no less long than an event that passes raw */
    uint64_t open = tap->sse.offset - sse_open_begin(&tap->sse);
    if (!tap->last_seen && (open > STREAM_EVENT_MAX || tap->raw)) {
        tap->raw = true;
        tap->events += tap->events == 0;
        release_until(tap, tap->sse.offset);
    }
}

/* A stream that ends without the blank line behind its last event: that event goes on if its data
 * is whole, else it never was. */
void tap_end(struct tap *tap)
{
    if (tap->kind == TAP_BYTES || tap->kind == TAP_TEXT)
        return;
    if (tap->kind == TAP_JSON) {
        if (!scanner_is_done(tap))
            tap->json_bad = true;
        return;
    }
    uint64_t begin = sse_open_begin(&tap->sse);
    struct str head = {tap->sse.head, tap->sse.head_n};
    bool whole = !tap->json_bad && scanner_is_done(tap);
    if (tap->last_seen || tap->raw)
        return;
    if ((whole || str_eq(str_trim(head), STR("[DONE]"))) && sse_end(&tap->sse))
        return;
    if (begin - tap->removed < stream_size(tap->stream))
        stream_cut(tap->stream);
}

bool tap_is_whole(const struct tap *tap)
{
    return tap->kind == TAP_JSON || tap->kind == TAP_TEXT;
}

bool tap_is_good(const struct tap *tap)
{
    return tap->kind == TAP_BYTES || tap->kind == TAP_TEXT ||
           (!tap->json_bad && tap->module->reply_is_good(tap));
}

bool tap_is_complete(const struct tap *tap)
{
    return (tap->last_seen && !tap->error_seen) ||
           (!tap->error_seen && tap->module->is_complete(tap));
}

bool tap_has_output(const struct tap *tap)
{
    return tap->output.bytes > 0;
}

/* --- members of replies --------------------------------------------------------------------------
 */

void tap_take_error(struct tap *tap, const struct jspan_value *value)
{
    if (value->type == JSPAN_NULL || tap->error.n > 0)
        return;
    tap->seen.error = true;
    /* Too long to keep is an error all the same; not an object, since one that nobody has looked at
     * must not be relayed. */
    struct str text = value->raw_cut ? STR("\"\"") : value->raw;
    if (!buf_add_str(&tap->error, text))
        buf_clear(&tap->error);
}

void tap_take_kind(struct tap *tap, const struct jspan_value *value)
{
    if (tap->module->event_kind != NULL && value->type == JSPAN_STRING && !value->text_cut)
        tap->seen.kind = tap->module->event_kind(value->text);
}

unsigned tap_kind(const struct tap *tap, struct str beside)
{
    return tap->seen.kind != 0 ? tap->seen.kind : tap->module->event_kind(beside);
}

void tap_take_flat(struct tap *tap, const struct jspan_value *value)
{
    struct buf *flat = &tap->flat;
    const char *name = tap->module->reply_wants[value->want].path[0];
    if (value->type != JSPAN_STRING && value->type != JSPAN_NUMBER)
        return;
    if (!buf_addf(flat, "%s\"%s\":\"", flat->n > 0 ? "," : "", name) ||
        !buf_add_json(flat, value->text) || !buf_add_char(flat, '"'))
        buf_clear(flat);
}

void tap_take_flat_error(struct tap *tap)
{
    tap->seen.error = true;
    if (tap->error.n > 0)
        return;
    struct str members = buf_str(&tap->flat);
    if (!buf_add_char(&tap->error, '{') || !buf_add_str(&tap->error, members) ||
        !buf_add_char(&tap->error, '}'))
        buf_clear(&tap->error);
}

void tap_forget_error(struct tap *tap)
{
    tap->seen.error = false;
    buf_clear(&tap->error);
}

static bool is_issued(const struct tap *tap, struct str id)
{
    struct str left = buf_str(&tap->issued), one;
    while (str_cut(&left, '\0', &one)) {
        if (str_eq(str_from(one, 1), id))
            return true;
    }
    return false;
}

/* Not after the last word: the store may be reading them. */
void tap_take_id(struct tap *tap, char letter, const struct jspan_value *value)
{
    struct str id = value->text;
    if (value->type != JSPAN_STRING || value->text_cut || id.n == 0 || str_index(id, '\0') < id.n ||
        tap->last_seen || is_issued(tap, id) || id.n + 2 > tap->issued.max - tap->issued.n)
        return;
    if (!buf_add_char(&tap->issued, letter) || !buf_add_str(&tap->issued, id) ||
        !buf_add_char(&tap->issued, '\0')) {
        buf_clear(&tap->issued);
        return;
    }
    tap->issued_items += letter == PIN_ITEM;
}

void tap_take_usage(struct tap *tap, const struct jspan_value *value)
{
    if (value->type == JSPAN_NULL)
        return;
    tap->seen.usage |= value->type == JSPAN_OBJECT;
    tap->usage_object.bad |= value->type != JSPAN_OBJECT;
    usage_merge(&tap->usage, &tap->usage_object);
    memset(&tap->usage_object, 0, sizeof tap->usage_object);
    tap->output_at_usage = tap->output;
}

void tap_take_result(struct tap *tap, const struct jspan_value *value)
{
    if (value->type != JSPAN_ARRAY)
        return;
    tap->seen.result = value->count > 0;
    tap->seen.result_empty = value->count == 0;
    tap->items += (int64_t)value->count;
}

void tap_take_word(const struct jspan_value *value, char *into, size_t size)
{
    if (value->type == JSPAN_STRING && value->text.n < size)
        snprintf(into, size, "%.*s", STR_ARG(value->text));
}

void tap_note_choice(struct tap *tap, uint64_t index, bool finished)
{
    if (index >= TAP_CHOICES_MAX) {
        tap->choice_overflow = true;
        return;
    }
    uint8_t bit = (uint8_t)(1u << (index % 8));
    tap->choice_seen[index / 8] |= bit;
    if (finished)
        tap->choice_finished[index / 8] |= bit;
}

bool tap_choices_finished(const struct tap *tap)
{
    bool any = false;
    for (size_t i = 0; i < sizeof tap->choice_seen; i++) {
        any |= tap->choice_seen[i] != 0;
        if ((tap->choice_seen[i] & ~tap->choice_finished[i]) != 0)
            return false;
    }
    return any && !tap->choice_overflow;
}
