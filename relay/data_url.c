#include "relay/data_url.h"

#include "base/base64.h"

static const struct str scheme = STR_INIT("data:");
static const struct str coding = STR_INIT(";base64");

bool data_url_is_one(struct str url)
{
    return str_starts_nocase(url, scheme);
}

bool data_url_read(struct str url, struct str *type, struct buf *bytes)
{
    struct str rest = str_from(url, scheme.n);
    size_t comma = str_index(rest, ','), before = bytes->n;
    struct str head = str_slice(rest, 0, comma);
    if (!data_url_is_one(url) || comma == rest.n || head.n < coding.n ||
        !str_eq_nocase(str_from(head, head.n - coding.n), coding))
        return false;
    *type = str_slice(head, 0, head.n - coding.n);
    return base64_read(bytes, str_from(rest, comma + 1)) && bytes->n > before;
}
