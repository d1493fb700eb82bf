/* Members of a request: of its JSON object, or of its form, where every value is a text. */
#ifndef SERVER_SANDBOX_ASKED_H
#define SERVER_SANDBOX_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct sandbox_call;

/* A number in [1, max], or `fallback` where it is absent or null; 0 when it is something else. */
int64_t asked_number(const struct sandbox_call *call, const char *name, int64_t max,
                     int64_t fallback);
bool asked_flag(const struct sandbox_call *call, const char *name);
/* The text, valid as long as the call; empty where there is none. */
struct str asked_text(const struct sandbox_call *call, const char *name);

#endif
