#include "relay/usage_object.h"

#include <assert.h>

#include "base/check.h"
#include "store/store.h"

/* clang-format off */
/* The members of a usage object that may hold its numbers. */
#define USAGE_HOLDERS(X)                                                                           \
    X(prompt_tokens_details) X(input_tokens_details) X(input_token_details)                        \
    X(prompt_token_details) X(completion_tokens_details) X(output_tokens_details)                  \
    X(output_token_details) X(billed_units) X(tokens) X(cache_creation)

enum usage_holder {
#define X(name) IN_##name,
    USAGE_HOLDERS(X)
#undef X
    IN_ITSELF,         /* the usage object */
    IN_CACHED_DETAILS, /* cached_tokens_details inside those of the input */
    USAGE_HOLDER_COUNT
};

static const struct str holder_names[] = {
#define X(name) STR_INIT(#name),
    USAGE_HOLDERS(X)
#undef X
};
/* clang-format on */

#define IN(holder) (1u << IN_##holder)
/* Details of the input and of the output, in the spellings that are about. */
#define INPUT_DETAILS                                                                              \
    (IN(prompt_tokens_details) | IN(input_tokens_details) | IN(input_token_details) |              \
     IN(prompt_token_details))
#define OUTPUT_DETAILS                                                                             \
    (IN(completion_tokens_details) | IN(output_tokens_details) | IN(output_token_details))

/* Where the providers put each number.  For one field the first row that is there wins, in a row
 * the first holder; all of them are looked at, so that one wrong number makes the object unusable.
 */
static const struct usage_place {
    enum usage_field field;
    unsigned holders;
    struct str name;
} places[] = {
    {USAGE_prompt, IN(ITSELF), STR_INIT("prompt_tokens")},
    {USAGE_prompt, IN(ITSELF), STR_INIT("input_tokens")},
    /* Cohere gives both; what it bills is what counts. */
    {USAGE_prompt, IN(billed_units), STR_INIT("input_tokens")},
    {USAGE_prompt, IN(tokens), STR_INIT("input_tokens")},
    {USAGE_completion, IN(ITSELF), STR_INIT("completion_tokens")},
    {USAGE_completion, IN(ITSELF), STR_INIT("output_tokens")},
    {USAGE_completion, IN(billed_units), STR_INIT("output_tokens")},
    {USAGE_completion, IN(tokens), STR_INIT("output_tokens")},
    {USAGE_total, IN(ITSELF), STR_INIT("total_tokens")},
    {USAGE_cached, INPUT_DETAILS, STR_INIT("cached_tokens")},
    {USAGE_cached, IN(ITSELF), STR_INIT("cached_tokens")},
    {USAGE_cached, IN(ITSELF), STR_INIT("prompt_cache_hit_tokens")},
    {USAGE_cached, IN(ITSELF), STR_INIT("num_cached_tokens")},
    {USAGE_cached, IN(ITSELF), STR_INIT("cache_n")}, /* llama.cpp's timings */
    {USAGE_cache_miss, IN(ITSELF), STR_INIT("prompt_cache_miss_tokens")},
    {USAGE_cache_read, IN(ITSELF), STR_INIT("cache_read_input_tokens")},
    {USAGE_cache_creation, IN(ITSELF), STR_INIT("cache_creation_input_tokens")},
    {USAGE_cache_write, INPUT_DETAILS, STR_INIT("cache_write_tokens")},
    {USAGE_cache_write, INPUT_DETAILS, STR_INIT("cached_creation_tokens")},
    {USAGE_cache_write_5m, IN(cache_creation), STR_INIT("ephemeral_5m_input_tokens")},
    {USAGE_cache_write_1h, IN(cache_creation), STR_INIT("ephemeral_1h_input_tokens")},
    {USAGE_in_text, INPUT_DETAILS, STR_INIT("text_tokens")},
    {USAGE_in_audio, INPUT_DETAILS, STR_INIT("audio_tokens")},
    {USAGE_in_image, INPUT_DETAILS, STR_INIT("image_tokens")},
    /* The true split of the cached tokens (realtime, transcription). */
    {USAGE_in_cached_text, IN(CACHED_DETAILS), STR_INIT("text_tokens")},
    {USAGE_in_cached_audio, IN(CACHED_DETAILS), STR_INIT("audio_tokens")},
    {USAGE_in_cached_image, IN(CACHED_DETAILS), STR_INIT("image_tokens")},
    {USAGE_reasoning, OUTPUT_DETAILS, STR_INIT("reasoning_tokens")},
    {USAGE_reasoning, OUTPUT_DETAILS, STR_INIT("thinking_tokens")},
    {USAGE_reasoning, IN(ITSELF), STR_INIT("reasoning_tokens")}, /* SGLang */
    {USAGE_out_text, OUTPUT_DETAILS, STR_INIT("text_tokens")},
    {USAGE_out_audio, OUTPUT_DETAILS, STR_INIT("audio_tokens")},
    {USAGE_out_image, OUTPUT_DETAILS, STR_INIT("image_tokens")},
    {USAGE_search_units, IN(billed_units), STR_INIT("search_units")},
    {USAGE_images, IN(ITSELF), STR_INIT("generated_images")},
};

static_assert(USAGE_FIELD_COUNT <= 32, "a bit of `present` for each field");

/* USAGE_HOLDER_COUNT: what the path leads through is none of ours. */
static enum usage_holder holder_of(const struct str *path, size_t n)
{
    if (n == 1)
        return IN_ITSELF;
    unsigned holder = 0;
    while (holder < COUNT(holder_names) && !str_eq(path[0], holder_names[holder]))
        holder++;
    if (holder == COUNT(holder_names) || n > 3)
        return USAGE_HOLDER_COUNT;
    if (n == 2)
        return (enum usage_holder)holder;
    bool cached =
        (1u << holder & INPUT_DETAILS) != 0 && str_eq(path[1], STR("cached_tokens_details"));
    return cached ? IN_CACHED_DETAILS : USAGE_HOLDER_COUNT;
}

/* A number as JSON spells it; negative when `value` is none. */
static double number_of(const struct jspan_value *value)
{
    uint64_t whole;
    double number;
    if (jspan_value_u64(value, COUNTER_MAX, &whole))
        return (double)whole;
    if (value->type != JSPAN_NUMBER || value->text_cut || !str_number(value->text, &number))
        return -1;
    return number;
}

/* False when `value` is no whole number in [0, 2^40): doubles are exact here. */
static bool read_count(const struct jspan_value *value, int64_t *out)
{
    double number = number_of(value);
    if (!(number >= 0 && number < (double)COUNTER_MAX) || (double)(int64_t)number < number)
        return false;
    *out = (int64_t)number;
    return true;
}

static void take_count(struct usage_object *object, enum usage_field field, unsigned rank,
                       const struct jspan_value *value)
{
    int64_t number;
    uint32_t bit = (uint32_t)1 << field;
    if (!read_count(value, &number)) {
        object->bad = true;
        return;
    }
    if ((object->present & bit) != 0 && object->rank[field] < rank)
        return;
    object->n[field] = number;
    object->rank[field] = (uint16_t)rank;
    object->present |= bit;
}

/* The one number that may have a fraction. */
static bool read_seconds(const struct jspan_value *value, int64_t *out)
{
    double ms = number_of(value) * 1000;
    if (!(ms >= 0 && ms < (double)COUNTER_MAX - 1))
        return false;
    *out = (int64_t)(ms + 0.5);
    return true;
}

bool usage_object_seconds(const struct jspan_value *value, int64_t *ms)
{
    struct jspan_value number = *value;
    bool quoted = value->type == JSPAN_STRING && value->text.n > 0;
    for (size_t i = 0; quoted && i < value->text.n; i++)
        quoted = (value->text.p[i] >= '0' && value->text.p[i] <= '9') || value->text.p[i] == '.';
    if (quoted)
        number.type = JSPAN_NUMBER;
    return read_seconds(&number, ms);
}

void usage_object_take(struct usage_object *object, const struct str *path, size_t n,
                       const struct jspan_value *value)
{
    CHECK(object != NULL && n > 0);
    if (value->type == JSPAN_NULL)
        return;
    enum usage_holder holder = holder_of(path, n);
    struct str name = path[n - 1];
    if (holder == USAGE_HOLDER_COUNT)
        return;
    for (unsigned i = 0; i < COUNT(places); i++) {
        if ((places[i].holders >> holder & 1) != 0 && str_eq(places[i].name, name)) {
            take_count(object, places[i].field, i * USAGE_HOLDER_COUNT + holder, value);
            return;
        }
    }
    if (holder != IN_ITSELF)
        return;
    if (str_eq(name, STR("seconds")))
        object->has_seconds = read_seconds(value, &object->duration_ms);
    else if (str_eq(name, STR("type")))
        object->is_duration = value->type == JSPAN_STRING && str_eq(value->text, STR("duration"));
}
