#include "relay/target.h"

#include <string.h>

/* What RFC 3986 calls unreserved goes as it is: a "/" in a name must not become one of the path. */
static bool add_encoded(struct buf *out, struct str name)
{
    static const char marks[] = "-._~";
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr(marks, c) != NULL);
        if (plain ? !buf_add_char(out, c) : !buf_addf(out, "%%%02X", (unsigned char)c))
            return false;
    }
    return true;
}

static bool add_path(struct buf *out, const char *path, const char *upstream_model)
{
    const char *at = strstr(path, PROVIDER_PATH_MODEL);
    if (at == NULL)
        return buf_add_str(out, str_of(path));
    return buf_add(out, path, (size_t)(at - path)) && add_encoded(out, str_of(upstream_model)) &&
           buf_add_str(out, str_of(at + sizeof PROVIDER_PATH_MODEL - 1));
}

const char *target_of(const struct provider *provider, const char *usual,
                      const char *upstream_model, struct buf *room)
{
    const char *there = provider_paths_find(&provider->paths, usual);
    const char *query = provider->query;
    if (there == NULL && query == NULL)
        return usual;
    buf_clear(room);
    bool ok = add_path(room, there != NULL ? there : usual, upstream_model) &&
              (query == NULL || buf_addf(room, "?%s", query)) && buf_add_char(room, '\0');
    return ok ? room->p : NULL;
}
