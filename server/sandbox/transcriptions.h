/* POST /v1/audio/transcriptions and /v1/audio/translations of the sandbox.  A translation is what
 * the transcription is: nothing here speaks two languages. */
#ifndef SERVER_SANDBOX_TRANSCRIPTIONS_H
#define SERVER_SANDBOX_TRANSCRIPTIONS_H

struct sandbox_call;

void sandbox_transcriptions_create(struct sandbox_call *call);
void sandbox_translations_create(struct sandbox_call *call);

#endif
