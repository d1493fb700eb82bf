/* POST /v1/chat/completions of the sandbox. */
#ifndef SERVER_SANDBOX_CHAT_H
#define SERVER_SANDBOX_CHAT_H

struct sandbox_call;

void sandbox_chat_create(struct sandbox_call *call);

#endif
