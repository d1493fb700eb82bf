/* counters × price × ratios -> nano-USD: the one place where money is computed.
 *
 * charge = ceil(sum(quantity * rate) * group_ppm * user_ppm / 10^15), one rounding, up. */
#ifndef RELAY_CHARGE_H
#define RELAY_CHARGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "config/price.h"
#include "store/bill.h"

enum charge_result {
    CHARGE_OK,
    CHARGE_UNPRICED, /* a counter has neither rate nor fallback, and no price per call covers it:
                        out->unpriced says which */
    CHARGE_OVERFLOW  /* the sum does not fit: refuse, never wrap */
};

struct charge {
    int64_t base_pusd; /* before the ratios */
    int64_t nusd;
    struct bill bill;      /* its lines, for books and quotes */
    enum counter unpriced; /* when UNPRICED */
};

/* One request of counters->n (COUNTER_requests is charged as 1 when the price has a rate for it,
 * whatever the counter says).  match->input_tokens chooses `above=` rates. */
MUST_USE enum charge_result charge_compute(const struct price *price,
                                           const struct counters *counters,
                                           const struct price_match *match, uint32_t group_ppm,
                                           uint32_t user_ppm, struct charge *out);

#endif
