#include "server/admin/quote.h"

#include <string.h>

#include "relay/charge.h"
#include "relay/usage.h"
#include "server/admin/operation.h"
#include "server/admin/upstream.h"
#include "store/bill.h"

#define RATIO_ONE 1000000
#define NOTES_BYTES_MAX 4096

static const char *const show_arguments[] = {"model", NULL};
static const char *const quote_arguments[] = {"model", "counts",  "ratio", "user_ratio",
                                              "tier",  "quality", "size",  NULL};

/* What is asked, read and checked. */
struct quote {
    const struct model *model;
    struct counters counters;
    struct price_match match;
    uint32_t ratio_ppm, user_ratio_ppm;
};

static const char *text_of(const struct admin_call *call, const char *name)
{
    return json_string_value(json_object_get(call->arguments, name));
}

static struct str match_of(const struct admin_call *call, const char *name)
{
    const char *text = text_of(call, name);
    return text != NULL ? str_of(text) : STR_EMPTY;
}

/* Fails the call when an argument is unknown or no text. */
static bool check_arguments(struct admin_call *call, const char *const *names)
{
    const char *name;
    json_t *value;
    json_object_foreach(call->arguments, name, value)
    {
        unsigned i = 0;
        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] != NULL && json_is_string(value))
            continue;
        admin_fail(call, ADMIN_USAGE, "%.*s: \"%.60s\" %s", STR_ARG(call->operation), name,
                   names[i] != NULL ? "must be a string" : "is not an argument");
        return false;
    }
    return true;
}

static const struct model *find_model(struct admin_call *call, const struct snapshot *snapshot)
{
    const char *name = text_of(call, "model");
    const struct model *model = name != NULL ? snapshot_model(snapshot, str_of(name)) : NULL;
    if (name == NULL)
        admin_fail(call, ADMIN_USAGE, "%.*s needs a model", STR_ARG(call->operation));
    else if (model == NULL)
        admin_fail(call, ADMIN_NOTFOUND, "there is no model \"%s\" in the configuration", name);
    return model;
}

void admin_price_show(struct admin_call *call)
{
    struct snapshot *snapshot = call->host->snapshot(call->host->context);
    if (check_arguments(call, show_arguments)) {
        const struct model *model = find_model(call, snapshot);
        if (model != NULL)
            admin_succeed(call, admin_price_json(&model->price));
    }
    snapshot_drop(&snapshot);
}

/* "in_text=1000,out_text=500" */
static bool read_counts(struct admin_call *call, struct counters *counters)
{
    const char *text = text_of(call, "counts");
    struct str rest = text != NULL ? str_of(text) : STR_EMPTY;
    struct str word;
    bool given[COUNTER_COUNT] = {false};
    while (str_cut(&rest, ',', &word)) {
        word = str_trim(word);
        size_t equals = str_index(word, '=');
        enum counter counter;
        if (equals == word.n || !counter_find(str_slice(word, 0, equals), &counter)) {
            admin_fail(call, ADMIN_USAGE,
                       "\"%.*s\" is not a counter and a quantity (want one like "
                       "in_text=1000; the counters are in gateway.conf(5))",
                       STR_ARG(word));
            return false;
        }
        if (!str_i64(str_from(word, equals + 1), 0, COUNTER_MAX - 1, &counters->n[counter])) {
            admin_fail(call, ADMIN_USAGE, "\"%.*s\" is not a whole number below 2^40",
                       STR_ARG(word));
            return false;
        }
        if (given[counter]) {
            admin_fail(call, ADMIN_USAGE, "%s is given twice", counter_name(counter));
            return false;
        }
        given[counter] = true;
    }
    return true;
}

static bool read_ratio(struct admin_call *call, const char *name, uint32_t *ppm)
{
    const char *text = text_of(call, name);
    *ppm = RATIO_ONE;
    if (text == NULL || ratio_parse(str_of(text), ppm))
        return true;
    admin_fail(call, ADMIN_USAGE,
               "\"%s\": \"%.40s\" is not a ratio (want one like 0.8, up to 1000)", name, text);
    return false;
}

static bool read_quote(struct admin_call *call, const struct snapshot *snapshot,
                       struct quote *quote)
{
    if (!check_arguments(call, quote_arguments))
        return false;
    quote->model = find_model(call, snapshot);
    if (quote->model == NULL || !read_counts(call, &quote->counters) ||
        !read_ratio(call, "ratio", &quote->ratio_ppm) ||
        !read_ratio(call, "user_ratio", &quote->user_ratio_ppm))
        return false;
    quote->match = (struct price_match){.input_tokens = counters_input(&quote->counters),
                                        .tier = match_of(call, "tier"),
                                        .quality = match_of(call, "quality"),
                                        .size = match_of(call, "size")};
    return true;
}

static bool has_condition(const struct price *price, unsigned which, struct str wanted)
{
    for (unsigned i = 0; i < price->n; i++) {
        const struct rate *rate = &price->rates[i];
        const char *const conditions[] = {rate->tier, rate->quality, rate->size};
        if (str_eq(str_of(conditions[which]), wanted))
            return true;
    }
    return false;
}

/* A request for what no price line names is charged by the lines that ask for nothing, and so is
 * its quote; but the operator may have mistyped it. */
static bool add_notes(const struct admin_call *call, const struct model *model, struct buf *notes)
{
    static const char *const names[] = {"tier", "quality", "size"};
    bool ok = true;
    for (unsigned i = 0; ok && i < COUNT(names); i++) {
        struct str wanted = match_of(call, names[i]);
        if (wanted.n > 0 && !has_condition(&model->price, i, wanted))
            ok = buf_addf(notes,
                          "gateway: no price of %s has %s=%.*s: the line without a %s counts\n",
                          model->name, names[i], STR_ARG(str_slice(wanted, 0, 40)), names[i]);
    }
    return ok;
}

static json_t *quote_json(const struct quote *quote, const struct charge *charge,
                          const struct buf *notes)
{
    char base[USD_TEXT_SIZE], total[USD_TEXT_SIZE], ratio[RATIO_TEXT_SIZE], user[RATIO_TEXT_SIZE];
    pusd_format(charge->base_pusd, base);
    usd_format(charge->nusd, total);
    ratio_format(quote->ratio_ppm, ratio);
    ratio_format(quote->user_ratio_ppm, user);
    json_t *json = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "model", quote->model->name, "bill",
                             bill_json(&charge->bill), "base", base, "ratio", ratio, "user_ratio",
                             user, "charge", total);
    if (notes->n > 0)
        (void)json_object_set_new(json, "messages", json_stringn(notes->p, notes->n));
    return json;
}

static void answer_quote(struct admin_call *call, const struct quote *quote,
                         const struct charge *charge)
{
    struct buf notes;
    buf_init(&notes, NOTES_BYTES_MAX);
    bool ok = add_notes(call, quote->model, &notes);
    admin_succeed(call, ok ? quote_json(quote, charge, &notes) : NULL);
    buf_release(&notes);
}

void admin_price_quote(struct admin_call *call)
{
    struct quote quote = {0};
    struct charge charge;
    struct snapshot *snapshot = call->host->snapshot(call->host->context);
    if (read_quote(call, snapshot, &quote)) {
        switch (charge_compute(&quote.model->price, &quote.counters, &quote.match, quote.ratio_ppm,
                               quote.user_ratio_ppm, &charge)) {
        case CHARGE_OK:
            answer_quote(call, &quote, &charge);
            break;
        case CHARGE_UNPRICED:
            admin_fail(call, ADMIN_USAGE,
                       "model \"%s\" has no price for %s with this tier, quality "
                       "and size",
                       quote.model->name, counter_name(charge.unpriced));
            break;
        case CHARGE_OVERFLOW:
            admin_fail(call, ADMIN_USAGE,
                       "the charge does not fit: before the ratios it may be 9223372 USD");
            break;
        }
    }
    snapshot_drop(&snapshot);
}
