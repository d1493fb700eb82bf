#include "config/offer.h"

#include "config/value.h"

static bool explain_provider(const struct snapshot *snapshot, struct str name, struct buf *why)
{
    struct nearest nearest = {.word = name};
    for (unsigned i = 0; i < snapshot->provider_count; i++)
        if (snapshot->providers[i].name != NULL)
            nearest_offer(&nearest, snapshot->providers[i].name);
    if (nearest.name == NULL)
        return explain(why, "unknown provider \"%.*s\"", SHORT_ARG(name));
    return explain(why, "unknown provider \"%.*s\"; did you mean \"%s\"?", SHORT_ARG(name),
                   nearest.name);
}

/* *at moves on to the value when that is what is wrong. */
static bool set_option(struct offer *offer, struct str word, unsigned *seen, size_t *at,
                       struct buf *why)
{
    struct str name = str_slice(word, 0, str_index(word, '='));
    bool is_weight = str_eq(name, STR("weight"));
    unsigned bit = is_weight ? 2 : 1;
    int64_t n = 0;
    if (name.n == word.n || (!is_weight && !str_eq(name, STR("priority"))))
        return explain(why, "unexpected \"%.*s\" (want priority=N or weight=N)", SHORT_ARG(word));
    if (*seen & bit)
        return explain(why, "\"%.*s\" is set twice", SHORT_ARG(name));
    *seen |= bit;
    *at += name.n + 1;
    struct range range = {is_weight ? 1 : 0, 1000000};
    if (!value_count(str_from(word, name.n + 1), range, &n, why))
        return false;
    if (is_weight)
        offer->weight = (int)n;
    else
        offer->priority = (int)n;
    return true;
}

/* Model names of providers contain slashes themselves, names of providers never do. */
static bool set_target(struct offer *offer, struct str word, const struct snapshot *snapshot,
                       struct buf *why)
{
    struct str provider = str_slice(word, 0, str_index(word, '/'));
    struct str upstream = str_from(word, provider.n + 1);
    if (provider.n == 0 || upstream.n == 0)
        return explain(why, "\"%.*s\" is not an offer (want PROVIDER/MODEL)", SHORT_ARG(word));
    if (upstream.n > MODEL_NAME_MAX)
        return explain(why, "the model's name is longer than %d bytes", MODEL_NAME_MAX);
    offer->provider = snapshot_provider(snapshot, provider);
    if (offer->provider == NULL)
        return explain_provider(snapshot, provider, why);
    offer->upstream_model = str_dup(upstream);
    return offer->upstream_model != NULL || explain(why, "out of memory");
}

bool offer_parse(struct str text, const struct snapshot *snapshot, struct offer *offer, size_t *at,
                 struct buf *why)
{
    CHECK(snapshot != NULL && offer != NULL && at != NULL && why != NULL);
    struct offer parsed = {.priority = 1, .weight = 1};
    struct str rest = text;
    struct str target;
    struct str word;
    unsigned seen = 0;
    *at = 0;
    if (!next_word(&rest, &target))
        return explain(why, "the offer is empty (want PROVIDER/MODEL)");
    while (next_word(&rest, &word)) {
        *at = (size_t)(word.p - text.p);
        if (!set_option(&parsed, word, &seen, at, why))
            return false;
    }
    *at = 0;
    if (!set_target(&parsed, target, snapshot, why))
        return false;
    *offer = parsed;
    return true;
}
