#include "server/reply.h"

#include <string.h>

#include "relay/error_dialect.h"

#define RETRY_AFTER_MIN_MS 1000
#define RETRY_AFTER_MAX_MS 60000

int reply_status(const struct failure *failure, const struct settings *settings)
{
    return error_tell(failure, settings->server_error_dialect).status;
}

static bool add_text(struct buf *body, const char *name, const char *value)
{
    if (value[0] == '\0')
        return buf_addf(body, ",\"%s\":null", name);
    return buf_addf(body, ",\"%s\":\"", name) && buf_add_json(body, str_of(value)) &&
           buf_add_char(body, '"');
}

static bool add_upstream(const struct failure *failure, struct buf *body)
{
    if (failure->upstream_status == 0)
        return true;
    return buf_addf(body, ",\"upstream\":{\"status\":%d", failure->upstream_status) &&
           add_text(body, "type", failure->upstream_type) &&
           add_text(body, "code", failure->upstream_code) && buf_add_char(body, '}');
}

static bool add_task(const struct failure *failure, struct buf *body)
{
    return failure->task_id[0] == '\0' || add_text(body, "task_id", failure->task_id);
}

/* message, type, code; at OpenAI a text for a code stands behind the parameter's name. */
static bool add_told(const struct failure *failure, const struct error_told *told, struct buf *body)
{
    if (!buf_addf(body, ",\"type\":\"%s\"", told->type))
        return false;
    if (told->code == NULL)
        return buf_addf(body, ",\"code\":%d", told->status);
    return add_text(body, "param", failure->param) && add_text(body, "code", told->code);
}

bool reply_body(const struct failure *failure, const struct settings *settings,
                const char *request_id, bool message_beside, struct buf *body)
{
    struct error_told told = error_tell(failure, settings->server_error_dialect);
    bool documented = told.code == NULL;
    /* The documented example is exactly three members. */
    bool bare = (documented && failure->fault == FAULT_MISSING_AUTHORIZATION) ||
                !settings->server_error_details;
    struct buf message;
    buf_init(&message, FAILURE_MESSAGE_MAX * 3);
    bool ok = failure_message(failure, &message) &&
              buf_add_str(body, STR("{\"error\":{\"message\":\"")) &&
              buf_add_json(body, buf_str(&message)) && buf_add_char(body, '"') &&
              add_told(failure, &told, body);
    if (ok && !bare && documented)
        ok = add_text(body, "param", failure->param);
    if (ok && !bare)
        ok = add_text(body, "reason", failure_reason(failure)) &&
             add_text(body, "request_id", request_id) && add_task(failure, body) &&
             add_upstream(failure, body);
    ok = ok && buf_add_char(body, '}');
    if (ok && message_beside)
        ok = buf_add_str(body, STR(",\"message\":\"")) && buf_add_json(body, buf_str(&message)) &&
             buf_add_char(body, '"');
    buf_release(&message);
    return ok && buf_add_char(body, '}');
}

bool reply_headers(const struct failure *failure, struct buf *lines)
{
    const struct fault_info *info = fault_info(failure->fault);
    int64_t wait = failure->retry_after_ms;
    if (info->status == 401 && !buf_add_str(lines, STR("WWW-Authenticate: Bearer\n")))
        return false;
    if (failure->allow != NULL && !buf_addf(lines, "Allow: %s\n", failure->allow))
        return false;
    if (info->retry == FAULT_RETRY_SOON && wait == 0)
        wait = RETRY_AFTER_MIN_MS;
    if (wait > 0) {
        /* Of our own limits it is known to the millisecond; a provider's word is rounder. */
        int64_t least = info->class_ == FAULT_CLASS_CALLER ? 1 : RETRY_AFTER_MIN_MS;
        int64_t told = wait < least ? least : wait < RETRY_AFTER_MAX_MS ? wait : RETRY_AFTER_MAX_MS;
        if (!buf_addf(lines, "retry-after: %lld\nretry-after-ms: %lld\n",
                      (long long)((told + 999) / 1000), (long long)told))
            return false;
    }
    if (failure->no_retry || info->retry == FAULT_RETRY_NEVER || wait > RETRY_AFTER_MAX_MS)
        return buf_add_str(lines, STR("x-should-retry: false\n"));
    return true;
}

/* An overloaded gateway has no descriptor to spare for a connection that it does not serve. */
bool reply_closes(const struct failure *failure)
{
    return fault_info(failure->fault)->class_ == FAULT_CLASS_FRAMING ||
           failure->fault == FAULT_SHUTTING_DOWN || failure->fault == FAULT_OVERLOADED ||
           failure->fault == FAULT_BODY_TOO_LARGE;
}
