#include "server/route.h"

#define PATH_MAX_BYTES 1024
#define PATH_SHOWN_MAX 160

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False for a bad escape, %00 or a control byte. */
static bool clean_path(struct str raw, struct buf *path)
{
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        bool escaped = c == '%';
        if (escaped) {
            int high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.p[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        bool doubled = c == '/' && !escaped && path->n > 0 && path->p[path->n - 1] == '/';
        if (!doubled && !buf_add_char(path, c))
            return false;
    }
    if (path->n > 1 && path->p[path->n - 1] == '/')
        path->n--;
    return true;
}

/* Takes /v1 off; false when there is none. */
static bool take_base(struct str *path)
{
    if (!str_eq(*path, STR("/v1")) && !str_starts(*path, STR("/v1/")))
        return false;
    *path = str_from(*path, 3);
    return true;
}

/* `near`: the module whose path it nearly is, or NULL; `outside`: it does not begin with /v1. */
static enum fault refuse_path(const struct head *head, const struct module *near, bool outside,
                              struct failure *failure)
{
    struct str shown = str_slice(head_path(head), 0, PATH_SHOWN_MAX);
    failure_set(failure, FAULT_UNKNOWN_PATH, "%.*s %.*s%s%s%s%s%s%s", STR_ARG(head->method),
                STR_ARG(shown), near != NULL ? "; did you mean " : "",
                near != NULL ? near->method : "", near != NULL ? " /v1" : "",
                near != NULL ? near->path : "", near != NULL ? "?" : "",
                !outside       ? ""
                : near != NULL ? " The base URL ends with /v1"
                               : "; the base URL ends with /v1");
    return FAULT_UNKNOWN_PATH;
}

enum fault route_find(struct route *route, const struct head *head, bool aliases,
                      struct failure *failure)
{
    struct str raw = head_path(head);
    *route = (struct route){.module = NULL};
    buf_init(&route->path, PATH_MAX_BYTES);
    if (!buf_reserve(&route->path, raw.n < PATH_MAX_BYTES ? raw.n : PATH_MAX_BYTES)) {
        failure_set(failure, FAULT_GATEWAY_MEMORY, "%s", "");
        return FAULT_GATEWAY_MEMORY;
    }
    if (!clean_path(raw, &route->path))
        return refuse_path(head, NULL, false, failure);
    struct str path = buf_str(&route->path);
    bool outside = !take_base(&path);
    if (aliases && !outside)
        (void)take_base(&path); /* /v1/v1: the base URL was given to a client that adds /v1 */
    enum route_result result =
        outside && !aliases ? ROUTE_UNKNOWN
                            : module_route(head->method, path, &route->module, &route->subject);
    switch (result) {
    case ROUTE_FOUND:
        break;
    case ROUTE_UNKNOWN:
        return refuse_path(head, module_nearest(head->method, path), outside, failure);
    case ROUTE_METHOD:
        failure_set(failure, FAULT_METHOD_NOT_ALLOWED, "%.*s %.*s", STR_ARG(head->method),
                    STR_ARG(raw));
        failure->allow = route->module->method;
        return FAULT_METHOD_NOT_ALLOWED;
    }
    return FAULT_NONE;
}

void route_release(struct route *route)
{
    buf_release(&route->path);
}
