/* One `price =` line, parsed into a rate. */
#include "config/price.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "config/value.h"

#define PUSD_MAX INT64_C(1000000000000000) /* 1000 USD a unit */

__extension__ typedef unsigned __int128 u128; /* ISO C has no 128-bit type */

struct unit {
    const char *name;
    const char *plural;
    int64_t counted; /* how many of the counter one unit is */
};

static const struct unit unit_table[] = {
    {"token", "tokens", 1},       {"image", "images", 1},     {"character", "characters", 1},
    {"request", "requests", 1},   {"search", "searches", 1},  {"second", "seconds", 1000},
    {"minute", "minutes", 60000}, {"hour", "hours", 3600000},
};

/* The text on its way, and where to tell what is wrong. */
struct reader {
    struct str text;
    struct str rest;
    size_t *at;
    struct buf *why;
};

/* The base unit of a counter; "second" stands for every unit of time. */
static const char *unit_of(enum counter counter)
{
    switch (counter) {
    case COUNTER_in_text:
    case COUNTER_in_cached:
    case COUNTER_in_cache_write:
    case COUNTER_in_cache_write_1h:
    case COUNTER_in_image:
    case COUNTER_in_image_cached:
    case COUNTER_in_audio:
    case COUNTER_in_audio_cached:
    case COUNTER_out_text:
    case COUNTER_out_reasoning:
    case COUNTER_out_audio:
    case COUNTER_out_image:
        return "token";
    case COUNTER_requests:
        return "request";
    case COUNTER_images:
        return "image";
    case COUNTER_audio_ms:
    case COUNTER_video_ms:
        return "second";
    case COUNTER_characters:
        return "character";
    case COUNTER_search_units:
        return "search";
    case COUNTER_COUNT:
        break;
    }
    return "";
}

/* Points *at to `word`, which lies in the text. */
static void point(struct reader *reader, struct str word)
{
    *reader->at = (size_t)(word.p - reader->text.p);
}

/* What is missing is missing at the end of the text: *at says so. */
static bool take_word(struct reader *reader, struct str *word, const char *what)
{
    *reader->at = reader->text.n;
    if (!next_word(&reader->rest, word))
        return explain(reader->why, "%s is missing (want COUNTER USD per [1K|1M] UNIT)", what);
    point(reader, *word);
    return true;
}

static bool take_counter(struct reader *reader, enum counter *counter)
{
    struct str word;
    if (!take_word(reader, &word, "the counter"))
        return false;
    if (counter_find(word, counter))
        return true;
    struct nearest nearest = {.word = word};
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        nearest_offer(&nearest, counter_name((enum counter)i));
    if (nearest.name == NULL)
        return explain(reader->why, "unknown counter \"%.*s\"", SHORT_ARG(word));
    return explain(reader->why, "unknown counter \"%.*s\"; did you mean \"%s\"?", SHORT_ARG(word),
                   nearest.name);
}

static bool is_unit(const struct unit *unit, struct str word)
{
    return str_eq(word, str_of(unit->name)) || str_eq(word, str_of(unit->plural));
}

static bool take_unit(struct reader *reader, enum counter counter, struct str word,
                      int64_t *counted)
{
    const char *wanted = unit_of(counter);
    bool is_time = strcmp(wanted, "second") == 0;
    for (size_t i = 0; i < COUNT(unit_table); i++) {
        const struct unit *unit = &unit_table[i];
        bool fits = is_time ? unit->counted > 1 : strcmp(unit->name, wanted) == 0;
        if (fits && is_unit(unit, word)) {
            *counted = unit->counted;
            return true;
        }
    }
    return explain(reader->why, "\"%.*s\" is not a unit of %s (want %s)", SHORT_ARG(word),
                   counter_name(counter), is_time ? "second, minute or hour" : wanted);
}

/* "per [1K|1M] UNIT": how many counted units the price is for. */
static bool take_quantity(struct reader *reader, enum counter counter, int64_t *quantity)
{
    struct str word;
    int64_t scale = 1;
    int64_t counted = 0;
    if (!take_word(reader, &word, "\"per\""))
        return false;
    if (!str_eq(word, STR("per")))
        return explain(reader->why, "\"%.*s\" stands where \"per\" belongs", SHORT_ARG(word));
    if (!take_word(reader, &word, "the unit"))
        return false;
    if (str_eq(word, STR("1K")) || str_eq(word, STR("1M"))) {
        scale = word.p[1] == 'K' ? 1000 : 1000000;
        if (!take_word(reader, &word, "the unit"))
            return false;
    }
    if (!take_unit(reader, counter, word, &counted))
        return false;
    *quantity = scale * counted;
    return true;
}

/* USD `digits` / 10^decimals for `quantity` units, as pUSD a unit, rounded half up. */
static bool convert(struct reader *reader, struct str usd, int64_t quantity, struct rate *rate,
                    int64_t *rounded)
{
    uint64_t digits = 0;
    unsigned decimals = 0;
    if (!parse_decimal(usd, 18, &digits, &decimals))
        return explain(reader->why, "\"%.*s\" is not an amount of USD (want one like 0.15)",
                       SHORT_ARG(usd));
    /* digits < 10^18 and the divisor < 10^18 * 3.6 * 10^12: both products stay below 2^127. */
    u128 divisor = (u128)quantity;
    for (unsigned i = 0; i < decimals; i++)
        divisor *= 10;
    CHECK(divisor > 0);
    u128 amount = (u128)digits * PUSD_PER_USD;
    u128 pusd = (2 * amount + divisor) / (2 * divisor);
    if (pusd > (u128)PUSD_MAX)
        return explain(reader->why, "\"%.*s\" is more than 1000 USD a unit", SHORT_ARG(usd));
    if (pusd == 0 && digits > 0)
        return explain(reader->why,
                       "\"%.*s\" is less than half a pico-USD a unit: it would be free",
                       SHORT_ARG(usd));
    *rounded = amount % divisor != 0 ? quantity : 0;
    rate->pusd = (int64_t)pusd;
    return true;
}

/* Tiers, qualities and sizes come back in requests and answers as plain words. */
static bool is_match_word(struct str word)
{
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == ':';
        if (!ok)
            return false;
    }
    return word.n > 0;
}

static bool set_match(struct reader *reader, char field[16], struct str value)
{
    if (!is_match_word(value) || value.n > 15)
        return explain(reader->why, "\"%.*s\" is not a word of 1..15 letters and digits",
                       SHORT_ARG(value));
    memcpy(field, value.p, value.n);
    field[value.n] = '\0';
    return true;
}

/* A quantity of the counter: a time for audio_ms and video_ms, else a whole number. */
static bool set_quantity(struct reader *reader, enum counter counter, struct str value,
                         int64_t *out)
{
    struct range range = {1, COUNTER_MAX - 1};
    if (strcmp(unit_of(counter), "second") == 0)
        return value_time(value, range, out, reader->why);
    return value_count(value, range, out, reader->why);
}

/* above=N is stored as the first input that it applies to. */
static bool set_above(struct reader *reader, struct str value, struct rate *rate)
{
    int64_t above = 0;
    if (!value_count(value, (struct range){1, COUNTER_MAX - 1}, &above, reader->why))
        return false;
    rate->min_input = above + 1;
    return true;
}

static const char *const options[] = {"above", "tier", "quality", "size", "quantum", "minimum"};
enum option { ABOVE, TIER, QUALITY, SIZE, QUANTUM, MINIMUM, OPTION_COUNT };
static_assert(COUNT(options) == OPTION_COUNT, "every option has a name");

static bool set_option(struct reader *reader, enum option option, struct str value,
                       struct rate *rate)
{
    switch (option) {
    case ABOVE:
        return set_above(reader, value, rate);
    case TIER:
        return set_match(reader, rate->tier, value);
    case QUALITY:
        return set_match(reader, rate->quality, value);
    case SIZE:
        return set_match(reader, rate->size, value);
    case QUANTUM:
        return set_quantity(reader, rate->counter, value, &rate->quantum);
    case MINIMUM:
        return set_quantity(reader, rate->counter, value, &rate->minimum);
    case OPTION_COUNT:
        break;
    }
    return false;
}

static bool explain_option(struct reader *reader, struct str name)
{
    struct nearest nearest = {.word = name};
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        nearest_offer(&nearest, options[i]);
    if (nearest.name == NULL)
        return explain(reader->why,
                       "unexpected \"%.*s\" (want above= tier= quality= size= quantum= minimum=)",
                       SHORT_ARG(name));
    return explain(reader->why, "unknown option \"%.*s\"; did you mean \"%s\"?", SHORT_ARG(name),
                   nearest.name);
}

/* In any order, each once. */
static bool take_options(struct reader *reader, struct rate *rate)
{
    struct str word;
    unsigned seen = 0;
    while (next_word(&reader->rest, &word)) {
        struct str name = str_slice(word, 0, str_index(word, '='));
        unsigned option = 0;
        while (option < OPTION_COUNT && !str_eq(name, str_of(options[option])))
            option++;
        point(reader, word);
        if (option == OPTION_COUNT || name.n == word.n)
            return explain_option(reader, name);
        if (seen & 1u << option)
            return explain(reader->why, "\"%s\" is set twice", options[option]);
        seen |= 1u << option;
        *reader->at += name.n + 1;
        if (!set_option(reader, (enum option)option, str_from(word, name.n + 1), rate))
            return false;
    }
    return true;
}

bool rate_parse(struct str text, struct rate *rate, size_t *at, int64_t *rounded, struct buf *why)
{
    CHECK(rate != NULL && at != NULL && rounded != NULL && why != NULL);
    struct reader reader = {.text = text, .rest = text, .at = at, .why = why};
    struct rate parsed = {.quantum = 1};
    struct str usd;
    int64_t quantity = 0;
    *at = 0;
    if (!take_counter(&reader, &parsed.counter) || !take_word(&reader, &usd, "the price") ||
        !take_quantity(&reader, parsed.counter, &quantity))
        return false;
    point(&reader, usd);
    if (!convert(&reader, usd, quantity, &parsed, rounded) || !take_options(&reader, &parsed))
        return false;
    *rate = parsed;
    return true;
}

static bool show_quantity(const struct rate *rate, const char *name, int64_t n, struct buf *out)
{
    if (!buf_addf(out, " %s=", name))
        return false;
    if (strcmp(unit_of(rate->counter), "second") == 0)
        return show_time(n, out);
    return buf_addf(out, "%" PRId64, n);
}

static bool show_match(const char *name, const char *word, struct buf *out)
{
    return word[0] == '\0' || buf_addf(out, " %s=%s", name, word);
}

/* pUSD x quantity as USD without useless zeros. */
static bool show_usd(int64_t pusd, uint64_t quantity, struct buf *out)
{
    u128 amount = (u128)pusd * quantity;
    uint64_t whole = (uint64_t)(amount / PUSD_PER_USD);
    uint64_t fraction = (uint64_t)(amount % PUSD_PER_USD);
    int digits = 12;
    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (digits == 0)
        return buf_addf(out, "%" PRIu64, whole);
    return buf_addf(out, "%" PRIu64 ".%0*" PRIu64, whole, digits, fraction);
}

bool rate_show_price(const struct rate *rate, struct buf *out)
{
    CHECK(rate != NULL && out != NULL);
    const char *unit = unit_of(rate->counter);
    bool is_time = strcmp(unit, "second") == 0;
    bool is_many = strcmp(unit, "token") == 0 || strcmp(unit, "character") == 0;
    uint64_t quantity = is_time ? 1000 : is_many ? 1000000 : 1;
    return show_usd(rate->pusd, quantity, out) &&
           buf_addf(out, " per %s%s%s", is_many ? "1M " : "", unit, is_many ? "s" : "");
}

bool rate_show(const struct rate *rate, struct buf *out)
{
    bool ok =
        buf_addf(out, "price = %s ", counter_name(rate->counter)) && rate_show_price(rate, out);
    if (ok && rate->min_input > 0)
        ok = buf_addf(out, " above=%" PRId64, rate->min_input - 1);
    ok = ok && show_match("tier", rate->tier, out) && show_match("quality", rate->quality, out) &&
         show_match("size", rate->size, out);
    if (ok && rate->quantum > 1)
        ok = show_quantity(rate, "quantum", rate->quantum, out);
    if (ok && rate->minimum > 0)
        ok = show_quantity(rate, "minimum", rate->minimum, out);
    return ok && buf_add_char(out, '\n');
}
