#include "store/bill.h"

#include "store/counters_text.h"

#define PRICE_BYTES_MAX 128

void bill_format(const struct bill *bill, char text[BILL_TEXT_SIZE])
{
    char *at = text;
    CHECK(bill->n <= COUNTER_COUNT);
    for (unsigned i = 0; i < bill->n; i++) {
        const struct bill_line *line = &bill->lines[i];
        if (i > 0)
            *at++ = ' ';
        at = counter_put(at, line->counter, line->quantity);
        *at++ = '*';
        at += str_put_i64(at, line->rate_pusd);
    }
    *at = '\0';
}

/* Rows from before have the product, too: "=2500000000" at the end. */
static bool parse_line(struct str word, struct bill_line *line)
{
    struct str name = STR_EMPTY, quantity = STR_EMPTY, rate = STR_EMPTY;
    return str_cut(&word, '=', &name) && str_cut(&word, '*', &quantity) &&
           str_cut(&word, '=', &rate) && counter_find(name, &line->counter) &&
           str_i64(quantity, 0, INT64_MAX, &line->quantity) &&
           str_i64(rate, 0, INT64_MAX, &line->rate_pusd);
}

void bill_parse(struct str text, struct bill *bill)
{
    struct str word;
    bill->n = 0;
    while (bill->n < COUNTER_COUNT && str_cut(&text, ' ', &word)) {
        if (parse_line(word, &bill->lines[bill->n]))
            bill->n++;
    }
}

static json_t *line_json(const struct bill_line *line)
{
    struct rate rate = {.counter = line->counter, .pusd = line->rate_pusd};
    int64_t pusd;
    char cost[USD_TEXT_SIZE];
    struct buf price;
    json_t *json = NULL;
    if (__builtin_mul_overflow(line->quantity, line->rate_pusd, &pusd)) /* no program wrote that */
        pusd = INT64_MAX;
    pusd_format(pusd, cost);
    buf_init(&price, PRICE_BYTES_MAX);
    if (rate_show_price(&rate, &price))
        json =
            json_pack("{s:s, s:I, s:s%, s:s}", "counter", counter_name(line->counter), "quantity",
                      (json_int_t)line->quantity, "price", price.p, price.n, "cost", cost);
    buf_release(&price);
    return json;
}

json_t *bill_json(const struct bill *bill)
{
    json_t *lines = json_array();
    for (unsigned i = 0; lines != NULL && i < bill->n; i++) {
        if (json_array_append_new(lines, line_json(&bill->lines[i])) != 0) {
            json_decref(lines);
            return NULL;
        }
    }
    return lines;
}
