#include "relay/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void failure_set(struct failure *failure, enum fault fault, const char *subject, ...)
{
    CHECK(fault != FAULT_NONE);
    /* The subject may quote what is being replaced. */
    char text[FAILURE_SUBJECT_MAX];
    va_list args;
    va_start(args, subject);
    vsnprintf(text, sizeof text, subject, args);
    va_end(args);
    failure_release(failure);
    failure->fault = fault;
    failure_set_subject(failure, text);
}

/* Without memory the message goes without its subject. */
void failure_set_subject(struct failure *failure, const char *subject)
{
    free(failure->subject);
    failure->subject = subject[0] != '\0' ? str_dup(str_of(subject)) : NULL;
}

void failure_set_param(struct failure *failure, const char *param)
{
    snprintf(failure->param, sizeof failure->param, "%s", param);
}

void failure_take(struct failure *failure, struct failure *from)
{
    failure_release(failure);
    *failure = *from;
    memset(from, 0, sizeof *from);
}

void failure_release(struct failure *failure)
{
    free(failure->message);
    free(failure->subject);
    memset(failure, 0, sizeof *failure);
}

const char *failure_reason(const struct failure *failure)
{
    return failure->reason[0] != '\0' ? failure->reason : fault_info(failure->fault)->reason;
}

bool failure_message(const struct failure *failure, struct buf *out)
{
    if (failure->message != NULL)
        return buf_add_str(out, str_of(failure->message));
    const char *text = fault_info(failure->fault)->message;
    const char *gap = strstr(text, "{}");
    if (gap == NULL)
        return buf_add_str(out, str_of(text));
    return buf_add(out, text, (size_t)(gap - text)) && buf_add_str(out, str_of(failure->subject)) &&
           buf_add_str(out, str_of(gap + 2));
}
