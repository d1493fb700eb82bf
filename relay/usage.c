#include "relay/usage.h"

static uint32_t bit(unsigned field)
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

static void merge_fields(struct usage *usage, const struct usage_object *from)
{
    for (unsigned f = 0; f < USAGE_FIELD_COUNT; f++) {
        /* A late zero does not erase what was reported before. */
        if ((from->present & bit(f)) == 0 || (from->n[f] == 0 && has(usage, f)))
            continue;
        usage->n[f] = from->n[f];
        usage->present |= bit(f);
    }
}

void usage_note_seconds(struct usage *usage, const struct jspan_value *value)
{
    int64_t ms;
    if (usage_object_seconds(value, &ms))
        usage->beside_ms = ms;
}

void usage_merge(struct usage *usage, const struct usage_object *object)
{
    CHECK(usage != NULL && object != NULL);
    usage->seen = true;
    if (object->bad || (object->is_duration && !object->has_seconds)) {
        usage->bad = true;
        return;
    }
    merge_fields(usage, object);
    if (object->is_duration) {
        usage->n[USAGE_duration_ms] = object->duration_ms;
        usage->present |= bit(USAGE_duration_ms);
    }
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
static void split_output(const struct usage *usage, const struct totals *t, enum counter kind,
                         struct counters *counters)
{
    bool detailed = has(usage, USAGE_out_text) || has(usage, USAGE_out_audio) ||
                    has(usage, USAGE_out_image) || has(usage, USAGE_reasoning);
    int64_t reasoning = lesser(t->reasoning, t->output);
    if (!detailed) {
        counters->n[COUNTER_out_reasoning] = reasoning;
        counters->n[kind] = t->output - reasoning;
        return;
    }
    int64_t audio = lesser(get(usage, USAGE_out_audio), t->output - reasoning);
    int64_t image = lesser(get(usage, USAGE_out_image), t->output - reasoning - audio);
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

bool usage_counters(const struct usage *usage, enum usage_dialect dialect, enum counter output,
                    struct counters *counters, unsigned *flags)
{
    CHECK(usage != NULL);
    bool counted = has(usage, USAGE_search_units) || has(usage, USAGE_duration_ms) ||
                   has(usage, USAGE_images) || usage->beside_ms > 0;
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
        split_output(usage, &totals, output, &result);
    }
    result.n[COUNTER_search_units] = get(usage, USAGE_search_units);
    result.n[COUNTER_audio_ms] =
        has(usage, USAGE_duration_ms) ? usage->n[USAGE_duration_ms] : usage->beside_ms;
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
