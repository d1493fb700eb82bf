#include "relay/query.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(struct str raw, char *value, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        int c = raw.p[i] == '+' ? ' ' : (unsigned char)raw.p[i];
        if (c == '%') {
            int high = i + 2 < raw.n ? hex_digit(raw.p[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.p[i + 2]) : -1;
            if (low < 0)
                return false;
            c = high * 16 + low;
            i += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        value[n++] = (char)c;
    }
    value[n] = '\0';
    return true;
}

enum query_result query_find(struct str query, struct str name, char *value, size_t size)
{
    struct str one;
    enum query_result result = QUERY_NONE;
    CHECK(size > 0);
    while (str_cut(&query, '&', &one)) {
        size_t equals = str_index(one, '=');
        if (!str_eq(str_slice(one, 0, equals), name))
            continue;
        if (result != QUERY_NONE || !decode(str_from(one, equals + 1), value, size))
            return QUERY_BAD;
        result = QUERY_FOUND;
    }
    return result;
}
