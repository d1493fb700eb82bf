/* GET /v1/models and /v1/models/{id} of the sandbox. */
#ifndef SERVER_SANDBOX_MODELS_H
#define SERVER_SANDBOX_MODELS_H

struct sandbox_call;

void sandbox_models_list(struct sandbox_call *call);
/* Any name is a model here: what comes behind the prefix is described. */
void sandbox_models_get(struct sandbox_call *call);

#endif
