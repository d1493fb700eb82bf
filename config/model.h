/* A public model: its name, the endpoints it serves, its price, and the offers behind it. */
#ifndef CONFIG_MODEL_H
#define CONFIG_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "config/price.h"
#include "config/provider.h"
#include "config/word_list.h"

/* The words of `endpoints =`, as bits. */
/* clang-format off */
#define ENDPOINTS(X)                                                                               \
    X(chat) X(completions) X(responses) X(images) X(embeddings) X(transcription) X(translation)    \
    X(speech) X(rerank) X(moderation) X(video)
/* clang-format on */

enum endpoint {
#define X(name) ENDPOINT_##name,
    ENDPOINTS(X)
#undef X
        ENDPOINT_COUNT
};

const char *endpoint_name(enum endpoint endpoint);
MUST_USE bool endpoint_find(struct str name, enum endpoint *out);

#define MODEL_NAME_MAX 256
#define MODEL_OFFERS_MAX 64

struct offer {
    const struct provider *provider;
    char *upstream_model; /* the name the provider knows it by */
    int priority;         /* lower first */
    int weight;           /* share among offers of one priority, >= 1 */
};

struct model {
    char *name;
    uint32_t endpoints;   /* bits 1 << enum endpoint */
    uint32_t default_for; /* those whose requests need not name a model; the same bits */
    struct offer *offers;
    unsigned offer_count;
    int64_t max_output;     /* tokens; 0 = unknown */
    int64_t default_output; /* tokens reserved when the request names no limit */
    int64_t context;        /* tokens; 0 = unknown */
    int64_t video_seconds;  /* of a request that does not say it */
    struct price price;
    struct word_list drop; /* members of JSON requests that do not go upstream */
    char *owned_by;
};

bool model_serves(const struct model *model, enum endpoint endpoint);
void model_release(struct model *model);

#endif
