#include "config/section_load.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "config/key.h"
#include "config/offer.h"
#include "config/value.h"

#define DROP_NAME_MAX 64

/* The field that a key's row points to. */
#define FIELD_ENDPOINTS(name) name
#define FIELD_OFFERS(name) offers
#define FIELD_PRICES(name) price
#define FIELD_COUNT(name) name
#define FIELD_TEXT(name) name
#define FIELD_WORDS(name) name

static const struct key keys[] = {
#define KEY(name_, kind_, default__, min_, max_, example_, text_)                                  \
    {.name = #name_,                                                                               \
     .default_ = default__,                                                                        \
     .example = example_,                                                                          \
     .text = text_,                                                                                \
     .range = {min_, max_},                                                                        \
     .offset = offsetof(struct model, FIELD_##kind_(name_)),                                       \
     .kind = KEY_##kind_},
#include "config/model.def"
#undef KEY
};
static_assert(COUNT(keys) <= KEYS_MAX, "seen[] has room for every key");

struct key_table model_keys(void)
{
    return (struct key_table){keys, COUNT(keys)};
}

struct draft {
    struct model *model;
    const struct section *section;
    const struct snapshot *snapshot;
    struct messages *messages;
    bool faulty_offers; /* some were wrong: "no offer" would mislead */
    bool faulty_prices;
    bool faulty_endpoints;
    const struct entry *default_for;
    const struct entry *default_output;
    const struct entry *max_output;
    unsigned rate_lines[PRICE_RATES_MAX];
    struct buf why;
};

static void report(struct draft *draft, const struct entry *entry, size_t offset)
{
    struct place place = entry_place(entry, offset);
    messages_error(draft->messages, &place, "%.*s", STR_ARG(buf_str(&draft->why)));
}

/* Groups match model names by patterns and lists: the characters of those stay out of names. */
static bool is_model_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c <= ' ' || c == 0x7f || c == '*' || c == ',' || c == '"' || c == '\\')
            return false;
    }
    return name.n > 0 && name.n <= MODEL_NAME_MAX && name.p[0] != '!';
}

static bool explain_endpoint(struct str word, struct buf *why)
{
    struct nearest nearest = {.word = word};
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++)
        nearest_offer(&nearest, endpoint_name((enum endpoint)i));
    if (nearest.name == NULL)
        return explain(why, "unknown endpoint \"%.*s\"", SHORT_ARG(word));
    return explain(why, "unknown endpoint \"%.*s\"; did you mean \"%s\"?", SHORT_ARG(word),
                   nearest.name);
}

/* Each wrong word is reported, at its own column. */
static void take_endpoints(struct draft *draft, const struct entry *entry, uint32_t *endpoints)
{
    struct str rest = entry->value;
    struct str word;
    while (next_word(&rest, &word)) {
        enum endpoint endpoint;
        bool known = endpoint_find(word, &endpoint) || explain_endpoint(word, &draft->why);
        if (known && (*endpoints & 1u << endpoint) != 0)
            known = explain(&draft->why, "\"%.*s\" is named twice", SHORT_ARG(word));
        if (known) {
            *endpoints |= 1u << endpoint;
            continue;
        }
        draft->faulty_endpoints = true;
        report(draft, entry, (size_t)(word.p - entry->value.p));
    }
}

/* The same offer twice would be tried twice by failover, and doubles its weight unseen. */
static bool offer_add(struct draft *draft, const struct offer *offer)
{
    struct model *model = draft->model;
    for (unsigned i = 0; i < model->offer_count; i++)
        if (model->offers[i].provider == offer->provider &&
            strcmp(model->offers[i].upstream_model, offer->upstream_model) == 0)
            return explain(&draft->why, "the offer %s/%s stands twice", offer->provider->name,
                           offer->upstream_model);
    if (model->offer_count >= MODEL_OFFERS_MAX)
        return explain(&draft->why, "more than %d offers", MODEL_OFFERS_MAX);
    struct offer *offers = array_room(model->offers, model->offer_count, sizeof *offers);
    if (offers == NULL)
        return explain(&draft->why, "out of memory");
    model->offers = offers;
    offers[model->offer_count++] = *offer;
    return true;
}

static void take_offer(struct draft *draft, const struct entry *entry)
{
    struct offer offer = {.provider = NULL};
    size_t at = 0;
    if (offer_parse(entry->value, draft->snapshot, &offer, &at, &draft->why) &&
        offer_add(draft, &offer))
        return;
    free(offer.upstream_model);
    draft->faulty_offers = true;
    report(draft, entry, at);
}

/* The same counter under the same conditions: which of the two prices holds would be chance. */
static bool is_same_rate(const struct rate *a, const struct rate *b)
{
    return a->counter == b->counter && a->min_input == b->min_input &&
           strcmp(a->tier, b->tier) == 0 && strcmp(a->quality, b->quality) == 0 &&
           strcmp(a->size, b->size) == 0;
}

static bool rate_add(struct draft *draft, const struct rate *rate, unsigned line)
{
    struct price *price = &draft->model->price;
    for (unsigned i = 0; i < price->n; i++)
        if (is_same_rate(&price->rates[i], rate))
            return explain(&draft->why, "%s is priced twice; the first is at line %u",
                           counter_name(rate->counter), draft->rate_lines[i]);
    if (price->n >= PRICE_RATES_MAX)
        return explain(&draft->why, "more than %d prices", PRICE_RATES_MAX);
    struct rate *rates = array_room(price->rates, price->n, sizeof *rates);
    if (rates == NULL)
        return explain(&draft->why, "out of memory");
    price->rates = rates;
    draft->rate_lines[price->n] = line;
    rates[price->n++] = *rate;
    return true;
}

/* What `quantity` units come to now, which somebody gave another price for. */
static void warn_rounded(struct draft *draft, const struct entry *entry, int64_t pusd,
                         int64_t quantity)
{
    __extension__ typedef unsigned __int128 u128;
    u128 sum = (u128)pusd * (u128)quantity;
    messages_add(draft->messages, SEVERITY_WARNING, &entry->value_at,
                 "the price is not a whole number of pico-USD a unit: it is rounded to %lld, and "
                 "what is written comes to %llu.%012llu USD",
                 (long long)pusd, (unsigned long long)(sum / PUSD_PER_USD),
                 (unsigned long long)(sum % PUSD_PER_USD));
}

static void take_price(struct draft *draft, const struct entry *entry)
{
    struct rate rate;
    size_t at = 0;
    int64_t rounded = 0;
    if (!rate_parse(entry->value, &rate, &at, &rounded, &draft->why)) {
        draft->faulty_prices = true;
        report(draft, entry, at);
        return;
    }
    if (!rate_add(draft, &rate, entry->at.line)) {
        draft->faulty_prices = true;
        report(draft, entry, 0);
        return;
    }
    if (rounded != 0)
        warn_rounded(draft, entry, rate.pusd, rounded);
}

/* What the gateway itself puts in, or goes by. */
static bool check_drop(struct str word, struct buf *why)
{
    static const char *const kept[] = {"model", "stream", "stream_options"};
    for (size_t i = 0; i < COUNT(kept); i++)
        if (str_eq_nocase(word, str_of(kept[i])))
            return explain(why, "\"%s\" cannot be dropped", kept[i]);
    return word.n <= DROP_NAME_MAX ||
           explain(why, "the name is longer than %d bytes", DROP_NAME_MAX);
}

static void take_drop(struct draft *draft, const struct entry *entry)
{
    size_t at = 0;
    if (!word_list_parse(entry->value, check_drop, &draft->model->drop, &at, &draft->why))
        report(draft, entry, at);
}

static void take_entry(struct draft *draft, const struct key *key, const struct entry *entry)
{
    if (key->kind == KEY_ENDPOINTS) {
        take_endpoints(draft, entry, (uint32_t *)(void *)((char *)draft->model + key->offset));
        if (key->offset == offsetof(struct model, default_for))
            draft->default_for = entry;
    } else if (key->kind == KEY_OFFERS) {
        take_offer(draft, entry);
    } else if (key->kind == KEY_PRICES) {
        take_price(draft, entry);
    } else if (key->kind == KEY_WORDS) {
        take_drop(draft, entry);
    } else if (!key_set(key, draft->model, entry->value, &draft->why)) {
        report(draft, entry, 0);
    } else if (strcmp(key->name, "default_output") == 0) {
        draft->default_output = entry;
    } else if (strcmp(key->name, "max_output") == 0) {
        draft->max_output = entry;
    }
}

/* Only limits that the file sets are compared; the default of default_output is capped when a
 * request is held for. */
static void check_limits(struct draft *draft)
{
    const struct model *model = draft->model;
    const struct entry *entry = draft->default_output;
    if (entry != NULL && model->max_output > 0 && model->default_output > model->max_output)
        messages_error(draft->messages, &entry->value_at,
                       "default_output is more than max_output (%lld)",
                       (long long)model->max_output);
    entry = draft->max_output;
    if (entry != NULL && model->context > 0 && model->max_output > model->context)
        messages_error(draft->messages, &entry->value_at, "max_output is more than context (%lld)",
                       (long long)model->context);
}

static void check_default(struct draft *draft)
{
    const struct model *model = draft->model;
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++)
        if ((model->default_for & 1u << i) != 0 && !model_serves(model, (enum endpoint)i))
            messages_error(draft->messages, &draft->default_for->value_at,
                           "model \"%s\" does not serve %s", model->name,
                           endpoint_name((enum endpoint)i));
}

/* What is missing is told at the section's head, unless lines that were wrong explain it already.
 */
static void check_whole(struct draft *draft)
{
    const struct model *model = draft->model;
    const struct place *at = &draft->section->at;
    unsigned enabled = 0;
    for (unsigned i = 0; i < model->offer_count; i++)
        enabled += model->offers[i].provider->enabled;
    if (model->endpoints == 0 && !draft->faulty_endpoints)
        messages_error(draft->messages, at, "model \"%s\" has no endpoints", model->name);
    if (model->offer_count == 0 && !draft->faulty_offers)
        messages_error(draft->messages, at, "model \"%s\" has no offer", model->name);
    else if (enabled == 0 && !draft->faulty_offers)
        messages_add(draft->messages, SEVERITY_WARNING, at,
                     "every provider of model \"%s\" is switched off", model->name);
    if (price_is_empty(&model->price) && !draft->faulty_prices)
        messages_error(draft->messages, at, "model \"%s\" has no price", model->name);
    else if (!draft->faulty_prices)
        model_check_price(model, at, draft->messages);
    if (!draft->faulty_endpoints)
        check_default(draft);
    check_limits(draft);
}

void model_load(struct model *model, const struct section *section, const struct snapshot *snapshot,
                struct messages *messages)
{
    struct draft draft = {
        .model = model, .section = section, .snapshot = snapshot, .messages = messages};
    const struct entry *seen[KEYS_MAX] = {NULL};
    buf_init(&draft.why, 4096);
    if (!is_model_name(section->name))
        messages_error(messages, &section->at,
                       "\"%.*s\" is not a model's name (want 1..%d bytes without spaces, commas, "
                       "quotes, * or a leading !)",
                       SHORT_ARG(section->name), MODEL_NAME_MAX);
    model->name = str_dup(section->name);
    if (model->name == NULL || !key_set_defaults(model_keys(), model)) {
        messages_no_memory(messages);
        goto done;
    }
    for (unsigned i = 0; i < section->entry_count; i++) {
        const struct entry *entry = &section->entries[i];
        const struct key *key = key_of_entry(model_keys(), section, entry, seen, messages);
        if (key != NULL)
            take_entry(&draft, key, entry);
    }
    check_whole(&draft);
done:
    buf_release(&draft.why);
}
