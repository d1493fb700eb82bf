#include "relay/multipart_boundary.h"

#include <string.h>

#include "relay/parameter.h"

/* RFC 2046, 5.1.1. */
static bool is_boundary(struct str s)
{
    if (s.n == 0 || s.n > MULTIPART_BOUNDARY_MAX || s.p[s.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return true;
}

bool multipart_boundary(struct str content_type, char boundary[MULTIPART_BOUNDARY_MAX + 1])
{
    struct str found = STR_EMPTY;
    struct parameter parameter;
    enum parameter_result result;
    if (!str_eq_nocase(parameter_cut_head(&content_type), STR("multipart/form-data")))
        return false;
    while ((result = parameter_cut(&content_type, &parameter)) == PARAMETER_FOUND) {
        /* Readers that only search the text would take the first. */
        if (str_contains_nocase(parameter.raw, STR("boundary=")))
            return false;
        if (!str_starts_nocase(parameter.name, STR("boundary")))
            continue;
        /* `boundary*` is one more for some readers. */
        if (found.n > 0 || !str_eq_nocase(parameter.name, STR("boundary")) ||
            !is_boundary(parameter.raw))
            return false;
        found = parameter.raw;
    }
    if (result == PARAMETER_BAD || found.n == 0)
        return false;
    memcpy(boundary, found.p, found.n);
    boundary[found.n] = '\0';
    return true;
}
