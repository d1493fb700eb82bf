#include "server/admin/upstream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* In which unit people think of a counter: `per` of them cost a readable number of USD. */
struct price_unit {
    const char *unit;
    int64_t per;
    int digits; /* decimals of USD that hold every pico-USD: 12 - log10(per) */
};

static struct price_unit unit_of(enum counter counter)
{
    switch (counter) {
    case COUNTER_in_text:
    case COUNTER_in_cached:
    case COUNTER_in_cache_write:
    case COUNTER_in_cache_write_1h:
    case COUNTER_in_image:
    case COUNTER_in_image_cached:
    case COUNTER_in_audio:
    case COUNTER_in_audio_cached:
    case COUNTER_out_text:
    case COUNTER_out_reasoning:
    case COUNTER_out_audio:
    case COUNTER_out_image:
        return (struct price_unit){"1M tokens", 1000000, 6};
    case COUNTER_characters:
        return (struct price_unit){"1M characters", 1000000, 6};
    case COUNTER_audio_ms:
    case COUNTER_video_ms:
        return (struct price_unit){"second", 1000, 9};
    case COUNTER_requests:
        return (struct price_unit){"request", 1, 12};
    case COUNTER_images:
        return (struct price_unit){"image", 1, 12};
    case COUNTER_search_units:
        return (struct price_unit){"search", 1, 12};
    case COUNTER_COUNT:
        break;
    }
    return (struct price_unit){"unit", 1, 12};
}

/* "0.15": the exact USD of one unit, without trailing zeros.  A rate is never negative. */
static void format_rate(int64_t pusd, int digits, char text[USD_TEXT_SIZE])
{
    int64_t one = 1;
    for (int i = 0; i < digits; i++)
        one *= 10;
    int n = snprintf(text, USD_TEXT_SIZE, "%" PRId64 ".%0*" PRId64, pusd / one, digits, pusd % one);
    CHECK(n > 0 && n < USD_TEXT_SIZE);
    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[--n] = '\0';
}

static bool set_text(json_t *object, const char *name, const char *text)
{
    return *text == '\0' || json_object_set_new(object, name, json_string(text)) == 0;
}

static bool set_number(json_t *object, const char *name, int64_t number, int64_t absent)
{
    return number == absent || json_object_set_new(object, name, json_integer(number)) == 0;
}

/* Conditions that do not restrict the rate are left out. */
static json_t *rate_json(const struct rate *rate)
{
    struct price_unit unit = unit_of(rate->counter);
    char usd[USD_TEXT_SIZE];
    format_rate(rate->pusd, unit.digits, usd);
    json_t *json = json_pack("{s:s, s:s, s:s}", "counter", counter_name(rate->counter), "usd", usd,
                             "per", unit.unit);
    int64_t above = rate->min_input > 0 ? rate->min_input - 1 : 0;
    if (!json || !set_number(json, "above", above, 0) || !set_text(json, "tier", rate->tier) ||
        !set_text(json, "quality", rate->quality) || !set_text(json, "size", rate->size) ||
        !set_number(json, "quantum", rate->quantum, 1) ||
        !set_number(json, "minimum", rate->minimum, 0)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

json_t *admin_price_json(const struct price *price)
{
    json_t *rates = json_array();
    for (unsigned i = 0; rates && i < price->n; i++) {
        if (json_array_append_new(rates, rate_json(&price->rates[i])) != 0) {
            json_decref(rates);
            rates = NULL;
        }
    }
    return rates;
}

static json_t *offers_json(const struct model *model)
{
    json_t *offers = json_array();
    for (unsigned i = 0; offers && i < model->offer_count; i++) {
        const struct offer *offer = &model->offers[i];
        json_t *json =
            json_pack("{s:s, s:s, s:i, s:i, s:b}", "provider", offer->provider->name,
                      "upstream_model", offer->upstream_model, "priority", offer->priority,
                      "weight", offer->weight, "enabled", offer->provider->enabled ? 1 : 0);
        if (json_array_append_new(offers, json) != 0) {
            json_decref(offers);
            offers = NULL;
        }
    }
    return offers;
}

static json_t *endpoints_json(const struct model *model)
{
    json_t *endpoints = json_array();
    for (int e = 0; endpoints && e < ENDPOINT_COUNT; e++) {
        if (model_serves(model, (enum endpoint)e) &&
            json_array_append_new(endpoints, json_string(endpoint_name((enum endpoint)e))) != 0) {
            json_decref(endpoints);
            endpoints = NULL;
        }
    }
    return endpoints;
}

/* A limit of tokens; 0 = unknown = null. */
static json_t *tokens_json(int64_t tokens)
{
    return tokens > 0 ? json_integer(tokens) : json_null();
}

json_t *admin_models_json(const struct snapshot *snapshot)
{
    json_t *models = json_array();
    for (unsigned i = 0; models && i < snapshot->model_count; i++) {
        const struct model *model = &snapshot->models[i];
        /* json_pack with o takes each part, also when it fails. */
        json_t *json = json_pack(
            "{s:s, s:o, s:o, s:o, s:o, s:o}", "id", model->name, "endpoints", endpoints_json(model),
            "offers", offers_json(model), "price", admin_price_json(&model->price), "max_output",
            tokens_json(model->max_output), "context", tokens_json(model->context));
        if (json_array_append_new(models, json) != 0) {
            json_decref(models);
            models = NULL;
        }
    }
    return models;
}

static const char *auth_name(enum provider_auth auth)
{
    switch (auth) {
    case AUTH_BEARER:
        return "bearer";
    case AUTH_API_KEY:
        return "api-key";
    case AUTH_X_API_KEY:
        return "x-api-key";
    }
    return "bearer";
}

/* A URL may carry user:password@, which nobody who lists providers needs to see. */
json_t *admin_url_json(const char *url)
{
    char *copy = str_dup(str_of(url));
    if (!copy)
        return NULL;
    size_t n = log_mask(copy, strlen(copy), false);
    json_t *json = json_stringn(copy, n);
    free(copy);
    return json;
}

static json_t *provider_json(const struct provider *provider)
{
    return json_pack("{s:s, s:o, s:s, s:b, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
                     provider->name, "base_url", admin_url_json(provider->base_url), "auth",
                     auth_name(provider->auth), "enabled", provider->enabled ? 1 : 0, "key",
                     provider->key_count > 0 ? "set" : "none", "keys", (int)provider->key_count,
                     "connect_timeout_ms", (json_int_t)provider->connect_timeout_ms,
                     "first_byte_timeout_ms", (json_int_t)provider->first_byte_timeout_ms,
                     "whole_timeout_ms", (json_int_t)provider->whole_timeout_ms, "idle_timeout_ms",
                     (json_int_t)provider->idle_timeout_ms, "drain_ms",
                     (json_int_t)provider->drain_ms, "max_connections",
                     (json_int_t)provider->max_connections);
}

json_t *admin_providers_json(const struct snapshot *snapshot)
{
    json_t *providers = json_array();
    for (unsigned i = 0; providers && i < snapshot->provider_count; i++) {
        json_t *json = provider_json(&snapshot->providers[i]);
        if (json_array_append_new(providers, json) != 0) {
            json_decref(providers);
            providers = NULL;
        }
    }
    return providers;
}
