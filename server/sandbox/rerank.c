#include "server/sandbox/rerank.h"

#include <stdlib.h>

#include "server/sandbox/call.h"
#include "server/sandbox/words.h"

#define DOCUMENTS_MAX 10000
#define DOCUMENTS_A_SEARCH 100

struct ranked {
    size_t index;
    double score;
};

static struct str text_of(const json_t *document)
{
    return words_of_string(json_is_object(document) ? json_object_get(document, "text") : document);
}

/* The share of the query's words that the document has, then a little for being short. */
static double score_of(struct str query, struct str document)
{
    struct str word;
    int64_t words = 0, found = 0;
    while (word_cut(&query, &word)) {
        words++;
        found += str_contains_nocase(document, str_trim(word));
    }
    double share = words > 0 ? (double)found / (double)words : 0;
    return share * 0.9 + 0.1 / (1.0 + (double)document.n / 100.0);
}

static int by_score(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score > y->score)
        return -1;
    if (x->score < y->score)
        return 1;
    return x->index < y->index ? -1 : 1;
}

static json_t *results_of(const struct sandbox_call *call, const struct ranked *ranked,
                          size_t count)
{
    const json_t *documents = json_object_get(call->json, "documents");
    const json_t *top = json_object_get(call->json, "top_n");
    bool texts = json_is_true(json_object_get(call->json, "return_documents"));
    json_int_t most = json_is_integer(top) ? json_integer_value(top) : (json_int_t)count;
    json_t *results = json_array();
    for (size_t i = 0; i < count && (json_int_t)i < most; i++) {
        json_t *one = json_pack("{s:I, s:f}", "index", (json_int_t)ranked[i].index,
                                "relevance_score", ranked[i].score);
        struct str text = text_of(json_array_get(documents, ranked[i].index));
        if (texts)
            json_object_set_new(one, "document", json_pack("{s:s%}", "text", text.p, text.n));
        json_array_append_new(results, one);
    }
    return results;
}

void sandbox_rerank_create(struct sandbox_call *call)
{
    struct str query = text_of(json_object_get(call->json, "query"));
    const json_t *documents = json_object_get(call->json, "documents");
    size_t count = json_array_size(documents);
    if (query.n == 0 || count == 0 || count > DOCUMENTS_MAX) {
        sandbox_reply_error(call, 400, query.n == 0 ? "query" : "documents", NULL,
                            "query and documents (1 to 10000) are required.");
        return;
    }
    struct ranked *ranked = calloc(count, sizeof *ranked);
    if (ranked == NULL)
        return;
    int64_t tokens = 0;
    for (size_t i = 0; i < count; i++) {
        struct str text = text_of(json_array_get(documents, i));
        ranked[i] = (struct ranked){i, score_of(query, text)};
        tokens += words_count(query) + words_count(text);
    }
    qsort(ranked, count, sizeof *ranked, by_score);
    char id[SANDBOX_ID_SIZE];
    sandbox_make_id(call, "rerank-", id);
    size_t searches = (count + DOCUMENTS_A_SEARCH - 1) / DOCUMENTS_A_SEARCH;
    /* Clients of Cohere want a meta, those of Jina a usage. */
    sandbox_reply_json(call,
                       json_pack("{s:s, s:s, s:o, s:{s:{s:s}, s:{s:I}}, s:{s:I, s:I}}", "id", id,
                                 "model", call->model, "results", results_of(call, ranked, count),
                                 "meta", "api_version", "version", "2", "billed_units",
                                 "search_units", (json_int_t)searches, "usage", "prompt_tokens",
                                 (json_int_t)tokens, "total_tokens", (json_int_t)tokens));
    free(ranked);
}
