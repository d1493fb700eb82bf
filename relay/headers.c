#include "relay/headers.h"

#include <stdlib.h>

#include "base/secret.h"

bool client_headers_take(struct client_headers *headers, struct str name, struct str value)
{
    const struct {
        struct str name;
        char **keep;
    } wanted[] = {
        {STR("accept"), &headers->accept},
        {STR("content-type"), &headers->content_type},
        {STR("openai-beta"), &headers->openai_beta},
        {STR("x-client-request-id"), &headers->client_request_id},
        {STR("idempotency-key"), &headers->idempotency_key},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        if (!str_eq_nocase(name, wanted[i].name) || *wanted[i].keep != NULL)
            continue;
        *wanted[i].keep = str_dup(str_trim(value));
        return *wanted[i].keep != NULL;
    }
    return true;
}

void client_headers_release(struct client_headers *headers)
{
    free(headers->accept);
    free(headers->content_type);
    free(headers->openai_beta);
    free(headers->client_request_id);
    free(headers->idempotency_key);
    *headers = (struct client_headers){NULL, NULL, NULL, NULL, NULL};
}

static bool add_line(struct buf *lines, const char *name, const char *value)
{
    struct str text = str_of(value);
    if (text.n == 0 || !headers_value_ok(text))
        return true;
    return buf_add_str(lines, str_of(name)) && buf_add(lines, ": ", 2) &&
           buf_add_str(lines, text) && buf_add_char(lines, '\n');
}

static bool add_auth(struct buf *lines, const struct provider *provider)
{
    if (provider->key[0] == '\0')
        return true;
    switch (provider->auth) {
    case AUTH_BEARER:
        return buf_addf(lines, "Authorization: Bearer %s\n", provider->key);
    case AUTH_API_KEY:
        return buf_addf(lines, "api-key: %s\n", provider->key);
    case AUTH_X_API_KEY:
        return buf_addf(lines, "x-api-key: %s\n", provider->key);
    }
    return false;
}

/* A provider sees all our users as one account: the same Idempotency-Key of two users must not
 * collide there. */
static bool add_idempotency(struct buf *lines, const char *key, int64_t user_id)
{
    if (key == NULL || key[0] == '\0') /* an empty one would make all calls of a user the same */
        return true;
    struct buf text;
    uint8_t hash[SECRET_HASH_SIZE];
    char hex[SECRET_HEX_SIZE];
    buf_init(&text, 16384);
    bool ok = buf_addf(&text, "%lld ", (long long)user_id) && buf_add_str(&text, str_of(key));
    if (ok) {
        secret_hash(buf_str(&text), hash);
        secret_hex(hash, hex);
        ok = add_line(lines, "Idempotency-Key", hex);
    }
    buf_release(&text);
    return ok;
}

static const char *accept_of(const struct upstream_head *head)
{
    if (head->stream && head->provider->accept_sse == ACCEPT_SSE_FORCE)
        return "text/event-stream";
    return head->client->accept != NULL ? head->client->accept : "*/*";
}

bool headers_upstream(const struct upstream_head *head, struct buf *lines)
{
    const struct client_headers *client = head->client;
    const struct provider *provider = head->provider;
    return add_auth(lines, provider) && add_line(lines, "Content-Type", head->content_type) &&
           add_line(lines, "Accept", accept_of(head)) &&
           add_line(lines, "OpenAI-Beta", client->openai_beta) &&
           add_line(lines, "X-Client-Request-Id", client->client_request_id) &&
           add_idempotency(lines, client->idempotency_key, head->user_id) &&
           add_line(lines, "OpenAI-Organization", provider->organization) &&
           add_line(lines, "OpenAI-Project", provider->project);
}

static bool is_one_of(struct str name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    }
    return false;
}

bool headers_pass_down(struct str name, bool file)
{
    static const char *const always[] = {"content-type", "openai-processing-ms", "openai-version"};
    static const char *const of_files[] = {"content-disposition", "content-range", "accept-ranges",
                                           "etag", "last-modified"};
    return is_one_of(name, always, COUNT(always)) ||
           (file && is_one_of(name, of_files, COUNT(of_files)));
}

bool headers_value_ok(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c != '\t' && (c < 0x20 || c > 0x7e))
            return false;
    }
    return true;
}
