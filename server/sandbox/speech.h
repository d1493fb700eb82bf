/* POST /v1/audio/speech of the sandbox: the text as tones, which its transcriptions read back.
 *
 * It makes one sound, 16-bit samples of 24 kHz: bare for the format pcm, else as a WAV file.  mp3
 * (the API's default), opus, aac and flac are answered with a WAV file, too, and the Content-Type
 * says so.  The voice and the speed change nothing. */
#ifndef SERVER_SANDBOX_SPEECH_H
#define SERVER_SANDBOX_SPEECH_H

struct sandbox_call;

void sandbox_speech_create(struct sandbox_call *call);

#endif
