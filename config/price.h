/* Prices: what a unit of each counter costs at a model, as exact integers.
 *
 * Rates are int64 pico-USD per counted unit, money is int64 nano-USD; never a float. */
#ifndef CONFIG_PRICE_H
#define CONFIG_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* What is counted; all disjoint. */
/* clang-format off */
#define COUNTERS(X)                                                                                \
    X(in_text) X(in_cached) X(in_cache_write) X(in_cache_write_1h) X(in_image) X(in_image_cached)  \
    X(in_audio) X(in_audio_cached) X(out_text) X(out_reasoning) X(out_audio) X(out_image)          \
    X(requests) X(images) X(audio_ms) X(video_ms) X(characters) X(search_units)
/* clang-format on */

enum counter {
#define X(name) COUNTER_##name,
    COUNTERS(X)
#undef X
        COUNTER_COUNT
};

#define COUNTER_MAX ((int64_t)1 << 40) /* every counter is below */

struct counters {
    int64_t n[COUNTER_COUNT];
};

#define PUSD_PER_USD INT64_C(1000000000000)

/* One `price =` line.  Empty matches mean any. */
struct rate {
    enum counter counter;
    int64_t pusd;      /* pico-USD per counted unit; 0 = free */
    int64_t min_input; /* applies when total input tokens reach it: `above=N` is N + 1; 0 = base */
    int64_t quantum;   /* the quantity is rounded up to a multiple; >= 1 */
    int64_t minimum;   /* and raised to at least this */
    char tier[16];     /* service tier: flex, priority, batch... */
    char quality[16];
    char size[16];
};

#define PRICE_RATES_MAX 128

struct price {
    struct rate *rates; /* heap; in the order of the file */
    unsigned n;
};

/* What a request or its answer says about which rates apply. */
struct price_match {
    int64_t input_tokens; /* total, cached included */
    struct str tier, quality, size;
    /* A quality or size that is not known (empty or "auto") may be any: the dearest rate that it
     * may come to is found, for a hold. */
    bool dearest;
};

const char *counter_name(enum counter counter);
/* False for an unknown name. */
MUST_USE bool counter_find(struct str name, enum counter *out);
/* Which counter is charged in place of one that has no rate; false when there is none. */
bool counter_fallback(enum counter counter, enum counter *out);

/* Parses "in_text 0.15 per 1M tokens above=200000" into *rate.  On a mistake returns false with the
 * reason in *why and the offset of the offending word in *at.  *rounded is 0, or,
 * when the price is not a whole pico-USD per unit and was rounded half up, for how many units it
 * was given. */
MUST_USE bool rate_parse(struct str text, struct rate *rate, size_t *at, int64_t *rounded,
                         struct buf *why);
/* Appends the rate as a `price =` line that rate_parse reads back to the same rate. */
MUST_USE bool rate_show(const struct rate *rate, struct buf *out);
/* Appends its price alone, "2.5 per 1M tokens", without counter and conditions. */
MUST_USE bool rate_show_price(const struct rate *rate, struct buf *out);
/* A decimal number of USD >= 0 ("12", "0.000001") as nano-USD; false when it has more than 9
 * decimals or does not fit. */
MUST_USE bool usd_parse(struct str text, int64_t *nusd);
/* "-12.345678901": USD with 9 digits, into at least 32 bytes. */
#define USD_TEXT_SIZE 32
void usd_format(int64_t nusd, char text[USD_TEXT_SIZE]);
/* The same of pico-USD >= 0, with 12 digits. */
void pusd_format(int64_t pusd, char text[USD_TEXT_SIZE]);
/* "0.8" as ppm, at most 6 decimals, 0..1000. */
MUST_USE bool ratio_parse(struct str text, uint32_t *ppm);
/* The other way, without useless zeros. */
#define RATIO_TEXT_SIZE 24
void ratio_format(uint32_t ppm, char text[RATIO_TEXT_SIZE]);

/* The most specific rate for the counter (tier, then quality and size, then the highest reached
 * min_input), falling back to other counters and from a tier's missing counter to the base; NULL
 * when unpriced. */
const struct rate *price_find(const struct price *price, enum counter counter,
                              const struct price_match *match);
/* Some rate is for this counter or for one that it falls back to, whatever it asks for. */
bool price_names(const struct price *price, enum counter counter);
bool price_is_empty(const struct price *price);

#endif
