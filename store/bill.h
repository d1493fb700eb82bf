/* The lines of a charge: what was counted, what it was charged by, what that comes to.
 *
 * They are kept with the request as its arithmetic was done, and only shown afterwards: the ratios
 * times the sum of the lines, rounded up, are the charge. */
#ifndef STORE_BILL_H
#define STORE_BILL_H

#include <jansson.h>
#include <stdint.h>

#include "base/str.h"
#include "config/price.h"

struct bill_line {
    enum counter counter;
    int64_t quantity;  /* after quantum and minimum */
    int64_t rate_pusd; /* a unit; of all of them both together, which fit */
};

struct bill {
    unsigned n;
    struct bill_line lines[COUNTER_COUNT];
};

#define BILL_TEXT_SIZE (COUNTER_COUNT * 64)

/* As the database keeps it: "in_text=1000*2500000", a blank between lines. */
void bill_format(const struct bill *bill, char text[BILL_TEXT_SIZE]);
/* [{counter, quantity, price: "2.5 per 1M tokens", cost: "0.002500000000"}]; words of a later
 * program are passed over.  NULL when memory is out. */
json_t *bill_json(const struct bill *bill);
void bill_parse(struct str text, struct bill *bill);

#endif
