/* enum fault: why something failed; the one error table (fault.def) as an enum and as data. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/check.h"
#include "base/str.h"

enum fault {
    FAULT_NONE,
#define FAULT(name, status, type, reason, class_, retry, message) FAULT_##name,
#include "base/fault.def"
#undef FAULT
    FAULT_COUNT
};

/* Who is at fault.  relay/verdict decides failover by it. */
enum fault_class {
    FAULT_CLASS_CALLER,    /* refused by the gateway, the caller's affair */
    FAULT_CLASS_GATEWAY,   /* trouble of our own */
    FAULT_CLASS_CONNECT,   /* surely not processed upstream */
    FAULT_CLASS_AMBIGUOUS, /* sent, no answer: perhaps processed */
    FAULT_CLASS_INVALID,   /* an unusable 2xx */
    FAULT_CLASS_ACCOUNT,   /* the operator's key or balance at the provider */
    FAULT_CLASS_CONFIG,    /* model or path unknown at that provider */
    FAULT_CLASS_SERVER,    /* the provider's 5xx */
    FAULT_CLASS_RATE,
    FAULT_CLASS_BLOCKED,   /* refused by the provider's content policy */
    FAULT_CLASS_PARAMETER, /* the caller's mistake, told by the provider */
    FAULT_CLASS_TOO_LARGE, /* the same, but another provider may take it */
    FAULT_CLASS_TRUNCATED, /* after the commit point */
    FAULT_CLASS_CLIENT,
    FAULT_CLASS_FRAMING
};

enum fault_retry { FAULT_RETRY_MAY, FAULT_RETRY_NEVER, FAULT_RETRY_SOON };

struct fault_info {
    const char *name;
    int status; /* HTTP status; 0 = the connection closes without an answer */
    const char *type;
    const char *reason;
    enum fault_class class_;
    enum fault_retry retry;
    const char *message; /* '{}' stands for the subject */
};

/* CHECK: NONE < fault < COUNT. */
const struct fault_info *fault_info(enum fault fault);
/* "UPSTREAM_TIMEOUT"; "NONE" for FAULT_NONE. */
const char *fault_name(enum fault fault);

#endif
