#include "config/provider_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "config/array.h"
#include "config/value.h"

#define NAME_BYTES_MAX 64
#define VALUE_BYTES_MAX 1024 /* as the file has it */

/* --- names ---------------------------------------------------------------------------------------
 */

static bool is_token(struct str name)
{
    static const struct str marks = {"!#$%&'*+-.^_`|~", 15};
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  str_index(marks, c) < marks.n;
        if (!ok)
            return false;
    }
    return name.n > 0 && name.n <= NAME_BYTES_MAX;
}

/* Framing, what depends on the body, what the key and its scheme make, and what the gateway sends
 * of its own or of the client anyway: a second one would contradict the first. */
static bool is_own(struct str name)
{
    static const char *const own[] = {"host",
                                      "content-length",
                                      "transfer-encoding",
                                      "connection",
                                      "keep-alive",
                                      "te",
                                      "trailer",
                                      "upgrade",
                                      "expect",
                                      "content-type",
                                      "content-encoding",
                                      "accept",
                                      "accept-encoding",
                                      "user-agent",
                                      "authorization",
                                      "api-key",
                                      "x-api-key",
                                      "cookie",
                                      "cookie2",
                                      "openai-beta",
                                      "openai-organization",
                                      "openai-project",
                                      "x-client-request-id",
                                      "idempotency-key"};
    for (size_t i = 0; i < COUNT(own); i++)
        if (str_eq_nocase(name, str_of(own[i])))
            return true;
    return str_starts_nocase(name, STR("proxy-"));
}

static bool check_name(struct str name, struct buf *why)
{
    if (!is_token(name))
        return explain(why, "this does not begin with a header's name (want Name: value)");
    return !is_own(name) || explain(why, "the gateway decides on \"%.*s\" itself", SHORT_ARG(name));
}

bool header_allow_check(struct str name, struct buf *why)
{
    if (!check_name(name, why))
        return false;
    return !secret_is_named(name) ||
           explain(why, "\"%.*s\" looks like a secret; a client's must not reach a provider",
                   SHORT_ARG(name));
}

/* --- values --------------------------------------------------------------------------------------
 */

static struct str last_word(struct str value)
{
    struct str rest = value;
    struct str word = STR_EMPTY;
    while (next_word(&rest, &word))
        continue;
    return word;
}

static bool is_reference(struct str word)
{
    return str_starts(word, STR("env:")) || str_starts(word, STR("file:")) ||
           str_starts(word, STR("cred:"));
}

static bool holds_literal_secret(struct str value)
{
    struct str rest = value;
    struct str word;
    while (next_word(&rest, &word))
        if (str_starts(word, STR("sk-")))
            return true;
    return false;
}

/* Nothing here may print the value: it may be a secret. */
static bool check_value(struct str name, struct str value, struct buf *why)
{
    if (value.n == 0)
        return explain(why, "\"%.*s\" has no value (want Name: value)", SHORT_ARG(name));
    if (value.n > VALUE_BYTES_MAX)
        return explain(why, "the value is longer than %d bytes", VALUE_BYTES_MAX);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || (unsigned char)value.p[i] >= 0x7f)
            return explain(why, "the value holds a byte that a header cannot hold");
    if (!holds_literal_secret(value) && (!secret_is_named(name) || is_reference(last_word(value))))
        return true;
    return explain(why, "a secret must not stand in this file (want env:NAME, file:PATH or "
                        "cred:NAME as the last word)");
}

/* Makes header->value of the text; *secret is the resolved end of it, or NULL. */
static bool join_value(struct provider_header *header, struct str before, const char *secret)
{
    struct buf value;
    size_t n = 0;
    buf_init(&value, VALUE_BYTES_MAX + SECRET_TEXT_MAX);
    if (buf_add_str(&value, before) && buf_add_str(&value, str_of(secret)))
        header->value = buf_take(&value, &n);
    buf_release(&value);
    if (header->value != NULL && secret != NULL)
        header->secret = header->value + before.n;
    return header->value != NULL;
}

static enum secret_state set_value(struct provider_header *header, struct str value,
                                   const char *file, struct buf *why)
{
    struct str word = last_word(value);
    struct str before = value;
    char *secret = NULL;
    enum secret_state state = SECRET_READ;
    if (is_reference(word)) {
        before.n = (size_t)(word.p - value.p);
        state = secret_read(word, file, &secret, why);
    }
    if (state == SECRET_READ && !join_value(header, before, secret)) {
        (void)explain(why, "out of memory");
        state = SECRET_MALFORMED;
    }
    if (secret != NULL)
        secret_wipe(secret, strlen(secret));
    free(secret);
    return state;
}

/* --- the list ------------------------------------------------------------------------------------
 */

static void header_release(struct provider_header *header)
{
    if (header->value != NULL)
        secret_wipe(header->value, strlen(header->value));
    free(header->value);
    free(header->name);
}

static bool add(struct provider_headers *headers, const struct provider_header *header,
                struct buf *why)
{
    size_t bytes = strlen(header->name) + strlen(header->value) + 4;
    if (bytes > PROVIDER_HEADERS_BYTES_MAX - headers->bytes)
        return explain(why, "the headers are longer than %zu bytes together",
                       PROVIDER_HEADERS_BYTES_MAX);
    struct provider_header *list = array_room(headers->list, headers->n, sizeof *list);
    if (list == NULL)
        return explain(why, "out of memory");
    headers->list = list;
    list[headers->n++] = *header;
    headers->bytes += bytes;
    return true;
}

enum secret_state provider_headers_add(struct provider_headers *headers, struct str text,
                                       const char *file, size_t *at, struct buf *why)
{
    struct provider_header header = {.name = NULL};
    struct str name = str_slice(text, 0, str_index(text, ':'));
    struct str value = str_trim(str_from(text, name.n + 1));
    *at = 0;
    if (name.n == text.n) {
        (void)explain(why, "this is not a header (want Name: value)");
        return SECRET_MALFORMED;
    }
    if (!check_name(name, why))
        return SECRET_MALFORMED;
    if (provider_headers_have(headers, name)) {
        (void)explain(why, "\"%.*s\" is set twice", SHORT_ARG(name));
        return SECRET_MALFORMED;
    }
    *at = value.n > 0 ? (size_t)(value.p - text.p) : 0;
    if (!check_value(name, value, why))
        return SECRET_MALFORMED;
    enum secret_state state = set_value(&header, value, file, why);
    if (state == SECRET_READ) {
        header.name = str_dup(name);
        bool added =
            header.name != NULL ? add(headers, &header, why) : explain(why, "out of memory");
        if (added)
            return SECRET_READ;
        state = SECRET_MALFORMED;
    }
    header_release(&header);
    return state;
}

bool provider_headers_have(const struct provider_headers *headers, struct str name)
{
    for (unsigned i = 0; i < headers->n; i++)
        if (str_eq_nocase(str_of(headers->list[i].name), name))
            return true;
    return false;
}

bool provider_header_show(const struct provider_header *header, struct buf *out)
{
    struct buf text;
    struct str value = str_of(header->value);
    buf_init(&text, 2 * (VALUE_BYTES_MAX + SECRET_TEXT_MAX));
    if (header->secret != NULL)
        value.n = (size_t)(header->secret - header->value);
    bool ok = buf_addf(&text, "%s: ", header->name) && buf_add_str(&text, value) &&
              (header->secret == NULL || buf_add_str(&text, STR("***"))) &&
              show_text(buf_str(&text), out);
    buf_release(&text);
    return ok;
}

void provider_headers_release(struct provider_headers *headers)
{
    for (unsigned i = 0; i < headers->n; i++)
        header_release(&headers->list[i]);
    free(headers->list);
    *headers = (struct provider_headers){NULL, 0, 0};
}
