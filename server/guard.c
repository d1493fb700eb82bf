#include "server/guard.h"

#include <string.h>

#define TARGET_MAX 8192

static bool is_token_char(char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!is_token_char(text.p[i]))
            return false;
    }
    return text.n > 0;
}

static bool is_clean(struct str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

bool head_find(const struct head *head, struct str name, struct str *value)
{
    for (size_t i = 0; i < head->count; i++) {
        if (str_eq_nocase(head->fields[i].name, name)) {
            *value = head->fields[i].value;
            return true;
        }
    }
    return false;
}

unsigned head_count(const struct head *head, struct str name)
{
    unsigned count = 0;
    for (size_t i = 0; i < head->count; i++)
        count += str_eq_nocase(head->fields[i].name, name);
    return count;
}

uint64_t head_body_bytes(const struct head *head)
{
    struct str value;
    uint64_t bytes = 0;
    if (head_find(head, STR("transfer-encoding"), &value))
        return UINT64_MAX;
    if (head_find(head, STR("content-length"), &value) &&
        !str_u64(str_trim(value), UINT64_MAX - 1, &bytes))
        return UINT64_MAX;
    return bytes;
}

static enum fault refuse(struct failure *failure, const char *why)
{
    failure_set(failure, FAULT_BAD_FRAMING, "%s", why);
    return FAULT_BAD_FRAMING;
}

/* `part` stands at *at with so many NULs behind it: goes on behind them. */
static bool pass(const char **at, const char *end, struct str part, size_t nuls)
{
    if (part.p != *at || (size_t)(end - *at) < part.n + nuls)
        return false;
    *at += part.n;
    for (; nuls > 0; nuls--) {
        if (*(*at)++ != '\0')
            return false;
    }
    return true;
}

/* libmicrohttpd edits a head where it stands: every delimiter and line end becomes NUL.  What it
 * has passed over without a word (anything behind a NUL, a folded line, the CR that was not before
 * a LF) shows as a gap between one part and the next. */
static bool is_without_gaps(const struct head *head)
{
    const char *at = head->method.p, *end = at + head->bytes;
    struct str target = {head->target_place, head->target.n};
    if (!pass(&at, end, head->method, 1) || !pass(&at, end, target, 1) ||
        !pass(&at, end, head->version, 2))
        return false;
    for (size_t i = 0; i < head->count; i++) {
        if (!pass(&at, end, head->fields[i].name, 1))
            return false;
        while (at < end && (*at == ' ' || *at == '\t'))
            at++;
        if (!pass(&at, end, head->fields[i].value, 2))
            return false;
    }
    return pass(&at, end, (struct str){at, 0}, 2) && at == end;
}

/* libmicrohttpd glues a folded line to the name of the field before it: "Content-Length: 5", " x"
 * arrives as "Content-Lengthx: 5", and the body would be read as the next request.  So a name that
 * only begins like one that matters is refused, though it may be honest. */
static bool hides_a_field(struct str name)
{
    static const char *const matter[] = {"content-length", "transfer-encoding", "authorization",
                                         "host"};
    for (size_t i = 0; i < COUNT(matter); i++) {
        struct str want = str_of(matter[i]);
        if (name.n > want.n && str_starts_nocase(name, want))
            return true;
    }
    return false;
}

static enum fault check_fields(const struct head *head, struct failure *failure)
{
    static const char *const unique[] = {"host",         "content-length",  "transfer-encoding",
                                         "content-type", "idempotency-key", "expect"};
    if (head->too_many)
        return refuse(failure, "too many header fields");
    for (size_t i = 0; i < head->count; i++) {
        if (!is_token(head->fields[i].name) || hides_a_field(head->fields[i].name))
            return refuse(failure, "bad header name");
        if (!is_clean(head->fields[i].value))
            return refuse(failure, "a control byte in a header value");
    }
    for (size_t i = 0; i < COUNT(unique); i++) {
        if (head_count(head, str_of(unique[i])) > 1)
            return refuse(failure, "a header field that must be unique is repeated");
    }
    return FAULT_NONE;
}

static enum fault check_length(const struct head *head, bool is_1_1, struct failure *failure)
{
    struct str coding, length;
    uint64_t bytes = 0;
    bool chunked = head_find(head, STR("transfer-encoding"), &coding);
    bool counted = head_find(head, STR("content-length"), &length);
    if (chunked && counted)
        return refuse(failure, "both Content-Length and Transfer-Encoding");
    if (chunked && !is_1_1)
        return refuse(failure, "Transfer-Encoding in HTTP/1.0");
    /* As it stands: with white space behind it libmicrohttpd takes it for another coding, whose
     * body never ends. */
    if (chunked && !str_eq_nocase(coding, STR("chunked"))) {
        failure_set(failure, FAULT_TRANSFER_ENCODING, "%s", "");
        return FAULT_TRANSFER_ENCODING;
    }
    if (counted && !str_u64(str_trim(length), INT64_MAX, &bytes))
        return refuse(failure, "bad Content-Length");
    bool has_body = str_eq(head->method, STR("POST")) || str_eq(head->method, STR("PUT")) ||
                    str_eq(head->method, STR("PATCH"));
    if (has_body && !chunked && !counted) {
        failure_set(failure, FAULT_LENGTH_REQUIRED, "%s", "");
        return FAULT_LENGTH_REQUIRED;
    }
    return FAULT_NONE;
}

static bool split_absolute(struct str target, struct str *authority, struct str *path)
{
    struct str rest;
    if (str_starts_nocase(target, STR("http://")))
        rest = str_from(target, 7);
    else if (str_starts_nocase(target, STR("https://")))
        rest = str_from(target, 8);
    else
        return false;
    size_t slash = str_index(rest, '/');
    *authority = str_slice(rest, 0, slash);
    *path = slash < rest.n ? str_from(rest, slash) : STR("/");
    return true;
}

static enum fault check_target(const struct head *head, bool is_1_1, struct failure *failure)
{
    struct str host, authority, path;
    bool has_host = head_find(head, STR("host"), &host);
    if (is_1_1 && (!has_host || str_trim(host).n == 0))
        return refuse(failure, "no Host");
    if (head->target.n == 0 || head->target.n > TARGET_MAX)
        return refuse(failure, "bad request target");
    for (size_t i = 0; i < head->target.n; i++) {
        unsigned char c = (unsigned char)head->target.p[i];
        if (c <= 0x20 || c >= 0x7f)
            return refuse(failure, "bad request target");
    }
    if (head->target.p[0] == '/')
        return FAULT_NONE;
    if (split_absolute(head->target, &authority, &path) && has_host &&
        str_eq_nocase(authority, str_trim(host)))
        return FAULT_NONE;
    return refuse(failure, "bad request target");
}

enum fault guard_check(const struct head *head, struct failure *failure)
{
    bool is_1_1 = str_eq(head->version, STR("HTTP/1.1"));
    if (!is_1_1 && !str_eq(head->version, STR("HTTP/1.0")))
        return refuse(failure, "unsupported HTTP version");
    if (!is_token(head->method) || str_eq(head->method, STR("CONNECT")))
        return refuse(failure, "unsupported method");
    if (head->bytes > 0 && !head->too_many && !is_without_gaps(head))
        return refuse(failure, "a NUL, a bare line end or a folded line in the head");
    enum fault f = check_fields(head, failure);
    if (f == FAULT_NONE)
        f = check_target(head, is_1_1, failure);
    if (f == FAULT_NONE)
        f = check_length(head, is_1_1, failure);
    return f;
}

struct str head_path(const struct head *head)
{
    struct str authority, path = head->target;
    if (path.n > 0 && path.p[0] != '/' && !split_absolute(head->target, &authority, &path))
        path = STR("/");
    return str_slice(path, 0, str_index(path, '?'));
}

struct str head_query(const struct head *head)
{
    return str_from(head->target, str_index(head->target, '?') + 1);
}
