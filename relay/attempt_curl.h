/* What engine.c and attempt.c share about libcurl handles; nobody else includes it. */
#ifndef RELAY_ATTEMPT_CURL_H
#define RELAY_ATTEMPT_CURL_H

#include <stdbool.h>

#include "base/check.h"

struct attempt;
struct engine;

/* Sets everything that is the same for every attempt; false when libcurl refuses something. */
MUST_USE bool attempt_configure(void *easy, struct engine *engine, void *share);
/* libcurl has finished the transfer with this CURLcode. */
void attempt_finish(struct attempt *attempt, int code);
/* A socket made by OPENSOCKETFUNCTION, and the end of one. */
void engine_note_socket(struct engine *engine, int fd);
void engine_close_socket(struct engine *engine, int fd);

#endif
