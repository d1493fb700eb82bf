/* POST /v1/responses of the sandbox.  It says what chat says to the same conversation; what it has
 * said is not kept, so that a previous_response_id brings nothing back. */
#ifndef SERVER_SANDBOX_RESPONSES_H
#define SERVER_SANDBOX_RESPONSES_H

struct sandbox_call;

void sandbox_responses_create(struct sandbox_call *call);

#endif
