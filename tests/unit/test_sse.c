#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/sse.h"

#define LOG_SIZE 8192
#define EVENTS_MAX 64

struct event {
    uint64_t begin, end, data_bytes;
    char type[SSE_TYPE_MAX + 1], head[SSE_HEAD_MAX + 1], data[LOG_SIZE];
    size_t data_n;
    bool has_data, has_id;
};

/* What a stream gave.  A tail is added to the event before it, which makes any cuts comparable. */
struct record {
    struct event events[EVENTS_MAX];
    size_t n, tails;
    char data[LOG_SIZE]; /* of the event that is being read */
    size_t data_n;
    uint64_t open_begin;
    bool ended;
};

static void record_data(void *context, struct str piece)
{
    struct record *r = context;
    assert_true(piece.n > 0 && r->data_n + piece.n < LOG_SIZE);
    memcpy(r->data + r->data_n, piece.p, piece.n);
    r->data_n += piece.n;
}

static void record_event(void *context, const struct sse_event *e)
{
    struct record *r = context;
    uint64_t expected_begin = r->n == 0 ? 0 : r->events[r->n - 1].end;
    assert_int_equal(e->begin, expected_begin);
    assert_true(e->end > e->begin);
    if (e->is_tail) {
        assert_true(r->n > 0);
        assert_int_equal(e->end, e->begin + 1);
        assert_false(e->has_data || e->has_id);
        assert_int_equal(e->type.n + e->head.n + e->data_bytes, 0);
        r->events[r->n - 1].end = e->end;
        r->tails++;
        return;
    }
    assert_true(r->n < EVENTS_MAX);
    struct event *event = &r->events[r->n++];
    memset(event, 0, sizeof *event);
    event->begin = e->begin;
    event->end = e->end;
    event->data_bytes = e->data_bytes;
    event->has_data = e->has_data;
    event->has_id = e->has_id;
    memcpy(event->type, e->type.p, e->type.n);
    memcpy(event->head, e->head.p, e->head.n);
    memcpy(event->data, r->data, r->data_n);
    event->data_n = r->data_n;
    r->data_n = 0;
    assert_int_equal(event->data_n, e->data_bytes);
    assert_memory_equal(event->data, event->head, e->head.n);
}

/* Each piece comes from a block of its own size, so that a sanitizer sees any look beyond it. */
static void feed(struct sse *sse, const char *p, size_t n)
{
    char *block = malloc(n > 0 ? n : 1);
    assert_non_null(block);
    memcpy(block, p, n);
    sse_feed(sse, block, n);
    free(block);
}

/* Feeds `text` with ends of pieces at both cuts; step > 0: in pieces of that size instead. */
static void split(struct str text, const size_t cuts[2], size_t step, struct record *r)
{
    struct sse sse;
    struct sse_sink sink = {.data = record_data, .event = record_event, .context = r};
    memset(r, 0, sizeof *r);
    sse_init(&sse, &sink);
    if (step > 0) {
        for (size_t at = 0; at < text.n; at += step)
            feed(&sse, text.p + at, text.n - at < step ? text.n - at : step);
    } else {
        feed(&sse, text.p, cuts[0]);
        feed(&sse, text.p + cuts[0], cuts[1] - cuts[0]);
        feed(&sse, text.p + cuts[1], text.n - cuts[1]);
    }
    r->open_begin = sse_open_begin(&sse);
    r->ended = sse_end(&sse);
    if (r->ended)
        assert_int_equal(sse_open_begin(&sse), text.n);
}

static void assert_same(const struct record *a, const struct record *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->open_begin, b->open_begin);
    assert_int_equal(a->ended, b->ended);
    for (size_t i = 0; i < a->n; i++) {
        const struct event *x = &a->events[i], *y = &b->events[i];
        assert_int_equal(x->begin, y->begin);
        assert_int_equal(x->end, y->end);
        assert_string_equal(x->type, y->type);
        assert_string_equal(x->head, y->head);
        assert_int_equal(x->data_n, y->data_n);
        assert_memory_equal(x->data, y->data, x->data_n);
        assert_int_equal(x->has_data, y->has_data);
        assert_int_equal(x->has_id, y->has_id);
    }
}

static struct record result;

/* Splits `text` whole, byte by byte and at every pair of cuts (long texts: at some), and insists on
 * the same result. */
static void scan(struct str text)
{
    static struct record other;
    split(text, (size_t[2]){0, 0}, 0, &result);
    assert_int_equal(result.tails, 0);
    split(text, NULL, 1, &other);
    assert_same(&result, &other);
    size_t stride = text.n > 80 ? text.n / 16 : 1;
    for (size_t i = 0; i <= text.n; i += stride) {
        for (size_t k = i; k <= text.n; k += stride) {
            split(text, (size_t[2]){i, k}, 0, &other);
            assert_same(&result, &other);
        }
    }
}

static void assert_event(size_t at, uint64_t end, const char *type, const char *data)
{
    assert_true(at < result.n);
    const struct event *e = &result.events[at];
    assert_int_equal(e->end, end);
    assert_string_equal(e->type, type);
    assert_int_equal(e->has_data, data != NULL);
    assert_string_equal(e->data, data != NULL ? data : "");
}

/* --- events ----------------------------------------------------------------------------------- */

static void events_are_split_at_blank_lines_of_every_kind(void **state)
{
    (void)state;
    static const char *const line_ends[] = {"\n", "\r", "\r\n"};
    for (size_t i = 0; i < COUNT(line_ends); i++) {
        const char *e = line_ends[i];
        char text[128];
        int n = snprintf(text, sizeof text, "data: a%s%sevent: x%sdata:b%s%s", e, e, e, e, e);
        uint64_t size = strlen(e);
        scan((struct str){text, (size_t)n});
        assert_int_equal(result.n, 2);
        assert_event(0, 7 + 2 * size, "", "a");
        assert_event(1, (uint64_t)n, "x", "b");
        assert_int_equal(result.open_begin, n);
        assert_false(result.ended);
    }
}

static void events_with_mixed_line_ends_are_split(void **state)
{
    (void)state;
    scan(STR("data: a\r\n\ndata: b\n\r\ndata: c\r\rdata: d\n\rdata: e\r\n\r"));
    assert_int_equal(result.n, 5);
    assert_event(0, 10, "", "a");
    assert_event(1, 20, "", "b");
    assert_event(2, 29, "", "c");
    assert_event(3, 38, "", "d");
    assert_event(4, 48, "", "e");
}

static void crlf_cut_after_its_cr_gives_a_tail(void **state)
{
    (void)state;
    static struct record r;
    struct str text = STR("data: a\r\n\r\ndata: b\r\n\r\n");
    split(text, (size_t[2]){10, 10}, 0, &r);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.tails, 1);
    assert_int_equal(r.events[0].end, 11);
    /* A cut inside the line end of a data line gives none. */
    split(text, (size_t[2]){8, 8}, 0, &r);
    assert_int_equal(r.tails, 0);
    split(text, NULL, 1, &r);
    assert_int_equal(r.tails, 2);
}

static void event_ended_by_cr_is_reported_before_the_lf_comes(void **state)
{
    (void)state;
    static struct record r;
    struct sse sse;
    struct sse_sink sink = {.data = record_data, .event = record_event, .context = &r};
    memset(&r, 0, sizeof r);
    sse_init(&sse, &sink);
    feed(&sse, "data: a\r\n\r", 10);
    assert_int_equal(r.n, 1);
    assert_int_equal(sse_open_begin(&sse), 10);
    feed(&sse, "\n", 1);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.tails, 1);
    assert_int_equal(sse_open_begin(&sse), 11);
    /* A second LF is a blank line of its own. */
    feed(&sse, "\n", 1);
    assert_int_equal(r.n, 2);
    assert_false(r.events[1].has_data);
    assert_false(sse_end(&sse));
}

static void event_block_without_data_is_reported_as_such(void **state)
{
    (void)state;
    scan(STR(": ping\n\n\n\nevent: x\nid: 1\n\ndata: a\n\n"));
    assert_int_equal(result.n, 5);
    assert_event(0, 8, "", NULL);
    assert_event(1, 9, "", NULL);
    assert_event(2, 10, "", NULL);
    assert_event(3, 26, "x", NULL);
    assert_true(result.events[3].has_id);
    assert_event(4, 35, "", "a");
    assert_false(result.events[4].has_id);
}

static void event_unfinished_begins_behind_the_last_one(void **state)
{
    (void)state;
    scan(STR("data: a\n\ndata: b"));
    assert_int_equal(result.open_begin, 9);
    scan(STR("data: a\n\n"));
    assert_int_equal(result.open_begin, 9);
    scan(STR(""));
    assert_int_equal(result.open_begin, 0);
}

/* --- fields ----------------------------------------------------------------------------------- */

static void data_drops_one_space_only(void **state)
{
    (void)state;
    static const struct {
        const char *line, *data;
    } cases[] = {
        {"data: x", "x"},
        {"data:x", "x"},
        {"data:  x", " x"},
        {"data:\tx", "\tx"},
        {"data: x ", "x "},
        {"data::x", ":x"},
        {"data: :x", ":x"},
        {"data", ""},
        {"data:", ""},
        {"data: ", ""},
        {"data:  ", " "},
        {"data : x", NULL},
        {" data: x", NULL},
        {"Data: x", NULL},
        {"dat: x", NULL},
        {"datax: x", NULL},
        {"dataxyz", NULL},
        {":data: x", NULL},
        {":", NULL},
        {"x", NULL},
        {"\xef\xbb\xbf", NULL},
        {"data: [DONE]", "[DONE]"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[64];
        /* Not the first line, where a BOM would be dropped. */
        int n = snprintf(text, sizeof text, "\n%s\n\n", cases[i].line);
        scan((struct str){text, (size_t)n});
        assert_int_equal(result.n, 2);
        assert_event(1, (uint64_t)n, "", cases[i].data);
    }
}

static void data_lines_are_joined_by_lf(void **state)
{
    (void)state;
    scan(STR("data: a\n: c\ndata:b\nevent: t\ndata\ndata: \r\ndata: d\r\n\r\n"));
    assert_int_equal(result.n, 1);
    assert_event(0, 52, "t", "a\nb\n\n\nd");
    scan(STR("data\ndata\n\n"));
    assert_event(0, 11, "", "\n");
    scan(STR("data:\ndata: x\n\n"));
    assert_event(0, 15, "", "\nx");
}

static void data_longer_than_the_head_is_counted_in_full(void **state)
{
    (void)state;
    char text[700] = "data: ";
    memset(text + 6, 'x', 600);
    memcpy(text + 606, "\ndata: y\n\n", 10);
    scan((struct str){text, 616});
    assert_int_equal(result.n, 1);
    assert_int_equal(result.events[0].data_bytes, 602);
    assert_int_equal(strlen(result.events[0].head), SSE_HEAD_MAX);
    assert_string_equal(result.events[0].data + 599, "x\ny");
}

static void data_keeps_every_other_byte(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        if (byte == '\n' || byte == '\r')
            continue;
        for (size_t at = 0; at < 17; at++) {
            char text[32] = "data:aaaaaaaaaaaaaaaaaa\n\n";
            text[5 + at] = (char)byte;
            split((struct str){text, 25}, (size_t[2]){0, 0}, 0, &result);
            assert_int_equal(result.n, 1);
            size_t dropped = byte == ' ' && at == 0 ? 1 : 0;
            assert_int_equal(result.events[0].data_n, 18 - dropped);
            assert_memory_equal(result.events[0].data, text + 5 + dropped, 18 - dropped);
        }
    }
}

static void line_end_is_found_at_any_alignment(void **state)
{
    (void)state;
    for (size_t at = 0; at < 20; at++) {
        char text[64];
        int n = snprintf(text, sizeof text, "data:%.*s\ndata:%.*s\r\rx: \x0b\x0c\x0e\x8a\x8d\n\n",
                         (int)at, "aaaaaaaaaaaaaaaaaaaa", (int)at, "bbbbbbbbbbbbbbbbbbbb");
        split((struct str){text, (size_t)n}, (size_t[2]){0, 0}, 0, &result);
        assert_int_equal(result.n, 2);
        assert_int_equal(result.events[0].end, 13 + 2 * at);
        assert_int_equal(result.events[0].data_n, 2 * at + 1);
    }
}

static void type_is_the_last_one_of_the_event(void **state)
{
    (void)state;
    scan(STR("events: x\ndata: a\n\nretryx: 1\n\n"));
    assert_event(0, 19, "", "a");
    assert_false(result.events[1].has_id);
    scan(STR("event: one\nevent: two\ndata: a\n\ndata: b\n\nevent:three\nevent\ndata: c\n\n"));
    assert_int_equal(result.n, 3);
    assert_event(0, 31, "two", "a");
    assert_event(1, 40, "", "b");
    assert_event(2, 67, "", "c");
}

static void type_longer_than_its_ceiling_is_cut(void **state)
{
    (void)state;
    char text[256];
    char type[100];
    memset(type, 't', sizeof type);
    for (size_t n = 63; n <= 66; n++) {
        int size = snprintf(text, sizeof text, "event: %.*s\ndata: a\n\n", (int)n, type);
        scan((struct str){text, (size_t)size});
        assert_int_equal(strlen(result.events[0].type), n < 64 ? n : 64);
    }
}

static void id_and_retry_are_noticed(void **state)
{
    (void)state;
    scan(STR("id: 1\ndata: a\n\nretry: 10\ndata: b\n\nid\ndata: c\n\nidx: 1\ndata: d\n\n"));
    assert_int_equal(result.n, 4);
    assert_true(result.events[0].has_id);
    assert_true(result.events[1].has_id);
    assert_true(result.events[2].has_id);
    assert_false(result.events[3].has_id);
}

static void bom_is_dropped_only_at_the_very_start(void **state)
{
    (void)state;
    scan(STR("\xef\xbb\xbf"
             "data: a\n\n\xef\xbb\xbf"
             "data: b\n\ndata: c\n\n"));
    assert_int_equal(result.n, 3);
    assert_event(0, 12, "", "a");
    assert_event(1, 24, "", NULL);
    assert_event(2, 33, "", "c");
    scan(STR("\xef\xbb\xbf\xef\xbb\xbf"
             "data: a\n\n"));
    assert_event(0, 15, "", NULL);
    scan(STR("\xef\xbb"
             "data: a\n\ndata: b\n\n"));
    assert_event(0, 11, "", NULL);
    assert_event(1, 20, "", "b");
    scan(STR("\xef\xbb\n\n"));
    assert_int_equal(result.n, 1);
    assert_event(0, 4, "", NULL);
    scan(STR("\xef\xbb\xbf\n"));
    assert_int_equal(result.n, 1);
    assert_event(0, 4, "", NULL);
    scan(STR("\n\xef\xbb\xbf"
             "data: a\n\n"));
    assert_event(1, 13, "", NULL);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void end_completes_an_event_that_lacks_its_blank_line(void **state)
{
    (void)state;
    static const char *const texts[] = {"data: a\n", "data: a", "data: a\r", "data: a\r\n",
                                        ": c\ndata: a\n: half a comment"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        scan(str_of(texts[i]));
        assert_true(result.ended);
        assert_int_equal(result.n, 1);
        assert_event(0, strlen(texts[i]), "", "a");
    }
    scan(STR("data: a\n\nevent: x\ndata:"));
    assert_true(result.ended);
    assert_int_equal(result.n, 2);
    assert_event(1, 23, "x", "");
}

static void end_without_an_event_reports_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "data: a\n\n", "data",         "dat",
                                        ": c\n",    "event: x\n",  "data: a\nda",  "data: a\n\n: c",
                                        "\xef\xbb", "id: 1",       "data: a\ndata"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        scan(str_of(texts[i]));
        assert_false(result.ended);
    }
}

static void sink_without_data_gets_events_still(void **state)
{
    (void)state;
    static struct record r;
    memset(&r, 0, sizeof r);
    struct sse sse;
    struct sse_sink sink = {.event = record_event, .context = &r};
    sse_init(&sse, &sink);
    feed(&sse, ": x\n\ndata\n\n", 11);
    assert_int_equal(r.n, 2);
    assert_true(r.events[1].has_data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_split_at_blank_lines_of_every_kind),
        cmocka_unit_test(events_with_mixed_line_ends_are_split),
        cmocka_unit_test(crlf_cut_after_its_cr_gives_a_tail),
        cmocka_unit_test(event_ended_by_cr_is_reported_before_the_lf_comes),
        cmocka_unit_test(event_block_without_data_is_reported_as_such),
        cmocka_unit_test(event_unfinished_begins_behind_the_last_one),
        cmocka_unit_test(data_drops_one_space_only),
        cmocka_unit_test(data_lines_are_joined_by_lf),
        cmocka_unit_test(data_longer_than_the_head_is_counted_in_full),
        cmocka_unit_test(data_keeps_every_other_byte),
        cmocka_unit_test(line_end_is_found_at_any_alignment),
        cmocka_unit_test(type_is_the_last_one_of_the_event),
        cmocka_unit_test(type_longer_than_its_ceiling_is_cut),
        cmocka_unit_test(id_and_retry_are_noticed),
        cmocka_unit_test(bom_is_dropped_only_at_the_very_start),
        cmocka_unit_test(end_completes_an_event_that_lacks_its_blank_line),
        cmocka_unit_test(end_without_an_event_reports_nothing),
        cmocka_unit_test(sink_without_data_gets_events_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
