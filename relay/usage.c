#include "relay/usage.h"

#include <assert.h>
#include <string.h>

#include <jansson.h>

/* clang-format off */
/* The members of a usage object that may hold its numbers; those for the input come first. */
#define USAGE_HOLDERS(X)                                                                           \
    X(prompt_tokens_details) X(input_tokens_details) X(input_token_details)                        \
    X(prompt_token_details) X(completion_tokens_details) X(output_tokens_details)                  \
    X(output_token_details) X(billed_units) X(tokens) X(cache_creation)

enum usage_holder {
#define X(name) IN_##name,
    USAGE_HOLDERS(X)
#undef X
    IN_ITSELF, /* the usage object */
    USAGE_HOLDER_COUNT
};

static const char *const holder_names[] = {
#define X(name) #name,
    USAGE_HOLDERS(X)
#undef X
};
/* clang-format on */

/* Where the providers put each number.  For one field the first path that is there wins; every
 * path is looked at, so that one wrong number makes the whole object unusable. */
struct usage_path {
    enum usage_field field;
    enum usage_holder holder;
    const char *name;
};

/* Details of the input and of the output, in the spellings that are about. */
#define INPUT_PATHS(field, name)                                                                   \
    {USAGE_##field, IN_prompt_tokens_details, name},                                               \
        {USAGE_##field, IN_input_tokens_details, name},                                            \
        {USAGE_##field, IN_input_token_details, name},                                             \
    {                                                                                              \
        USAGE_##field, IN_prompt_token_details, name                                               \
    }
#define OUTPUT_PATHS(field, name)                                                                  \
    {USAGE_##field, IN_completion_tokens_details, name},                                           \
        {USAGE_##field, IN_output_tokens_details, name},                                           \
    {                                                                                              \
        USAGE_##field, IN_output_token_details, name                                               \
    }

static const struct usage_path paths[] = {
    {USAGE_prompt, IN_ITSELF, "prompt_tokens"},
    {USAGE_prompt, IN_ITSELF, "input_tokens"},
    /* Cohere gives both; what it bills is what counts. */
    {USAGE_prompt, IN_billed_units, "input_tokens"},
    {USAGE_prompt, IN_tokens, "input_tokens"},
    {USAGE_completion, IN_ITSELF, "completion_tokens"},
    {USAGE_completion, IN_ITSELF, "output_tokens"},
    {USAGE_completion, IN_billed_units, "output_tokens"},
    {USAGE_completion, IN_tokens, "output_tokens"},
    {USAGE_total, IN_ITSELF, "total_tokens"},
    INPUT_PATHS(cached, "cached_tokens"),
    {USAGE_cached, IN_ITSELF, "cached_tokens"},
    {USAGE_cached, IN_ITSELF, "prompt_cache_hit_tokens"},
    {USAGE_cached, IN_ITSELF, "num_cached_tokens"},
    {USAGE_cached, IN_ITSELF, "cache_n"}, /* llama.cpp's timings */
    {USAGE_cache_miss, IN_ITSELF, "prompt_cache_miss_tokens"},
    {USAGE_cache_read, IN_ITSELF, "cache_read_input_tokens"},
    {USAGE_cache_creation, IN_ITSELF, "cache_creation_input_tokens"},
    INPUT_PATHS(cache_write, "cache_write_tokens"),
    INPUT_PATHS(cache_write, "cached_creation_tokens"),
    {USAGE_cache_write_5m, IN_cache_creation, "ephemeral_5m_input_tokens"},
    {USAGE_cache_write_1h, IN_cache_creation, "ephemeral_1h_input_tokens"},
    INPUT_PATHS(in_text, "text_tokens"),
    INPUT_PATHS(in_audio, "audio_tokens"),
    INPUT_PATHS(in_image, "image_tokens"),
    OUTPUT_PATHS(reasoning, "reasoning_tokens"),
    OUTPUT_PATHS(reasoning, "thinking_tokens"),
    {USAGE_reasoning, IN_ITSELF, "reasoning_tokens"}, /* SGLang */
    OUTPUT_PATHS(out_text, "text_tokens"),
    OUTPUT_PATHS(out_audio, "audio_tokens"),
    OUTPUT_PATHS(out_image, "image_tokens"),
    {USAGE_search_units, IN_billed_units, "search_units"},
    {USAGE_images, IN_ITSELF, "generated_images"},
};

/* The true split of the cached tokens, one object deeper (realtime, transcription). */
static const struct usage_path cached_paths[] = {
    {USAGE_in_cached_text, IN_ITSELF, "text_tokens"},
    {USAGE_in_cached_image, IN_ITSELF, "image_tokens"},
    {USAGE_in_cached_audio, IN_ITSELF, "audio_tokens"},
};

static_assert(USAGE_FIELD_COUNT <= 32, "a bit of `present` for each field");

static uint32_t bit(enum usage_field field)
{
    return (uint32_t)1 << field;
}

static bool has(const struct usage *usage, enum usage_field field)
{
    return (usage->present & bit(field)) != 0;
}

/* The number, or 0 when it was not given. */
static int64_t get(const struct usage *usage, enum usage_field field)
{
    return has(usage, field) ? usage->n[field] : 0;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- reading one object -------------------------------------------------------------------- */

/* jansson refuses a document with an integer of 2^63 or more, unless integers become reals, which
 * costs a strtod each. */
static json_t *load(struct str json)
{
    static const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *root = json_loadb(json.p, json.n, flags, NULL);
    return root != NULL ? root : json_loadb(json.p, json.n, flags | JSON_DECODE_INT_AS_REAL, NULL);
}

/* Reads a count; false when `value` is no whole number in [0, 2^40): doubles are exact here. */
static bool read_count(const json_t *value, int64_t *out)
{
    if (!json_is_number(value))
        return false;
    double number = json_number_value(value);
    if (!(number >= 0 && number < (double)COUNTER_MAX) || (double)(int64_t)number < number)
        return false;
    *out = (int64_t)number;
    return true;
}

static void read_path(struct usage *usage, const json_t *holder, const struct usage_path *path)
{
    const json_t *value = json_object_get(holder, path->name);
    if (value == NULL || json_is_null(value))
        return;
    int64_t number;
    if (!read_count(value, &number)) {
        usage->bad = true;
        return;
    }
    if (has(usage, path->field))
        return;
    usage->n[path->field] = number;
    usage->present |= bit(path->field);
}

static void read_paths(struct usage *usage, const json_t *object)
{
    const json_t *holders[USAGE_HOLDER_COUNT] = {[IN_ITSELF] = object};
    for (unsigned i = 0; i < COUNT(holder_names); i++)
        holders[i] = json_object_get(object, holder_names[i]);
    for (unsigned i = 0; i < COUNT(paths); i++) {
        if (holders[paths[i].holder] != NULL)
            read_path(usage, holders[paths[i].holder], &paths[i]);
    }
    for (unsigned i = 0; i <= IN_prompt_token_details; i++) {
        const json_t *cached = json_object_get(holders[i], "cached_tokens_details");
        for (unsigned j = 0; cached != NULL && j < COUNT(cached_paths); j++)
            read_path(usage, cached, &cached_paths[j]);
    }
}

/* {"type":"duration","seconds":12.345}: the one number that may have a fraction. */
static void read_duration(struct usage *usage, const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    if (type == NULL || strcmp(type, "duration") != 0)
        return;
    const json_t *seconds = json_object_get(object, "seconds");
    double ms = json_is_number(seconds) ? json_number_value(seconds) * 1000 : -1;
    if (!(ms >= 0 && ms < (double)COUNTER_MAX - 1)) {
        usage->bad = true;
        return;
    }
    usage->n[USAGE_duration_ms] = (int64_t)(ms + 0.5);
    usage->present |= bit(USAGE_duration_ms);
}

static void merge_fields(struct usage *usage, const struct usage *from)
{
    for (unsigned f = 0; f < USAGE_FIELD_COUNT; f++) {
        /* A late zero does not erase what was reported before. */
        if (!has(from, f) || (from->n[f] == 0 && has(usage, f)))
            continue;
        usage->n[f] = from->n[f];
        usage->present |= bit(f);
    }
}

void usage_merge(struct usage *usage, struct str json)
{
    CHECK(usage != NULL);
    struct usage one = {0};
    json_t *root = load(json);
    if (json_is_null(root))
        goto done;
    usage->seen = true;
    if (json_is_object(root)) {
        read_paths(&one, root);
        read_duration(&one, root);
    } else {
        one.bad = true;
    }
    if (one.bad)
        usage->bad = true;
    else
        merge_fields(usage, &one);
done:
    json_decref(root);
}

/* --- into counters ------------------------------------------------------------------------- */

/* Totals of a report, with reasoning inside `output`. */
struct totals {
    int64_t input, output, reasoning;
};

/* Anthropic's input_tokens holds neither cache reads nor cache writes. */
static void split_anthropic(const struct usage *usage, struct counters *counters)
{
    int64_t hour = get(usage, USAGE_cache_write_1h);
    int64_t all = get(usage, USAGE_cache_creation);
    int64_t rest = all > hour ? all - hour : 0;
    int64_t short_term = get(usage, USAGE_cache_write_5m);
    int64_t output = get(usage, USAGE_completion);
    int64_t reasoning = lesser(get(usage, USAGE_reasoning), output);
    counters->n[COUNTER_in_text] = get(usage, USAGE_prompt);
    counters->n[COUNTER_in_cached] = get(usage, USAGE_cache_read);
    counters->n[COUNTER_in_cache_write] = short_term > rest ? short_term : rest;
    counters->n[COUNTER_in_cache_write_1h] = hour;
    counters->n[COUNTER_out_reasoning] = reasoning;
    counters->n[COUNTER_out_text] = output - reasoning;
}

/* Whether reasoning comes on top of the output: the sum that the provider gives decides, then the
 * dialect, then that a part cannot be more than its whole. */
static bool reasoning_is_additional(const struct usage *usage, enum usage_dialect dialect,
                                    const struct totals *t, unsigned *flags)
{
    if (t->reasoning == 0)
        return false;
    int64_t plain = t->input + t->output;
    bool total_given = has(usage, USAGE_total);
    int64_t total = get(usage, USAGE_total);
    if (total_given && total == plain + t->reasoning)
        return true;
    if (dialect == USAGE_XAI && !(total_given && total == plain))
        return true;
    if (t->reasoning <= t->output)
        return false;
    *flags |= ENTRY_FLAG(reasoning_gt_output);
    return true;
}

/* The prompt where only a total or the two sides of a cache are given; negative when they
 * contradict each other. */
static int64_t input_total(const struct usage *usage)
{
    if (has(usage, USAGE_prompt))
        return usage->n[USAGE_prompt];
    if (has(usage, USAGE_total))
        return usage->n[USAGE_total] - get(usage, USAGE_completion);
    if (has(usage, USAGE_cache_miss))
        return lesser(get(usage, USAGE_cached) + usage->n[USAGE_cache_miss], COUNTER_MAX - 1);
    return 0;
}

static void find_totals(const struct usage *usage, enum usage_dialect dialect, struct totals *t,
                        unsigned *flags)
{
    t->input = input_total(usage);
    t->output = get(usage, USAGE_completion);
    t->reasoning = get(usage, USAGE_reasoning);
    int64_t total = get(usage, USAGE_total);
    bool additional = reasoning_is_additional(usage, dialect, t, flags);
    if (dialect == USAGE_GEMINI && t->reasoning == 0 && total > t->input + t->output) {
        /* Its thoughts are in the total only. */
        t->reasoning = total - t->input - t->output;
        additional = true;
        *flags |= ENTRY_FLAG(thoughts_from_total);
    }
    if (additional)
        t->output += t->reasoning;
    if (total != 0 && total != t->input + t->output)
        *flags |= ENTRY_FLAG(total_mismatch);
}

/* Σ of what it sets = input.  Cached tokens without a split of their own are taken from text first,
 * then image, then audio. */
static void split_input(const struct usage *usage, int64_t input, struct counters *counters,
                        unsigned *flags)
{
    int64_t audio = lesser(get(usage, USAGE_in_audio), input);
    int64_t image = lesser(get(usage, USAGE_in_image), input - audio);
    int64_t text = input - audio - image;
    int64_t cached = get(usage, has(usage, USAGE_cached) ? USAGE_cached : USAGE_cache_read);
    if (cached > input) {
        cached = input;
        *flags |= ENTRY_FLAG(cached_gt_prompt);
    }
    int64_t audio_cached = lesser(lesser(get(usage, USAGE_in_cached_audio), audio), cached);
    int64_t image_cached =
        lesser(lesser(get(usage, USAGE_in_cached_image), image), cached - audio_cached);
    int64_t text_cached = lesser(cached - audio_cached - image_cached, text);
    int64_t rest = cached - audio_cached - image_cached - text_cached;
    int64_t more_image = lesser(rest, image - image_cached);
    image_cached += more_image;
    audio_cached += rest - more_image;
    int64_t write = lesser(get(usage, USAGE_cache_write), text - text_cached);
    if (write < get(usage, USAGE_cache_write))
        *flags |= ENTRY_FLAG(cache_write_overlap);
    counters->n[COUNTER_in_text] = text - text_cached - write;
    counters->n[COUNTER_in_cached] = text_cached;
    counters->n[COUNTER_in_cache_write] = write;
    counters->n[COUNTER_in_image] = image - image_cached;
    counters->n[COUNTER_in_image_cached] = image_cached;
    counters->n[COUNTER_in_audio] = audio - audio_cached;
    counters->n[COUNTER_in_audio_cached] = audio_cached;
}

/* Σ of what it sets = t->output. */
static void split_output(const struct usage *usage, const struct totals *t, bool image_output,
                         struct counters *counters)
{
    bool detailed = has(usage, USAGE_out_text) || has(usage, USAGE_out_audio) ||
                    has(usage, USAGE_out_image) || has(usage, USAGE_reasoning);
    int64_t image = image_output && !detailed ? t->output : get(usage, USAGE_out_image);
    int64_t reasoning = lesser(t->reasoning, t->output);
    int64_t audio = lesser(get(usage, USAGE_out_audio), t->output - reasoning);
    image = lesser(image, t->output - reasoning - audio);
    counters->n[COUNTER_out_reasoning] = reasoning;
    counters->n[COUNTER_out_audio] = audio;
    counters->n[COUNTER_out_image] = image;
    counters->n[COUNTER_out_text] = t->output - reasoning - audio - image;
}

static bool has_tokens(const struct usage *usage)
{
    return has(usage, USAGE_prompt) || has(usage, USAGE_completion) || has(usage, USAGE_total) ||
           has(usage, USAGE_cache_miss);
}

bool usage_counters(const struct usage *usage, enum usage_dialect dialect, bool image_output,
                    struct counters *counters, unsigned *flags)
{
    CHECK(usage != NULL);
    bool counted =
        has(usage, USAGE_search_units) || has(usage, USAGE_duration_ms) || has(usage, USAGE_images);
    if (usage->bad || (has_tokens(usage) && input_total(usage) < 0)) {
        *flags |= ENTRY_FLAG(bad_usage);
        return false;
    }
    if (!counted && !has_tokens(usage))
        return false;
    struct counters result = {0};
    if (dialect == USAGE_ANTHROPIC) {
        split_anthropic(usage, &result);
    } else if (has_tokens(usage)) {
        struct totals totals;
        find_totals(usage, dialect, &totals, flags);
        split_input(usage, totals.input, &result, flags);
        split_output(usage, &totals, image_output, &result);
    }
    result.n[COUNTER_search_units] = get(usage, USAGE_search_units);
    result.n[COUNTER_audio_ms] = get(usage, USAGE_duration_ms);
    result.n[COUNTER_images] = get(usage, USAGE_images);
    *counters = result;
    return true;
}

static int64_t sum(const struct counters *counters, enum counter first, enum counter last)
{
    int64_t total = 0;
    for (unsigned i = first; i <= (unsigned)last; i++)
        total += counters->n[i];
    return total;
}

int64_t counters_input(const struct counters *counters)
{
    return sum(counters, COUNTER_in_text, COUNTER_in_audio_cached);
}

int64_t counters_output(const struct counters *counters)
{
    return sum(counters, COUNTER_out_text, COUNTER_out_image);
}
