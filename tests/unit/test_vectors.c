/* room: relay */
/* Executes tests/vectors/metering.json, the exact arithmetic that metering must reproduce. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "relay/charge.h"
#include "relay/estimate.h"
#include "relay/usage.h"
#include "store/book.h"
#include "store/keyring.h"
#include "usage_read.h"
#include "vector_limit.h"
#include "vector_group.h"
#include "vector_read.h"
#include "vector_reject.h"
#include "vector_task.h"

/* --- usage --------------------------------------------------------------------------------- */

/* The vectors' dialects also name the endpoint. */
static enum usage_dialect dialect_of(const json_t *vector, enum counter *output)
{
    static const struct {
        const char *name;
        enum usage_dialect dialect;
        enum counter output;
    } dialects[] = {
        {"openai", USAGE_OPENAI, COUNTER_out_text},
        {"xai", USAGE_XAI, COUNTER_out_text},
        {"gemini", USAGE_GEMINI, COUNTER_out_text},
        {"anthropic", USAGE_ANTHROPIC, COUNTER_out_text},
        {"images", USAGE_OPENAI, COUNTER_out_image},
        {"transcription", USAGE_OPENAI, COUNTER_out_text},
        {"rerank_cohere", USAGE_OPENAI, COUNTER_out_text},
        {"rerank_tokens", USAGE_OPENAI, COUNTER_out_text},
    };
    const char *name = json_string_value(json_object_get(json_object_get(vector, "in"), "dialect"));
    for (size_t i = 0; i < COUNT(dialects); i++) {
        if (strcmp(dialects[i].name, name) == 0) {
            *output = dialects[i].output;
            return dialects[i].dialect;
        }
    }
    fail_msg("%s: unknown dialect %s", id_of(vector), name);
    return USAGE_OPENAI;
}

static void merge_json(struct usage *usage, const json_t *json)
{
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    assert_non_null(text);
    usage_read(usage, str_of(text));
    free(text);
}

static void check_counters(const json_t *vector, const struct usage *usage)
{
    const json_t *expect = json_object_get(vector, "expect");
    enum counter output = COUNTER_out_text;
    enum usage_dialect dialect = dialect_of(vector, &output);
    struct counters counters = {0};
    unsigned flags = 0;
    bool usable = usage_counters(usage, dialect, output, &counters, &flags);
    if (json_object_get(expect, "invalid") != NULL) {
        CHECK_VECTOR(vector, !usable);
        CHECK_VECTOR(vector, flags == ENTRY_FLAG(bad_usage));
        return;
    }
    CHECK_VECTOR(vector, usable);
    struct counters expected = read_counters(json_object_get(expect, "counters"));
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (counters.n[i] != expected.n[i])
            fail_msg("%s: %s is %lld, not %lld", id_of(vector), counter_name((enum counter)i),
                     (long long)counters.n[i], (long long)expected.n[i]);
    }
    CHECK_VECTOR(vector, flags == read_flags(json_object_get(expect, "flags")));
}

static void run_normalize(const json_t *vector)
{
    struct usage usage = {0};
    merge_json(&usage, json_object_get(json_object_get(vector, "in"), "usage"));
    check_counters(vector, &usage);
}

static void run_merge(const json_t *vector)
{
    const json_t *frames = json_object_get(json_object_get(vector, "in"), "frames");
    struct usage usage = {0};
    for (size_t i = 0; i < json_array_size(frames); i++)
        merge_json(&usage, json_array_get(frames, i));
    struct usage expected = {0};
    merge_json(&expected, json_object_get(json_object_get(vector, "expect"), "usage"));
    CHECK_VECTOR(vector, usage.present == expected.present);
    CHECK_VECTOR(vector, memcmp(usage.n, expected.n, sizeof usage.n) == 0);
    check_counters(vector, &usage);
}

/* --- money --------------------------------------------------------------------------------- */

static void run_charge(const json_t *vector)
{
    const json_t *expect = json_object_get(vector, "expect");
    const char *error = json_string_value(json_object_get(expect, "error"));
    struct charge charge = {0};
    enum charge_result result = charge_of(json_object_get(vector, "in"), "counters", &charge);
    if (error != NULL && strcmp(error, "overflow") == 0) {
        CHECK_VECTOR(vector, result == CHARGE_OVERFLOW);
        return;
    }
    if (error != NULL) {
        const char *component = json_string_value(json_object_get(expect, "component"));
        CHECK_VECTOR(vector, strcmp(error, "unpriced") == 0 && result == CHARGE_UNPRICED);
        CHECK_VECTOR(vector, charge.unpriced == counter_named(component));
        return;
    }
    CHECK_VECTOR(vector, result == CHARGE_OK);
    CHECK_VECTOR(vector, charge.base_pusd == integer(expect, "base_pusd"));
    CHECK_VECTOR(vector, charge.nusd == integer(expect, "charge_nusd"));
}

static void run_estimate(const json_t *vector)
{
    const json_t *expect = json_object_get(vector, "expect");
    const json_t *text = json_object_get(json_object_get(vector, "in"), "text");
    struct estimate estimate = {0};
    estimate_feed(&estimate, json_string_value(text), json_string_length(text));
    CHECK_VECTOR(vector, estimate.weight == (uint64_t)integer(expect, "weight_256"));
    CHECK_VECTOR(vector, estimate.bytes == (uint64_t)integer(expect, "bytes"));
    CHECK_VECTOR(vector, estimate_tokens(&estimate) == integer(expect, "tokens"));
    CHECK_VECTOR(vector, estimate_hold_tokens(&estimate, 1) == integer(expect, "hold_tokens"));
}

/* --- the book ------------------------------------------------------------------------------ */

#define USER_ID 1

/* A book with one user, who has a key without limits of its own. */
struct desk {
    struct book *book;
    struct key_record key;
    struct hold before; /* what other requests hold */
};

static void desk_open(struct desk *desk, const json_t *in)
{
    memset(desk, 0, sizeof *desk);
    desk->book = book_new();
    assert_non_null(desk->book);
    desk->key.id = 1;
    desk->key.user_id = USER_ID;
    desk->key.group_id = 1;
    desk->key.key_limit.nusd = -1;
    desk->key.group_quota.nusd = -1;
    desk->key.group_user_quota.nusd = -1;
    int64_t credited = integer(in, "balance_nusd") + integer(in, "credit_limit_nusd");
    book_lock(desk->book);
    desk->key.user_account = book_account(desk->book, ACCOUNT_USER, USER_ID, "", credited, 0);
    book_unlock(desk->book);
    assert_non_null(desk->key.user_account);
}

static void desk_take(struct desk *desk, int64_t nusd)
{
    struct admission admission;
    assert_int_equal(book_admit(desk->book, &desk->key, &(struct demand){.nusd = nusd},
                                &desk->before, &admission),
                     FAULT_NONE);
}

static void desk_peek(const struct desk *desk, int64_t *held, int64_t *spent)
{
    book_lock(desk->book);
    assert_true(book_peek(desk->book, ACCOUNT_USER, USER_ID, "", held, spent));
    book_unlock(desk->book);
}

static void desk_close(struct desk *desk)
{
    if (desk->before.taken)
        book_settle(desk->book, &desk->before, 0, 0);
    if (desk->before.pinned)
        book_unpin(desk->book, &desk->before);
    assert_int_equal(book_held(desk->book), 0);
    book_lock(desk->book);
    book_account_drop(desk->book, desk->key.user_account);
    book_unlock(desk->book);
    book_free(&desk->book);
}

static void run_reserve(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in");
    const json_t *expect = json_object_get(vector, "expect");
    struct charge charge = {0};
    CHECK_VECTOR(vector, charge_of(in, "counters_ceiling", &charge) == CHARGE_OK);
    CHECK_VECTOR(vector, charge.nusd == integer(expect, "hold_nusd"));
    struct desk desk;
    desk_open(&desk, in);
    if (integer(in, "held_nusd") > 0)
        desk_take(&desk, integer(in, "held_nusd"));
    struct hold hold = {0};
    struct admission admission = {0};
    enum fault fault =
        book_admit(desk.book, &desk.key, &(struct demand){.nusd = charge.nusd}, &hold, &admission);
    int64_t held, spent;
    desk_peek(&desk, &held, &spent);
    if (json_is_true(json_object_get(expect, "admit"))) {
        CHECK_VECTOR(vector, fault == FAULT_NONE);
        CHECK_VECTOR(vector, held == integer(expect, "held_after"));
        book_settle(desk.book, &hold, 0, 0);
        book_unpin(desk.book, &hold);
    } else {
        CHECK_VECTOR(vector, fault == FAULT_INSUFFICIENT_BALANCE);
        CHECK_VECTOR(vector, fault_info(fault)->status == integer(expect, "status"));
        CHECK_VECTOR(vector, admission.needed_nusd == integer(expect, "hold_nusd"));
        CHECK_VECTOR(vector, admission.available_nusd == integer(expect, "available_before"));
        CHECK_VECTOR(vector, held == integer(in, "held_nusd"));
    }
    desk_close(&desk);
}

static void check_observed(const json_t *vector)
{
    const json_t *text = json_object_get(json_object_get(vector, "in"), "observed_text");
    if (text == NULL)
        return;
    struct estimate estimate = {0};
    estimate_feed(&estimate, json_string_value(text), json_string_length(text));
    const json_t *counters = json_object_get(json_object_get(vector, "expect"), "counters");
    CHECK_VECTOR(vector, estimate_tokens(&estimate) == integer(counters, "out_text"));
}

static void run_settle(const json_t *vector)
{
    const json_t *in = json_object_get(vector, "in");
    const json_t *expect = json_object_get(vector, "expect");
    check_observed(vector);
    struct desk desk;
    desk_open(&desk, in);
    desk_take(&desk, integer(in, "hold_nusd"));
    book_settle(desk.book, &desk.before, integer(in, "actual_nusd"), 0);
    int64_t held, spent;
    desk_peek(&desk, &held, &spent);
    CHECK_VECTOR(vector, held == integer(expect, "held_after"));
    CHECK_VECTOR(vector, integer(in, "balance_nusd") - spent == integer(expect, "balance_after"));
    book_unpin(desk.book, &desk.before);
    /* A user in debt is refused, whatever the price. */
    if (integer(expect, "debt") > 0) {
        struct hold hold = {0};
        struct admission admission;
        CHECK_VECTOR(vector, book_admit(desk.book, &desk.key, &(struct demand){.nusd = 0}, &hold,
                                        &admission) == FAULT_INSUFFICIENT_BALANCE);
    }
    desk_close(&desk);
}

/* --- all of them --------------------------------------------------------------------------- */

struct kind {
    const char *name;
    void (*run)(const json_t *vector); /* NULL: belongs to a later release */
};

static const struct kind kinds[] = {
    {"normalize", run_normalize}, {"merge", run_merge},
    {"charge", run_charge},       {"estimate", run_estimate},
    {"reserve", run_reserve},     {"settle", run_settle},
    {"task", run_task},           {"ratelimit", run_ratelimit},
    {"duration", run_duration},   {"concurrency", run_concurrency},
    {"group", run_group},         {"import", NULL},
    {"reject", run_reject},
};

static const struct kind *kind_of(const json_t *vector)
{
    const char *name = json_string_value(json_object_get(vector, "kind"));
    for (size_t i = 0; name != NULL && i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* Runs all vectors of a kind and says how many there were. */
static void run_kind(const char *name)
{
    json_t *vectors = load_vectors();
    unsigned executed = 0;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const struct kind *kind = kind_of(vector);
        if (kind == NULL || strcmp(kind->name, name) != 0)
            continue;
        kind->run(vector);
        executed++;
    }
    json_decref(vectors);
    printf("metering vectors: %s %u\n", name, executed);
    assert_true(executed > 0);
}

#define KIND_TEST(kind)                                                                            \
    static void vectors_of_##kind##_give_their_results(void **state)                               \
    {                                                                                              \
        (void)state;                                                                               \
        run_kind(#kind);                                                                           \
    }
KIND_TEST(normalize)
KIND_TEST(merge)
KIND_TEST(charge)
KIND_TEST(estimate)
KIND_TEST(reserve)
KIND_TEST(settle)
KIND_TEST(task)
KIND_TEST(ratelimit)
KIND_TEST(duration)
KIND_TEST(concurrency)
KIND_TEST(reject)
KIND_TEST(group)

static void vectors_each_have_a_known_kind(void **state)
{
    (void)state;
    json_t *vectors = load_vectors();
    assert_int_equal(json_array_size(vectors), 137);
    unsigned later = 0;
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const struct kind *kind = kind_of(vector);
        if (kind == NULL)
            fail_msg("%s: its kind is neither executed nor listed for later", id_of(vector));
        else
            later += kind->run == NULL;
    }
    printf("metering vectors: %u belong to later releases\n", later);
    json_decref(vectors);
}

static void vector_of_unknown_kind_is_not_found(void **state)
{
    (void)state;
    json_t *vector = json_pack("{s:s}", "kind", "nonsense");
    assert_null(kind_of(vector));
    json_decref(vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_normalize_give_their_results),
        cmocka_unit_test(vectors_of_merge_give_their_results),
        cmocka_unit_test(vectors_of_charge_give_their_results),
        cmocka_unit_test(vectors_of_estimate_give_their_results),
        cmocka_unit_test(vectors_of_reserve_give_their_results),
        cmocka_unit_test(vectors_of_settle_give_their_results),
        cmocka_unit_test(vectors_of_task_give_their_results),
        cmocka_unit_test(vectors_of_ratelimit_give_their_results),
        cmocka_unit_test(vectors_of_duration_give_their_results),
        cmocka_unit_test(vectors_of_concurrency_give_their_results),
        cmocka_unit_test(vectors_of_reject_give_their_results),
        cmocka_unit_test(vectors_of_group_give_their_results),
        cmocka_unit_test(vectors_each_have_a_known_kind),
        cmocka_unit_test(vector_of_unknown_kind_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
