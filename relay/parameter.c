#include "relay/parameter.h"

#include <string.h>

bool parameter_is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

struct str parameter_cut_head(struct str *rest)
{
    size_t at = str_index(*rest, ';');
    struct str head = str_trim(str_slice(*rest, 0, at));
    *rest = str_from(*rest, at);
    return head;
}

static size_t bare_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && strchr("; \t\"\\", s.p[n]) == NULL)
        n++;
    return n;
}

/* Where the quote that closes s[0..] stands, or s.n. */
static size_t quoted_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '"')
        n += s.p[n] == '\\' ? 2 : 1;
    return n < s.n ? n : s.n;
}

/* Cuts the value off the beginning of *rest. */
static bool value_cut(struct str *rest, struct parameter *parameter)
{
    parameter->quoted = rest->n > 0 && rest->p[0] == '"';
    if (parameter->quoted)
        *rest = str_from(*rest, 1);
    size_t n = parameter->quoted ? quoted_length(*rest) : bare_length(*rest);
    if (parameter->quoted ? n == rest->n : n == 0)
        return false;
    parameter->raw = str_slice(*rest, 0, n);
    *rest = str_from(*rest, parameter->quoted ? n + 1 : n);
    return !str_contains_nocase(parameter->raw, STR("name="));
}

enum parameter_result parameter_cut(struct str *rest, struct parameter *parameter)
{
    struct str s = str_trim(*rest);
    bool is_parted = false;
    while (s.n > 0 && s.p[0] == ';') {
        is_parted = true;
        s = str_trim(str_from(s, 1));
    }
    if (s.n == 0) {
        *rest = s;
        return PARAMETER_NONE;
    }
    size_t n = 0;
    while (n < s.n && parameter_is_token(s.p[n]))
        n++;
    if (!is_parted || n == 0 || n == s.n || s.p[n] != '=')
        return PARAMETER_BAD;
    parameter->name = str_slice(s, 0, n);
    *rest = str_from(s, n + 1);
    return value_cut(rest, parameter) ? PARAMETER_FOUND : PARAMETER_BAD;
}
