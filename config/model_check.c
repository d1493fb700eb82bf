#include "config/section_load.h"

#include <assert.h>
#include <string.h>

/* One way to charge an endpoint: each counter of the set must have a price. */
#define WAY_MAX 2
#define WAYS_MAX 3

struct way {
    enum counter counters[WAY_MAX];
    unsigned n;
};

struct needs {
    struct way ways[WAYS_MAX];
    unsigned n;
    const char *text;
};

#define ONE(a)                                                                                     \
    {                                                                                              \
        {COUNTER_##a}, 1                                                                           \
    }
#define TWO(a, b)                                                                                  \
    {                                                                                              \
        {COUNTER_##a, COUNTER_##b}, 2                                                              \
    }
#define TOKENS                                                                                     \
    {                                                                                              \
        {TWO(in_text, out_text), ONE(requests)}, 2, "in_text and out_text, or requests"            \
    }
#define INPUT                                                                                      \
    {                                                                                              \
        {ONE(in_text), ONE(requests)}, 2, "in_text, or requests"                                   \
    }
#define HEARD                                                                                      \
    {                                                                                              \
        {ONE(audio_ms), TWO(in_text, out_text), ONE(requests)}, 3,                                 \
            "audio_ms, or in_text and out_text, or requests"                                       \
    }

static const struct needs table[] = {
    [ENDPOINT_chat] = TOKENS,
    [ENDPOINT_completions] = TOKENS,
    [ENDPOINT_responses] = TOKENS,
    [ENDPOINT_images] = {{ONE(images), TWO(in_text, out_image), ONE(requests)},
                         3,
                         "images, or in_text and out_image, or requests"},
    [ENDPOINT_embeddings] = INPUT,
    [ENDPOINT_transcription] = HEARD,
    [ENDPOINT_translation] = HEARD,
    [ENDPOINT_speech] = {{ONE(characters), TWO(in_text, out_audio), ONE(requests)},
                         3,
                         "characters, or in_text and out_audio, or requests"},
    [ENDPOINT_rerank] = {{ONE(search_units), ONE(in_text), ONE(requests)},
                         3,
                         "search_units, or in_text, or requests"},
    [ENDPOINT_moderation] = INPUT,
    [ENDPOINT_video] = {{ONE(video_ms), ONE(requests)}, 2, "video_ms, or requests"},
};
static_assert(COUNT(table) == ENDPOINT_COUNT, "every endpoint says what it needs");

/* Priced without any condition: what a tier or a long input costs must not be all there is. */
static bool has_base_rate(const struct price *price, enum counter counter)
{
    for (;;) {
        for (unsigned i = 0; i < price->n; i++) {
            const struct rate *rate = &price->rates[i];
            if (rate->counter == counter && rate->tier[0] == '\0' && rate->min_input == 0)
                return true;
        }
        if (!counter_fallback(counter, &counter))
            return false;
    }
}

static bool is_payable(const struct price *price, const struct way *way)
{
    for (unsigned i = 0; i < way->n; i++)
        if (!has_base_rate(price, way->counters[i]))
            return false;
    return true;
}

/* One payable way is enough: a price for each request, say, or prices for tokens. */
static bool can_be_charged(const struct price *price, enum endpoint endpoint)
{
    const struct needs *needs = &table[endpoint];
    for (unsigned i = 0; i < needs->n; i++)
        if (is_payable(price, &needs->ways[i]))
            return true;
    return false;
}

/* A counter that is priced for some qualities or sizes only leaves the others without a price. */
static void warn_of_gaps(const struct model *model, const struct place *at,
                         struct messages *messages)
{
    for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
        bool partly = false;
        bool wholly = false;
        for (unsigned i = 0; i < model->price.n; i++) {
            const struct rate *rate = &model->price.rates[i];
            bool any = rate->quality[0] == '\0' && rate->size[0] == '\0';
            if (rate->counter != (enum counter)counter)
                continue;
            partly = partly || !any;
            wholly = wholly || any;
        }
        if (partly && !wholly)
            messages_add(messages, SEVERITY_WARNING, at,
                         "%s of model \"%s\" has no price without quality= and size=: other "
                         "requests are refused",
                         counter_name((enum counter)counter), model->name);
    }
}

void model_check_price(const struct model *model, const struct place *at, struct messages *messages)
{
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++)
        if (model_serves(model, (enum endpoint)i) &&
            !can_be_charged(&model->price, (enum endpoint)i))
            messages_error(messages, at, "model \"%s\" has no price for %s (want %s)", model->name,
                           endpoint_name((enum endpoint)i), table[i].text);
    warn_of_gaps(model, at, messages);
}
