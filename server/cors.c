#include "server/cors.h"

#define ALLOWED_BYTES_MAX 800 /* a header line has bounds; more is no honest list */
#define ALWAYS_ALLOWED "authorization, content-type, idempotency-key"

/* A '*' does not stand for part of a name in these headers: the names themselves are given back.
 * Firefox lets a page set user-agent, as the SDKs do. */
static bool is_allowed(struct str name)
{
    return str_starts_nocase(name, STR("x-stainless-")) ||
           str_starts_nocase(name, STR("openai-")) || str_eq_nocase(name, STR("user-agent"));
}

static bool is_token(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-')
            return false;
    }
    return true;
}

static bool add_asked(struct str asked, struct buf *lines)
{
    struct str name;
    size_t room = ALLOWED_BYTES_MAX;
    while (str_cut(&asked, ',', &name)) {
        name = str_trim(name);
        if (!is_allowed(name) || !is_token(name) || name.n + 2 > room)
            continue;
        room -= name.n + 2;
        if (!buf_addf(lines, ", %.*s", STR_ARG(name)))
            return false;
    }
    return true;
}

bool cors_is_preflight(const struct head *head)
{
    return str_eq(head->method, STR("OPTIONS"));
}

bool cors_preflight(const struct head *head, struct buf *lines)
{
    struct str asked = STR_EMPTY;
    (void)head_find(head, STR("access-control-request-headers"), &asked);
    return buf_add_str(lines, STR("Access-Control-Allow-Methods: GET, POST, DELETE\n"
                                  "Access-Control-Max-Age: 600\n"
                                  "Access-Control-Allow-Headers: " ALWAYS_ALLOWED)) &&
           add_asked(asked, lines) && buf_add_char(lines, '\n');
}

/* What SDKs read of an answer. */
bool cors_answer(struct buf *lines)
{
    return buf_add_str(
        lines, STR("Access-Control-Allow-Origin: *\n"
                   "Access-Control-Expose-Headers: x-request-id, retry-after, retry-after-ms, "
                   "x-should-retry, openai-processing-ms, openai-poll-after-ms, x-gateway-cost, "
                   "x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
                   "x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
                   "x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens\n"));
}
