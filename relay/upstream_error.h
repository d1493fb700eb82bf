/* What a provider says went wrong, wherever in its body it says so. */
#ifndef RELAY_UPSTREAM_ERROR_H
#define RELAY_UPSTREAM_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"
#include "config/provider.h"
#include "relay/failure.h"

struct upstream_error {
    int status; /* effective: the HTTP status, or the body's own for an error inside a 2xx */
    bool is_json;
    bool found;  /* the body holds an error in a known place */
    bool nested; /* it is an object with a type or code of its own, not just a text */
    char message[FAILURE_MESSAGE_MAX]; /* one line, secrets and hosts masked; "" = none */
    char type[64], code[64], param[64];
};

/* Reads a body (JSON, HTML, text or nothing) that came with `status`.  An `error` member that is
 * null is no error. */
void upstream_error_read(struct upstream_error *error, int status, struct str body);

/* Masks the provider's secrets, which may have no known form, wherever the error quotes them (what
 * is shorter than 8 bytes may be an ordinary word and stays). */
void upstream_error_hide(struct upstream_error *error, const struct provider *provider);

/* Lists, matched without regard to case on code and type first, then on the text. */
bool upstream_error_is_blocked(const struct upstream_error *error);
bool upstream_error_is_account(const struct upstream_error *error);
bool upstream_error_is_context(const struct upstream_error *error);
bool upstream_error_is_model(const struct upstream_error *error);

#endif
