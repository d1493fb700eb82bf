#include "relay/error_dialect.h"

#include "config/settings.h"

/* What differs at OpenAI.  0 and NULL: nothing; the code is then the reason, which is a slug. */
struct native {
    int status;
    const char *type, *code;
};

#define REQUEST "invalid_request_error"
#define BAD_REQUEST                                                                                \
    {                                                                                              \
        400, NULL, NULL                                                                            \
    }
#define BAD_KEY                                                                                    \
    {                                                                                              \
        0, REQUEST, "invalid_api_key"                                                              \
    }
#define NO_MONEY                                                                                   \
    {                                                                                              \
        0, NULL, "insufficient_quota"                                                              \
    }
#define TOO_MANY                                                                                   \
    {                                                                                              \
        0, NULL, "rate_limit_exceeded"                                                             \
    }

/* No money stays 403: at OpenAI it is 429, which SDKs try again though it will not help. */
static const struct native natives[FAULT_COUNT] = {
    [FAULT_MISSING_AUTHORIZATION] = BAD_KEY,
    [FAULT_MALFORMED_AUTHORIZATION] = BAD_KEY,
    [FAULT_UNKNOWN_TOKEN] = BAD_KEY,
    [FAULT_TOKEN_EXPIRED] = BAD_KEY,
    [FAULT_TOKEN_DISABLED] = BAD_KEY,
    [FAULT_USER_DISABLED] = {0, REQUEST, "account_deactivated"},
    [FAULT_IP_NOT_ALLOWED] = {0, REQUEST, "ip_not_authorized"},
    [FAULT_INSUFFICIENT_BALANCE] = NO_MONEY,
    [FAULT_TOKEN_QUOTA_EXHAUSTED] = NO_MONEY,
    [FAULT_GROUP_QUOTA_EXHAUSTED] = NO_MONEY,
    [FAULT_GROUP_USER_QUOTA_EXHAUSTED] = NO_MONEY,
    [FAULT_MODEL_NOT_PERMITTED] = {0, REQUEST, "model_not_found"},
    [FAULT_TOKEN_MODEL_NOT_PERMITTED] = {0, REQUEST, "model_not_found"},
    [FAULT_ENDPOINT_NOT_PERMITTED] = {0, REQUEST, NULL},
    [FAULT_METHOD_NOT_ALLOWED] = {405, NULL, NULL},
    [FAULT_INVALID_JSON] = BAD_REQUEST,
    [FAULT_INVALID_MULTIPART] = BAD_REQUEST,
    [FAULT_MISSING_PARAMETER] = BAD_REQUEST,
    [FAULT_INVALID_TYPE] = BAD_REQUEST,
    [FAULT_INVALID_VALUE] = BAD_REQUEST,
    [FAULT_UNSUPPORTED_PARAMETER] = BAD_REQUEST,
    [FAULT_DUPLICATE_PARAMETER] = BAD_REQUEST,
    [FAULT_BODY_TOO_LARGE] = {413, NULL, NULL},
    [FAULT_UNSUPPORTED_CONTENT_TYPE] = {415, NULL, NULL},
    [FAULT_UNSUPPORTED_CONTENT_ENCODING] = {415, NULL, NULL},
    [FAULT_TASK_NOT_COMPLETED] = BAD_REQUEST,
    [FAULT_TASK_FAILED] = BAD_REQUEST,
    [FAULT_TOKEN_RATE_LIMITED] = TOO_MANY,
    [FAULT_USER_RATE_LIMITED] = TOO_MANY,
    [FAULT_GROUP_RATE_LIMITED] = TOO_MANY,
    [FAULT_MODEL_RATE_LIMITED] = TOO_MANY,
    [FAULT_ADDRESS_RATE_LIMITED] = TOO_MANY,
    [FAULT_CONCURRENCY_LIMITED] = TOO_MANY,
    [FAULT_PROVIDERS_COOLING] = TOO_MANY,
    [FAULT_UPSTREAM_RATE_LIMITED] = TOO_MANY,
    [FAULT_UPSTREAM_BLOCKED] = {400, REQUEST, "content_policy_violation"},
    [FAULT_UPSTREAM_PARAMETER] = BAD_REQUEST,
    [FAULT_UPSTREAM_CONTEXT] = BAD_REQUEST,
    [FAULT_UPSTREAM_TOO_LARGE] = {413, NULL, NULL},
};

struct error_told error_tell(const struct failure *failure, int dialect)
{
    const struct fault_info *info = fault_info(failure->fault);
    struct error_told told = {info->status, info->type, NULL};
    if (dialect != ERROR_DIALECT_OPENAI)
        return told;
    const struct native *native = &natives[failure->fault];
    if (native->status != 0)
        told.status = native->status;
    if (native->type != NULL)
        told.type = native->type;
    told.code = native->code != NULL ? native->code : failure_reason(failure);
    /* The provider spoke natively already. */
    bool finer = failure->upstream_status == 415 || failure->upstream_status == 422;
    if (failure->fault == FAULT_UPSTREAM_PARAMETER && finer)
        told.status = failure->upstream_status;
    return told;
}
