/* Any cuts of an event stream give the client the same bytes and the books the same figures; what
 * the client gets is the upstream's own bytes, in order, and ends between events.  The first four
 * bytes choose the cuts, the lowest bit of the fifth whether the usage event is withheld, the next
 * one the endpoint: chat or responses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap_feed.h"

#define TEXT_MAX 4096

struct result {
    char passed[TEXT_MAX], rest[TEXT_MAX];
    size_t passed_n, rest_n;
    bool complete, last_seen, error_seen, first_is_error, released_any, has_id, output;
    bool foreign_error, held, failed, may_retry;
    uint64_t next_number;
    char issued[TEXT_MAX];
    size_t issued_n;
    unsigned events;
    struct usage usage;
    uint64_t output_bytes, error_bytes;
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void take(struct answer *answer, char *into, size_t *n)
{
    struct str got = buf_str(&answer->client);
    check(got.n <= TEXT_MAX);
    memcpy(into, got.p, got.n);
    *n = got.n;
    buf_clear(&answer->client);
}

/* What an answer of the Responses API shows besides. */
static void take_state(struct result *r, const struct tap *tap)
{
    r->foreign_error = tap->foreign_error;
    r->held = tap->held;
    r->failed = tap->failed;
    r->may_retry = tap->may_retry;
    r->next_number = tap->next_number;
    struct str issued = buf_str(&tap->issued);
    check(issued.n <= TEXT_MAX);
    memcpy(r->issued, issued.p, issued.n);
    r->issued_n = issued.n;
}

/* Feeds the stream in pieces of 1 to `piece_max` bytes (0: whole). */
static void run(struct result *r, struct str text, size_t piece_max, uint32_t seed, unsigned choice)
{
    struct answer answer;
    memset(r, 0, sizeof *r);
    answer_open(&answer, TAP_EVENTS, choice & 1);
    if (choice & 2)
        answer.tap.module = &responses_module;
    for (size_t at = 0; at < text.n;) {
        seed = seed * 1664525 + 1013904223;
        size_t n = piece_max == 0 ? text.n : 1 + (seed >> 8) % piece_max;
        if (n > text.n - at)
            n = text.n - at;
        answer_feed(&answer, text.p + at, n);
        at += n;
    }
    take(&answer, r->passed, &r->passed_n);
    tap_end(&answer.tap);
    r->complete = tap_is_complete(&answer.tap);
    r->last_seen = answer.tap.last_seen;
    check(!r->last_seen || answer.tap.last_end <= stream_size(&answer.stream));
    r->error_seen = answer.tap.error_seen;
    r->first_is_error = answer.tap.first_is_error;
    r->released_any = answer.tap.released_any;
    r->has_id = answer.tap.has_id;
    r->output = tap_has_output(&answer.tap);
    r->events = answer.tap.events;
    r->usage = answer.tap.usage;
    r->output_bytes = answer.tap.output.bytes;
    r->error_bytes = answer.tap.error.n;
    take_state(r, &answer.tap);
    check(!r->error_seen || !r->complete);
    stream_release_all(&answer.stream);
    answer_pull(&answer);
    take(&answer, r->rest, &r->rest_n);
    answer_close(&answer);
}

static void compare(const struct result *a, const struct result *b)
{
    check(a->passed_n == b->passed_n && memcmp(a->passed, b->passed, a->passed_n) == 0);
    check(a->rest_n == b->rest_n && memcmp(a->rest, b->rest, a->rest_n) == 0);
    check(a->complete == b->complete && a->last_seen == b->last_seen);
    check(a->error_seen == b->error_seen && a->first_is_error == b->first_is_error);
    check(a->released_any == b->released_any && a->has_id == b->has_id);
    check(a->events == b->events && a->output == b->output);
    check(memcmp(a->usage.n, b->usage.n, sizeof a->usage.n) == 0);
    check(a->usage.present == b->usage.present && a->usage.seen == b->usage.seen);
    check(a->usage.bad == b->usage.bad);
    check(a->output_bytes == b->output_bytes && a->error_bytes == b->error_bytes);
    check(a->foreign_error == b->foreign_error && a->held == b->held && a->failed == b->failed);
    check(a->may_retry == b->may_retry && a->next_number == b->next_number);
    check(a->issued_n == b->issued_n && memcmp(a->issued, b->issued, a->issued_n) == 0);
}

static bool is_subsequence(const struct result *r, struct str text)
{
    size_t at = 0;
    for (size_t i = 0; i < r->passed_n + r->rest_n; i++) {
        char c = i < r->passed_n ? r->passed[i] : r->rest[i - r->passed_n];
        while (at < text.n && text.p[at] != c)
            at++;
        if (at++ >= text.n)
            return false;
    }
    return true;
}

static bool ends_an_event(struct str passed)
{
    return passed.n == 0 || str_ends(passed, STR("\n")) || str_ends(passed, STR("\r"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t piece_max[] = {1, 3, 17, 100};
    static struct result expected, found;
    uint32_t seed = 0;
    if (size < sizeof seed + 1 || size - sizeof seed - 1 > TEXT_MAX)
        return 0;
    memcpy(&seed, data, sizeof seed);
    unsigned choice = data[sizeof seed] & 3;
    struct str text = {(const char *)data + sizeof seed + 1, size - sizeof seed - 1};

    run(&expected, text, 0, seed, choice);
    check(ends_an_event((struct str){expected.passed, expected.passed_n}));
    check(is_subsequence(&expected, text));
    if (choice == 0) /* then nothing is taken out of its middle */
        check(memcmp(expected.passed, text.p, expected.passed_n) == 0);
    for (size_t i = 0; i < COUNT(piece_max); i++) {
        run(&found, text, piece_max[i], seed, choice);
        compare(&expected, &found);
    }
    return 0;
}
