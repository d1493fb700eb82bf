/* The parameters of a request's query: "after=task_x&limit=20". */
#ifndef RELAY_QUERY_H
#define RELAY_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/str.h"

enum query_result {
    QUERY_NONE,
    QUERY_FOUND,
    QUERY_BAD /* twice, a bad escape, a NUL, or too long for its room */
};

/* Decodes the value of a parameter ("+" is a space) into `value`, with a NUL behind it. */
MUST_USE enum query_result query_find(struct str query, struct str name, char *value, size_t size);

#endif
