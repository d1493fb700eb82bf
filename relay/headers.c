#include "relay/headers.h"

#include <stdlib.h>

#include "base/secret.h"

#define ALLOWED_MAX ((size_t)15 << 10) /* a call's head has its own limit in the engine */

void client_headers_init(struct client_headers *headers)
{
    *headers = (struct client_headers){.accept = NULL};
    buf_init(&headers->allowed, ALLOWED_MAX);
}

/* Connection tells which others are about the client's connection only. */
static bool take_allowed(struct client_headers *headers, const struct snapshot *snapshot,
                         struct str name, struct str value)
{
    bool wanted = snapshot_allows_header(snapshot, name) ||
                  (snapshot->allows_headers && str_eq_nocase(name, STR("connection")));
    if (!wanted || !headers_value_ok(value))
        return true;
    return buf_add_str(&headers->allowed, name) && buf_add(&headers->allowed, ": ", 2) &&
           buf_add_str(&headers->allowed, str_trim(value)) && buf_add_char(&headers->allowed, '\n');
}

bool client_headers_take(struct client_headers *headers, const struct snapshot *snapshot,
                         struct str name, struct str value)
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
        {STR("range"), &headers->range},
        {STR("if-range"), &headers->if_range},
    };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        if (!str_eq_nocase(name, wanted[i].name) || *wanted[i].keep != NULL)
            continue;
        *wanted[i].keep = str_dup(str_trim(value));
        return *wanted[i].keep != NULL;
    }
    return take_allowed(headers, snapshot, name, value);
}

void client_headers_release(struct client_headers *headers)
{
    free(headers->accept);
    free(headers->content_type);
    free(headers->openai_beta);
    free(headers->client_request_id);
    free(headers->idempotency_key);
    free(headers->range);
    free(headers->if_range);
    buf_release(&headers->allowed);
    client_headers_init(headers);
}

bool headers_add_line(struct buf *lines, const char *name, const char *value)
{
    struct str text = str_of(value);
    if (text.n == 0 || !headers_value_ok(text))
        return true;
    return buf_add_str(lines, str_of(name)) && buf_add(lines, ": ", 2) &&
           buf_add_str(lines, text) && buf_add_char(lines, '\n');
}

static bool add_auth(struct buf *lines, const struct provider *provider, unsigned key)
{
    if (provider->key_count == 0)
        return true;
    CHECK(key < provider->key_count);
    const char *secret = provider->keys[key].secret;
    switch (provider->auth) {
    case AUTH_BEARER:
        return buf_addf(lines, "Authorization: Bearer %s\n", secret);
    case AUTH_API_KEY:
        return buf_addf(lines, "api-key: %s\n", secret);
    case AUTH_X_API_KEY:
        return buf_addf(lines, "x-api-key: %s\n", secret);
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
        ok = headers_add_line(lines, "Idempotency-Key", hex);
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

static struct str name_of(struct str line)
{
    return str_slice(line, 0, str_index(line, ':'));
}

/* Named by the client's Connection: it ends here. */
static bool is_of_connection(struct str lines, struct str name)
{
    struct str line, one;
    while (str_cut(&lines, '\n', &line)) {
        struct str names = str_from(line, name_of(line).n + 1);
        if (!str_eq_nocase(name_of(line), STR("connection")))
            continue;
        while (str_cut(&names, ',', &one))
            if (str_eq_nocase(str_trim(one), name))
                return true;
    }
    return false;
}

static bool add_allowed(struct buf *lines, const struct upstream_head *head)
{
    struct str all = buf_str(&head->client->allowed), rest = all, line;
    while (str_cut(&rest, '\n', &line)) {
        if (!word_list_have_nocase(&head->provider->header_allow, name_of(line)) ||
            is_of_connection(all, name_of(line)))
            continue;
        if (!buf_add_str(lines, line) || !buf_add_char(lines, '\n'))
            return false;
    }
    return true;
}

static bool add_own(struct buf *lines, const struct provider_headers *headers)
{
    for (unsigned i = 0; i < headers->n; i++)
        if (!headers_add_line(lines, headers->list[i].name, headers->list[i].value))
            return false;
    return true;
}

bool headers_upstream(const struct upstream_head *head, struct buf *lines)
{
    const struct client_headers *client = head->client;
    const struct provider *provider = head->provider;
    return add_auth(lines, provider, head->key) &&
           headers_add_line(lines, "Content-Type", head->content_type) &&
           headers_add_line(lines, "Accept", accept_of(head)) &&
           headers_add_line(lines, "OpenAI-Beta", client->openai_beta) &&
           headers_add_line(lines, "X-Client-Request-Id", client->client_request_id) &&
           add_idempotency(lines, client->idempotency_key, head->user_id) &&
           headers_add_line(lines, "OpenAI-Organization", provider->organization) &&
           headers_add_line(lines, "OpenAI-Project", provider->project) &&
           add_own(lines, &provider->headers) && add_allowed(lines, head);
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
