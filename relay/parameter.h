/* The parameters of a header's value, as in `form-data; name="file"; filename=a.png`.
 *
 * Stricter than some readers, so that none can find another parameter than this one: white space
 * may stand around `;` only, a bare value holds no quote or backslash, and no value holds `name=`.
 */
#ifndef RELAY_PARAMETER_H
#define RELAY_PARAMETER_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"

struct parameter {
    struct str name;
    struct str raw; /* the value as it stands there, inside its quotes */
    bool quoted;    /* backslashes in raw are escapes */
};

enum parameter_result { PARAMETER_FOUND, PARAMETER_NONE, PARAMETER_BAD };

/* Cuts what stands before the first `;` off *rest, without white space. */
struct str parameter_cut_head(struct str *rest);
/* Cuts the next `; name=value` off *rest, which parameter_cut_head has left; NONE at its end.
 * Empty ones (`;;`) are passed over.  The views are those of *rest. */
MUST_USE enum parameter_result parameter_cut(struct str *rest, struct parameter *parameter);

/* True for a byte that names of headers and parameters are made of (RFC 9110, "token"). */
bool parameter_is_token(char c);

#endif
