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

static bool add_path(struct buf *out, struct str path, const char *upstream_model,
                     const char *upstream_id)
{
    static const struct str model = STR_INIT(PROVIDER_PATH_MODEL), id = STR_INIT(PROVIDER_PATH_ID);
    while (path.n > 0) {
        size_t plain = str_index(path, '{');
        bool ok = buf_add_str(out, str_slice(path, 0, plain));
        path = str_from(path, plain);
        const char *name = str_starts(path, model) ? upstream_model
                           : str_starts(path, id)  ? upstream_id
                                                   : NULL;
        if (!ok || (name != NULL && !add_encoded(out, str_of(name))))
            return false;
        path = str_from(path, name == upstream_model ? model.n : id.n);
    }
    return true;
}

const char *target_of(const struct provider *provider, const char *usual,
                      const char *upstream_model, const char *upstream_id, struct buf *room)
{
    const char *there = provider_paths_find(&provider->paths, usual);
    const char *query = provider->query;
    if (there == NULL && query == NULL && upstream_id == NULL)
        return usual;
    buf_clear(room);
    bool ok = add_path(room, str_of(there != NULL ? there : usual), upstream_model, upstream_id) &&
              (query == NULL || buf_addf(room, "?%s", query)) && buf_add_char(room, '\0');
    return ok ? room->p : NULL;
}
