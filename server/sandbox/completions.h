/* POST /v1/completions of the sandbox: text completions, which say what chat says to the same text.
 */
#ifndef SERVER_SANDBOX_COMPLETIONS_H
#define SERVER_SANDBOX_COMPLETIONS_H

struct sandbox_call;

void sandbox_completions_create(struct sandbox_call *call);

#endif
