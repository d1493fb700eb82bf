/* POST /v1/moderations of the sandbox: nothing is ever flagged, in every category, but texts that
 * say "sandbox-flag". */
#ifndef SERVER_SANDBOX_MODERATIONS_H
#define SERVER_SANDBOX_MODERATIONS_H

struct sandbox_call;

void sandbox_moderations_create(struct sandbox_call *call);

#endif
