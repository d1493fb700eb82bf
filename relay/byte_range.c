#include "relay/byte_range.h"

static struct byte_range part(uint64_t from, uint64_t to)
{
    return from < to ? (struct byte_range){BYTE_RANGE_PART, from, to}
                     : (struct byte_range){BYTE_RANGE_NONE, 0, 0};
}

/* A number that is too large is as good as the largest.  False when it is none. */
static bool read_position(struct str digits, uint64_t *position)
{
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
    }
    if (!str_u64(digits, INT64_MAX, position))
        *position = INT64_MAX;
    return digits.n > 0;
}

struct byte_range byte_range_of(struct str header, uint64_t size)
{
    const struct byte_range whole = {BYTE_RANGE_WHOLE, 0, size};
    uint64_t first = 0, last = 0;
    header = str_trim(header);
    if (!str_starts_nocase(header, STR("bytes=")))
        return whole;
    struct str spec = str_trim(str_from(header, 6));
    if (str_index(spec, ',') < spec.n)
        return (struct byte_range){BYTE_RANGE_NONE, 0, 0};
    size_t dash = str_index(spec, '-');
    struct str left = str_slice(spec, 0, dash), right = str_from(spec, dash + 1);
    bool has_first = read_position(left, &first), has_last = read_position(right, &last);
    if (dash == spec.n || (!has_first && left.n > 0) || (!has_last && right.n > 0) ||
        (!has_first && !has_last) || (has_first && has_last && last < first))
        return whole;
    if (!has_first) /* so many at the end */
        return part(last < size ? size - last : 0, last > 0 ? size : 0);
    return part(first, has_last && last < size ? last + 1 : size);
}
