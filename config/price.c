#include "config/price.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "config/value.h"

#define NUSD_PER_USD INT64_C(1000000000)

static const char *const names[] = {
#define X(name) #name,
    COUNTERS(X)
#undef X
};
static_assert(COUNT(names) == COUNTER_COUNT, "every counter has a name");

const char *counter_name(enum counter counter)
{
    CHECK((unsigned)counter < COUNTER_COUNT);
    return names[counter];
}

bool counter_find(struct str name, enum counter *out)
{
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *out = (enum counter)i;
            return true;
        }
    }
    return false;
}

/* So that the switch below stays a list. */
static bool fall_to(enum counter to, enum counter *out)
{
    *out = to;
    return true;
}

bool counter_fallback(enum counter counter, enum counter *out)
{
    switch (counter) {
    case COUNTER_in_cached:
    case COUNTER_in_cache_write:
    case COUNTER_in_image:
    case COUNTER_in_audio:
        return fall_to(COUNTER_in_text, out);
    case COUNTER_in_cache_write_1h:
        return fall_to(COUNTER_in_cache_write, out);
    case COUNTER_in_image_cached:
        return fall_to(COUNTER_in_image, out);
    case COUNTER_in_audio_cached:
        return fall_to(COUNTER_in_audio, out);
    case COUNTER_out_reasoning:
    case COUNTER_out_audio:
    case COUNTER_out_image:
        return fall_to(COUNTER_out_text, out);
    case COUNTER_in_text:
    case COUNTER_out_text:
    case COUNTER_requests:
    case COUNTER_images:
    case COUNTER_audio_ms:
    case COUNTER_video_ms:
    case COUNTER_characters:
    case COUNTER_search_units:
    case COUNTER_COUNT:
        return false;
    }
    return false;
}

static uint64_t power_of_ten(unsigned n)
{
    uint64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

bool usd_parse(struct str text, int64_t *nusd)
{
    uint64_t digits = 0;
    unsigned decimals = 0;
    if (!parse_decimal(text, 9, &digits, &decimals))
        return false;
    uint64_t scale = power_of_ten(9 - decimals);
    if (digits > (uint64_t)INT64_MAX / scale)
        return false;
    *nusd = (int64_t)(digits * scale);
    return true;
}

void usd_format(int64_t nusd, char text[USD_TEXT_SIZE])
{
    /* The magnitude of INT64_MIN has no int64. */
    uint64_t magnitude = nusd < 0 ? 0 - (uint64_t)nusd : (uint64_t)nusd;
    snprintf(text, USD_TEXT_SIZE, "%s%" PRIu64 ".%09" PRIu64, nusd < 0 ? "-" : "",
             magnitude / (uint64_t)NUSD_PER_USD, magnitude % (uint64_t)NUSD_PER_USD);
}

void pusd_format(int64_t pusd, char text[USD_TEXT_SIZE])
{
    CHECK(pusd >= 0);
    snprintf(text, USD_TEXT_SIZE, "%" PRId64 ".%012" PRId64, pusd / PUSD_PER_USD,
             pusd % PUSD_PER_USD);
}

bool ratio_parse(struct str text, uint32_t *ppm)
{
    uint64_t digits = 0;
    unsigned decimals = 0;
    if (!parse_decimal(text, 6, &digits, &decimals))
        return false;
    uint64_t scale = power_of_ten(6 - decimals);
    if (digits > UINT64_C(1000) * 1000000 / scale)
        return false;
    *ppm = (uint32_t)(digits * scale);
    return true;
}

void ratio_format(uint32_t ppm, char text[RATIO_TEXT_SIZE])
{
    int n = snprintf(text, RATIO_TEXT_SIZE, "%" PRIu32 ".%06" PRIu32, ppm / 1000000, ppm % 1000000);
    CHECK(n > 0 && n < RATIO_TEXT_SIZE);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[--n] = '\0';
}

/* An absent match means any; -1 when the rate does not apply, else 1 for a match that was named. */
static int match_word(const char *wanted, struct str given)
{
    if (wanted[0] == '\0')
        return 0;
    return str_eq(str_of(wanted), given) ? 1 : -1;
}

/* The same for a quality or size; one that is left to the model may turn out to be any. */
static int match_choice(const char *wanted, struct str given, bool dearest)
{
    bool open = given.n == 0 || str_eq(given, STR("auto"));
    return dearest && open ? 0 : match_word(wanted, given);
}

/* Larger is more specific; negative when the rate does not apply. */
static int specificity(const struct rate *rate, const struct price_match *match)
{
    int tier = match_word(rate->tier, match->tier);
    int quality = match_choice(rate->quality, match->quality, match->dearest);
    int size = match_choice(rate->size, match->size, match->dearest);
    if (tier < 0 || quality < 0 || size < 0 || rate->min_input > match->input_tokens)
        return -1;
    return tier * 3 + quality + size;
}

/* Whether a rate of the same specificity replaces the one found before it. */
static bool is_better(const struct rate *rate, const struct rate *best, bool dearest)
{
    if (rate->min_input != best->min_input)
        return rate->min_input > best->min_input;
    return dearest && rate->pusd > best->pusd;
}

/* The most specific rate of this very counter; the first in the file among equals. */
static const struct rate *find_own(const struct price *price, enum counter counter,
                                   const struct price_match *match)
{
    const struct rate *best = NULL;
    int best_specificity = -1;
    for (unsigned i = 0; i < price->n; i++) {
        const struct rate *rate = &price->rates[i];
        int s = rate->counter == counter ? specificity(rate, match) : -1;
        if (s < 0 || s < best_specificity)
            continue;
        if (s == best_specificity && !is_better(rate, best, match->dearest))
            continue;
        best = rate;
        best_specificity = s;
    }
    return best;
}

const struct rate *price_find(const struct price *price, enum counter counter,
                              const struct price_match *match)
{
    CHECK(price != NULL && match != NULL);
    /* A counter's own base rate goes before the tier's rate of another counter. */
    for (;;) {
        const struct rate *rate = find_own(price, counter, match);
        if (rate != NULL || !counter_fallback(counter, &counter))
            return rate;
    }
}

bool price_names(const struct price *price, enum counter counter)
{
    do {
        for (unsigned i = 0; i < price->n; i++) {
            if (price->rates[i].counter == counter)
                return true;
        }
    } while (counter_fallback(counter, &counter));
    return false;
}

bool price_is_empty(const struct price *price)
{
    return price->n == 0;
}
