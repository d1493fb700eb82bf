/* POST /v1/rerank of the sandbox: how many of the query's words a document has,
 * in an answer that is Cohere's and Jina's at once. */
#ifndef SERVER_SANDBOX_RERANK_H
#define SERVER_SANDBOX_RERANK_H

struct sandbox_call;

void sandbox_rerank_create(struct sandbox_call *call);

#endif
