#include "relay/count.h"

#include "base/log.h"
#include "relay/request.h"

#define ABSURD_SLACK 20000
#define UNCOUNTED_INPUT (INT64_C(1) << 21) /* more than any model reads */
#define UNSAID_OUTPUT 1024                 /* tokens of an answer whose length nobody has limited */
#define MOST_OUTPUT 4096 /* of one with a generous limit: few use it, and the rest is corrected */

static struct price_match match_of(const struct request *request, const struct counters *counters)
{
    const struct tap *tap = &request->tap;
    const char *tier = tap->service_tier[0] != '\0' ? tap->service_tier : request->tier;
    const char *quality = tap->quality[0] != '\0' ? tap->quality : request->quality;
    const char *size = tap->size[0] != '\0' ? tap->size : request->size;
    return (struct price_match){.input_tokens = counters_input(counters),
                                .tier = str_of(tier),
                                .quality = str_of(quality),
                                .size = str_of(size)};
}

/* Pictures, sound and documents are measured in more than one unit (pieces, seconds, tokens); the
 * price names those that are charged, and the others are let be.  A unit that it names stays, also
 * where it has no rate for this quality or size: that is refused, or told, as unpriced. */
static void keep_priced(const struct request *request, struct counters *counters)
{
    struct counters kept = {{0}};
    bool any = false;
    if (request->module->quantities == NULL)
        return;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (counters->n[i] == 0 || !price_names(&request->model->price, (enum counter)i))
            continue;
        kept.n[i] = counters->n[i];
        any = true;
    }
    if (any)
        *counters = kept;
}

/* --- before --------------------------------------------------------------------------------------
 */

/* So many tokens are counted as another kind, which may be dearer. */
static void move(struct counters *counters, enum counter from, enum counter to, int64_t n)
{
    counters->n[from] -= n;
    counters->n[to] += n;
}

/* What tokens of a prompt, of media in it and of the answer may be; the first is what they are held
 * for where nothing dearer is asked for. */
static const enum counter prompts[] = {COUNTER_in_text, COUNTER_in_cache_write,
                                       COUNTER_in_cache_write_1h};
static const enum counter media[] = {COUNTER_in_text, COUNTER_in_image, COUNTER_in_audio};
static const enum counter outputs[] = {COUNTER_out_text, COUNTER_out_reasoning, COUNTER_out_audio};

/* All of the prompt may be written to a cache, if that is asked for, and all of the output be
 * reasoning or sound: the dearest of all ways to count `ceiling`. */
static enum charge_result dearest(const struct request *request, const struct counters *ceiling,
                                  int64_t *nusd)
{
    const struct key_record *key = request->key;
    const struct fields *fields = request->fields;
    struct price_match match = match_of(request, ceiling);
    int64_t in_media = fields->media_tokens < ceiling->n[COUNTER_in_text]
                           ? fields->media_tokens
                           : ceiling->n[COUNTER_in_text];
    size_t ins = fields->cache_marked ? COUNT(prompts) : 1;
    size_t kinds = in_media > 0 ? COUNT(media) : 1;
    size_t outs = fields_has(fields, FIELD_audio) ? COUNT(outputs) : COUNT(outputs) - 1;
    enum charge_result result = CHARGE_OK;
    match.dearest = true;
    *nusd = 0;
    for (size_t i = 0; result == CHARGE_OK && i < ins * kinds * outs; i++) {
        struct counters asked = *ceiling;
        struct charge charge;
        move(&asked, COUNTER_in_text, media[i / ins % kinds], in_media);
        move(&asked, COUNTER_in_text, prompts[i % ins], asked.n[COUNTER_in_text]);
        move(&asked, COUNTER_out_text, outputs[i / ins / kinds], asked.n[COUNTER_out_text]);
        result = charge_compute(&request->model->price, &asked, &match, key->group_ppm,
                                key->user_ppm, &charge);
        if (result == CHARGE_OK && charge.nusd > *nusd)
            *nusd = charge.nusd;
    }
    return result;
}

enum charge_result count_hold(struct request *request, int64_t *nusd)
{
    struct counters ceiling = {{0}};
    request->module->ceiling(request, &ceiling);
    request->hold_tokens = counters_input(&ceiling);
    keep_priced(request, &ceiling);
    return dearest(request, &ceiling, nusd);
}

/* What endpoints work on; pictures, sound and film are counted by the request. */
static bool is_of_text(enum endpoint endpoint, bool *writes)
{
    *writes = false;
    switch (endpoint) {
    case ENDPOINT_chat:
    case ENDPOINT_completions:
    case ENDPOINT_responses:
        *writes = true;
        return true;
    case ENDPOINT_embeddings:
    case ENDPOINT_rerank:
    case ENDPOINT_moderation:
        return true;
    case ENDPOINT_images:
    case ENDPOINT_transcription:
    case ENDPOINT_translation:
    case ENDPOINT_speech:
    case ENDPOINT_video:
    case ENDPOINT_COUNT:
        break;
    }
    return false;
}

void count_demand(const struct request *request, int64_t *tokens, int64_t *prompt_tokens)
{
    bool writes;
    *tokens = *prompt_tokens = 0;
    if (!is_of_text(request->module->endpoint, &writes))
        return;
    int64_t sent = request->prompt_tokens;
    int64_t asked = request->output_limit > 0 ? request->output_limit : UNSAID_OUTPUT;
    int64_t output = asked < MOST_OUTPUT ? asked : MOST_OUTPUT;
    *prompt_tokens = sent > 0 ? sent : 1;
    *tokens = *prompt_tokens + (writes ? output * request->choices : 0);
}

/* --- after ---------------------------------------------------------------------------------------
 */

/* What an answer's tokens are when it does not say of which kind. */
static enum counter output_of(const struct request *request)
{
    enum endpoint endpoint = request->module->endpoint;
    return endpoint == ENDPOINT_images   ? COUNTER_out_image
           : endpoint == ENDPOINT_speech ? COUNTER_out_audio
                                         : COUNTER_out_text;
}

static enum usage_dialect dialect_of(const struct provider *provider)
{
    switch (provider->usage_dialect) {
    case TOLD_XAI:
        return USAGE_XAI;
    case TOLD_ANTHROPIC:
        return USAGE_ANTHROPIC;
    case TOLD_OPENAI:
        break;
    }
    return provider->completion_from_total ? USAGE_GEMINI : USAGE_OPENAI;
}

/* What the answer tells, all zero if it does not; false when it shows nothing either. */
static bool count_told(struct request *request, struct ledger_entry *entry, struct counters *told)
{
    const struct tap *tap = &request->tap;
    enum usage_dialect dialect = dialect_of(request->offer->provider);
    bool is_told = usage_counters(&tap->usage, dialect, output_of(request), told, &entry->flags);
    if (tap->usage.bad)
        entry->flags |= ENTRY_FLAG(bad_usage);
    return is_told || tap_has_output(tap) || tap->items > 0 ||
           str_eq(str_of(request->end), STR("finished"));
}

/* What it does not tell: the units that the endpoint counts itself, and estimates of the tokens. */
static void complete(const struct request *request, struct counters *counters)
{
    const struct tap *tap = &request->tap;
    int64_t spoken = estimate_tokens(&tap->output);
    if (request->module->quantities != NULL)
        request->module->quantities(request, counters);
    if (counters_input(counters) == 0)
        counters->n[COUNTER_in_text] = request->prompt_tokens;
    if (counters_output(counters) == 0) {
        counters->n[COUNTER_out_text] = spoken;
    } else if (tap->kind == TAP_EVENTS && (!tap->last_seen || tap->error_seen)) {
        /* Cut: text that came after the last report is not in it. */
        int64_t since = spoken - estimate_tokens(&tap->output_at_usage);
        counters->n[COUNTER_out_text] += since > 0 ? since : 0;
    }
}

/* Where what is charged comes from: from the answer's report, from estimates, or from both. */
static enum usage_source source_of(const struct counters *told, const struct counters *charged)
{
    bool from_report = false, from_others = false;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (charged->n[i] == 0)
            continue;
        from_report |= charged->n[i] == told->n[i];
        from_others |= charged->n[i] != told->n[i];
    }
    if (!from_others)
        return from_report ? USAGE_UPSTREAM : USAGE_ESTIMATED;
    return from_report ? USAGE_MERGED : USAGE_ESTIMATED;
}

/* Where nobody has said what the model reads.  What is in a file or behind an address, what a
 * provider has kept and what its own tools find is not known here, so there it may be much. */
static int64_t most_input(const struct request *request)
{
    if (request->model->context > 0)
        return request->model->context;
    if (request->module->endpoint == ENDPOINT_responses || request->is_uncounted)
        return UNCOUNTED_INPUT;
    return 4 * request->hold_tokens + ABSURD_SLACK;
}

/* More than the request can have used: not credible, so capped and told to the operator. */
static bool is_absurd(const struct request *request, const struct counters *counters)
{
    const struct model *model = request->model;
    int64_t input = counters_input(counters), output = counters_output(counters);
    int64_t most_out = request->output_limit > 0 ? 64 * request->output_limit * request->choices
                       : model->max_output > 0   ? model->max_output * request->choices
                                                 : INT64_MAX;
    return input > most_input(request) || output > most_out;
}

static void tell_absurd(const struct request *request, const struct ledger_entry *entry,
                        int64_t reported_nusd)
{
    char reported[USD_TEXT_SIZE], charged[USD_TEXT_SIZE];
    usd_format(reported_nusd, reported);
    usd_format(entry->charge_nusd, charged);
    log_write(LOG_WARNING, "relay",
              "request %s: provider %s reports an absurd usage of %s: %lld tokens in, %lld out, "
              "%s USD; %s USD is charged (is the model's context set?)",
              request->id_text, request->offer->provider->name, request->model->name,
              (long long)counters_input(&entry->counters),
              (long long)counters_output(&entry->counters), reported, charged);
}

int64_t count_used_tokens(const struct request *request, const struct ledger_entry *entry)
{
    const struct counters *used = &entry->counters;
    bool writes;
    if (!is_of_text(request->module->endpoint, &writes))
        return 0;
    return counters_input(used) + counters_output(used) - used->n[COUNTER_in_cached] -
           used->n[COUNTER_in_image_cached] - used->n[COUNTER_in_audio_cached];
}

void count_charge(struct request *request, struct ledger_entry *entry)
{
    struct charge charge;
    struct counters *counters = &entry->counters, told = {{0}};
    const struct price *price = &request->model->price;
    if (!count_told(request, entry, &told))
        return;
    *counters = told;
    complete(request, counters);
    struct price_match match = match_of(request, counters);
    struct price_match open = match; /* what nobody has told may have been the dearest */
    open.dearest = true;
    keep_priced(request, counters);
    entry->source = source_of(&told, counters);
    enum charge_result result =
        charge_compute(price, counters, &match, entry->group_ppm, entry->user_ppm, &charge);
    if (result == CHARGE_UNPRICED)
        result = charge_compute(price, counters, &open, entry->group_ppm, entry->user_ppm, &charge);
    if (result != CHARGE_OK) {
        entry->charge_nusd = entry->hold_nusd;
        entry->flags |= ENTRY_FLAG(unpriced);
        return;
    }
    entry->charge_nusd = charge.nusd;
    entry->bill = charge.bill;
    if (is_absurd(request, counters)) {
        entry->flags |= ENTRY_FLAG(absurd_usage);
        if (entry->charge_nusd > 2 * entry->hold_nusd)
            entry->charge_nusd = 2 * entry->hold_nusd;
        tell_absurd(request, entry, charge.nusd);
    }
    if (entry->charge_nusd > entry->hold_nusd)
        entry->flags |= ENTRY_FLAG(above_hold);
}
