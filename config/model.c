#include "config/model.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define X(name) #name,
    ENDPOINTS(X)
#undef X
};
static_assert(COUNT(names) == ENDPOINT_COUNT, "every endpoint has a name");

const char *endpoint_name(enum endpoint endpoint)
{
    CHECK((unsigned)endpoint < ENDPOINT_COUNT);
    return names[endpoint];
}

bool endpoint_find(struct str name, enum endpoint *out)
{
    for (unsigned i = 0; i < ENDPOINT_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            *out = (enum endpoint)i;
            return true;
        }
    }
    return false;
}

bool model_serves(const struct model *model, enum endpoint endpoint)
{
    CHECK((unsigned)endpoint < ENDPOINT_COUNT);
    return (model->endpoints & 1u << endpoint) != 0;
}

void model_release(struct model *model)
{
    for (unsigned i = 0; i < model->offer_count; i++)
        free(model->offers[i].upstream_model);
    free(model->offers);
    free(model->price.rates);
    free(model->name);
    free(model->owned_by);
    word_list_release(&model->drop);
    memset(model, 0, sizeof *model);
}
