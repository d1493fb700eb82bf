#include "config/frozen_price.h"

#include <stdlib.h>

#define WHY_MAX 256
#define KEY STR("price = ")

bool price_freeze(const struct price *price, struct buf *text)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < price->n; i++)
        ok = rate_show(&price->rates[i], text);
    return ok;
}

bool price_thaw(struct str text, struct price *price)
{
    struct price read = {.rates = calloc(PRICE_RATES_MAX, sizeof *read.rates)};
    struct buf why;
    struct str line;
    bool ok = read.rates != NULL;
    buf_init(&why, WHY_MAX);
    while (ok && str_cut(&text, '\n', &line)) {
        size_t at;
        int64_t rounded;
        ok = read.n < PRICE_RATES_MAX && str_starts(line, KEY) &&
             rate_parse(str_from(line, KEY.n), &read.rates[read.n++], &at, &rounded, &why);
    }
    buf_release(&why);
    if (ok)
        *price = read;
    else
        free(read.rates);
    return ok;
}

void frozen_price_release(struct price *price)
{
    free(price->rates);
    *price = (struct price){0};
}
