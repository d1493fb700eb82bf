/* Where a base URL leads: who is asked for a connection, what the Host line says, and the path that
 * stands before every call's own.  Parsed once, by libcurl, whose reading decides where it
 * connects. */
#ifndef RELAY_ORIGIN_H
#define RELAY_ORIGIN_H

#include <stdbool.h>

#include "base/check.h"
#include "relay/lookup.h"

/* Which addresses it may have. */
enum origin_reach {
    REACH_PUBLIC,
    REACH_LISTED, /* and those private ones that the provider lists for its results */
    REACH_ANY     /* private and loopback, too */
};

struct origin {
    struct origin *next;
    char *base_url;
    enum origin_reach reach;
    bool is_tls;
    void *url;    /* CURLU * */
    char *host;   /* as the Host line has it: the port only where it is not the scheme's own */
    char *prefix; /* of every path; "" or "/v1" */
    struct lookup lookup; /* of its name */
    unsigned users;
};

/* Those of one loop; all zero but for the loop is the start.  There are as many as a configuration
 * has base URLs, so they stand in a list, the last one asked for first. */
struct origins {
    struct loop *loop;
    struct origin *first;
    unsigned count;
};

/* The origin of a base URL, for the caller until origin_drop; NULL when out of memory. */
MUST_USE struct origin *origins_get(struct origins *origins, const char *base_url,
                                    enum origin_reach reach);
struct origin *origin_retain(struct origin *origin);
/* NULL-safe; nulls the pointer. */
void origin_drop(struct origin **origin);
/* CHECK: none is in use. */
void origins_release(struct origins *origins);

#endif
