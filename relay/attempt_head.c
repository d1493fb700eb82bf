#include "relay/attempt_head.h"

#include <string.h>

#include "relay/headers.h"
#include "relay/url.h"

#define PASS_BYTES_MAX 8192

void attempt_head_init(struct attempt_head *head)
{
    *head = (struct attempt_head){.status = 0};
    head->length = -1;
    buf_init(&head->pass, PASS_BYTES_MAX);
    buf_init(&head->location, URL_BYTES_MAX);
}

void attempt_head_release(struct attempt_head *head)
{
    buf_release(&head->pass);
    buf_release(&head->location);
}

static void keep(char *room, size_t size, struct str value)
{
    size_t n = value.n < size - 1 ? value.n : size - 1;
    memcpy(room, value.p, n);
    room[n] = '\0';
}

bool attempt_head_take(struct attempt_head *head, struct str name, struct str value, bool file)
{
    if (str_eq_nocase(name, STR("content-type"))) {
        if (headers_value_ok(value))
            keep(head->content_type, sizeof head->content_type, value);
        return true;
    }
    if (file && str_eq_nocase(name, STR("location"))) {
        buf_clear(&head->location);
        return value.n > URL_BYTES_MAX || buf_add_str(&head->location, value);
    }
    if (str_eq_nocase(name, STR("retry-after")))
        keep(head->retry_after, sizeof head->retry_after, value);
    else if (str_eq_nocase(name, STR("retry-after-ms")))
        keep(head->retry_after_ms, sizeof head->retry_after_ms, value);
    else if (str_eq_nocase(name, STR("x-ratelimit-reset-requests")))
        keep(head->reset_requests, sizeof head->reset_requests, value);
    else if (str_eq_nocase(name, STR("x-ratelimit-reset-tokens")))
        keep(head->reset_tokens, sizeof head->reset_tokens, value);
    else if (str_eq_nocase(name, STR("x-request-id")))
        keep(head->request_id, sizeof head->request_id, value);
    /* Neither more than are passed on is a reason to lose the answer. */
    bool has_room = name.n + value.n + 3 <= head->pass.max - head->pass.n;
    if (!headers_pass_down(name, file) || value.n == 0 || !headers_value_ok(value) || !has_room)
        return true;
    return buf_add_str(&head->pass, name) && buf_add(&head->pass, ": ", 2) &&
           buf_add_str(&head->pass, value) && buf_add_char(&head->pass, '\n');
}
