#include "tests/bench/histogram.h"

#define STEPS 64

static unsigned class_of(uint64_t value)
{
    if (value < 2 * STEPS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - 6;
    unsigned class = shift * STEPS + (unsigned)(value >> shift);
    return class < HISTOGRAM_CLASSES ? class : HISTOGRAM_CLASSES - 1;
}

static int64_t value_of(unsigned class)
{
    if (class < 2 * STEPS)
        return class;
    unsigned shift = class / STEPS - 1;
    return (int64_t)(class - shift * STEPS) << shift;
}

void histogram_add(struct histogram *h, int64_t value)
{
    h->total++;
    h->counts[class_of(value < 0 ? 0 : (uint64_t)value)]++;
}

int64_t histogram_at(const struct histogram *h, double part)
{
    double wanted = (double)h->total * part, below = 0;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++) {
        below += (double)h->counts[i];
        if (below >= wanted && h->counts[i] > 0)
            return value_of(i);
    }
    return 0;
}
