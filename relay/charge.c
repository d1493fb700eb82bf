#include "relay/charge.h"

#include <stddef.h>

__extension__ typedef unsigned __int128 wide;

/* pico-USD × ppm × ppm in one nano-USD. */
#define PICO_PPM_PPM_PER_NANO ((wide)1000 * 1000000 * 1000000)

enum quantity_result { QUANTITY_NONE, QUANTITY_OK, QUANTITY_UNPRICED };

/* What is to be paid for one counter: a quantity and its rate. */
struct part {
    const struct rate *rate;
    wide quantity;
    wide pusd;
};

static wide billed_quantity(const struct rate *rate, int64_t counted)
{
    wide quantity = (uint64_t)counted;
    uint64_t quantum = (uint64_t)rate->quantum;
    uint64_t minimum = (uint64_t)rate->minimum;
    if (quantum > 1)
        quantity = (quantity + (quantum - 1)) / quantum * quantum;
    return quantity < minimum ? minimum : quantity;
}

static enum quantity_result part_of(const struct price *price, enum counter counter,
                                    int64_t counted, const struct price_match *match,
                                    struct part *part)
{
    /* A call is a call: a price per request is due once, and never for want of a counter. */
    bool per_call = counter == COUNTER_requests;
    if (counted == 0 && !per_call)
        return QUANTITY_NONE;
    part->rate = price_find(price, counter, match);
    if (part->rate == NULL) {
        /* A price per call covers what has no price of its own. */
        bool covered = per_call || price_find(price, COUNTER_requests, match) != NULL;
        return covered ? QUANTITY_NONE : QUANTITY_UNPRICED;
    }
    CHECK(part->rate->pusd >= 0 && part->rate->minimum >= 0);
    /* Quantity and rate are below 2^64 and 2^63: the product fits. */
    part->quantity = billed_quantity(part->rate, per_call ? 1 : counted);
    part->pusd = part->quantity * (uint64_t)part->rate->pusd;
    return QUANTITY_OK;
}

static void add_line(struct bill *bill, enum counter counter, const struct part *part)
{
    bool fits = part->quantity <= (wide)INT64_MAX; /* else it costs nothing each */
    bill->lines[bill->n++] =
        (struct bill_line){.counter = counter,
                           .quantity = fits ? (int64_t)part->quantity : INT64_MAX,
                           .rate_pusd = part->rate->pusd};
}

/* NOLINTNEXTLINE(readability-function-size): the sum has six terms, all of them contract. */
enum charge_result charge_compute(const struct price *price, const struct counters *counters,
                                  const struct price_match *match, uint32_t group_ppm,
                                  uint32_t user_ppm, struct charge *out)
{
    wide base = 0;
    out->bill.n = 0;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        CHECK(counters->n[i] >= 0);
        struct part part = {0};
        switch (part_of(price, (enum counter)i, counters->n[i], match, &part)) {
        case QUANTITY_NONE:
            break;
        case QUANTITY_UNPRICED:
            out->unpriced = (enum counter)i;
            return CHARGE_UNPRICED;
        case QUANTITY_OK:
            base += part.pusd;
            add_line(&out->bill, (enum counter)i, &part);
            break;
        }
        /* Looked at after each addition: 18 products could pass 2^128. */
        if (base > (wide)INT64_MAX)
            return CHARGE_OVERFLOW;
    }
    /* At most 2^63 × 2^32 × 2^32. */
    wide scaled = base * group_ppm * user_ppm;
    wide nusd = scaled / PICO_PPM_PPM_PER_NANO + (scaled % PICO_PPM_PPM_PER_NANO != 0);
    if (nusd > (wide)INT64_MAX)
        return CHARGE_OVERFLOW;
    out->base_pusd = (int64_t)base;
    out->nusd = (int64_t)nusd;
    return CHARGE_OK;
}
