/* POST /v1/embeddings of the sandbox: hashed trigrams of characters, so that texts that share
 * spellings are near each other. */
#ifndef SERVER_SANDBOX_EMBEDDINGS_H
#define SERVER_SANDBOX_EMBEDDINGS_H

struct sandbox_call;

void sandbox_embeddings_create(struct sandbox_call *call);

#endif
