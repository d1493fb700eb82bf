#include "server/sandbox/embeddings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "server/sandbox/call.h"
#include "server/sandbox/words.h"

#define DIMENSIONS_DEFAULT 1536
#define DIMENSIONS_MAX 4096
#define INPUTS_MAX 2048
#define GRAM 3

struct embedding {
    struct sandbox_call *call;
    int dimensions;
    bool base64;
    int64_t tokens;
    float *vector;
};

/* FNV-1a. */
static uint32_t hash_bytes(const char *p, size_t n)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)p[i]) * 16777619u;
    return hash;
}

static void add_gram(struct embedding *e, const char *p, size_t n)
{
    uint32_t hash = hash_bytes(p, n);
    e->vector[hash % (uint32_t)e->dimensions] += (hash >> 31) != 0 ? 1.0F : -1.0F;
}

static void add_text(struct embedding *e, struct str text)
{
    e->tokens += words_count(text);
    if (text.n < GRAM)
        add_gram(e, text.p, text.n);
    for (size_t i = 0; i + GRAM <= text.n; i++)
        add_gram(e, text.p + i, GRAM);
}

/* A text, or the token ids of one; false for anything else. */
static bool add_input(struct embedding *e, const json_t *input)
{
    if (json_is_string(input)) {
        add_text(e, (struct str){json_string_value(input), json_string_length(input)});
        return true;
    }
    for (size_t i = 0; i < json_array_size(input); i++) {
        const json_t *id = json_array_get(input, i);
        json_int_t number = json_integer_value(id);
        if (!json_is_integer(id))
            return false;
        add_gram(e, (const char *)&number, sizeof number);
        e->tokens++;
    }
    return json_array_size(input) > 0;
}

static void normalise(struct embedding *e)
{
    double sum = 0;
    for (int i = 0; i < e->dimensions; i++)
        sum += (double)e->vector[i] * (double)e->vector[i];
    if (sum == 0)
        e->vector[0] = 1;
    for (int i = 0; sum > 0 && i < e->dimensions; i++)
        e->vector[i] = (float)((double)e->vector[i] / sqrt(sum));
}

static json_t *vector_json(const struct embedding *e)
{
    size_t bytes = (size_t)e->dimensions * sizeof *e->vector;
    if (e->base64) { /* little-endian float32, as on every machine that this is built for */
        struct buf text;
        buf_init(&text, 2 * bytes + 4);
        bool ok = base64_add(&text, e->vector, bytes);
        json_t *string = ok ? json_stringn(text.p, text.n) : NULL;
        buf_release(&text);
        return string;
    }
    json_t *list = json_array();
    for (int i = 0; i < e->dimensions; i++)
        json_array_append_new(list, json_real((double)e->vector[i]));
    return list;
}

/* NULL, and the call answered, when the input is none. */
static json_t *embed(struct embedding *e, const json_t *input, size_t index)
{
    memset(e->vector, 0, (size_t)e->dimensions * sizeof *e->vector);
    if (!add_input(e, input)) {
        sandbox_reply_error(e->call, 400, "input", NULL,
                            "input must be a string, a list of strings, or token ids.");
        return NULL;
    }
    normalise(e);
    json_t *vector = vector_json(e);
    return json_pack("{s:s, s:I, s:o}", "object", "embedding", "index", (json_int_t)index,
                     "embedding", vector != NULL ? vector : json_null());
}

static void embed_all(struct embedding *e, const json_t *input)
{
    /* A list of token ids is one input, any other list is one input an element. */
    bool many = json_is_array(input) && !json_is_integer(json_array_get(input, 0));
    size_t count = many ? json_array_size(input) : 1;
    json_t *data = json_array();
    if (count == 0 || count > INPUTS_MAX) {
        sandbox_reply_error(e->call, 400, "input", NULL, "input must have 1 to 2048 elements.");
        json_decref(data);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        json_t *one = embed(e, many ? json_array_get(input, i) : input, i);
        if (one == NULL) {
            json_decref(data);
            return;
        }
        json_array_append_new(data, one);
    }
    sandbox_reply_json(e->call,
                       json_pack("{s:s, s:o, s:s, s:{s:I, s:I}}", "object", "list", "data", data,
                                 "model", e->call->model, "usage", "prompt_tokens",
                                 (json_int_t)e->tokens, "total_tokens", (json_int_t)e->tokens));
}

void sandbox_embeddings_create(struct sandbox_call *call)
{
    const json_t *wanted = json_object_get(call->json, "dimensions");
    const char *format = json_string_value(json_object_get(call->json, "encoding_format"));
    json_int_t dimensions =
        wanted == NULL || json_is_null(wanted) ? DIMENSIONS_DEFAULT : json_integer_value(wanted);
    if (dimensions < 1 || dimensions > DIMENSIONS_MAX) {
        sandbox_reply_error(call, 400, "dimensions", NULL, "dimensions must be in 1..4096.");
        return;
    }
    struct embedding e = {.call = call,
                          .dimensions = (int)dimensions,
                          .base64 = format != NULL && strcmp(format, "base64") == 0};
    e.vector = calloc((size_t)dimensions, sizeof *e.vector);
    if (e.vector == NULL)
        return;
    embed_all(&e, json_object_get(call->json, "input"));
    free(e.vector);
}
