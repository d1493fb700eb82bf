#include "config/array.h"

#include <stdlib.h>

void *array_room(void *list, size_t n, size_t size)
{
    CHECK(size > 0);
    if (n != 0 && (n & (n - 1)) != 0)
        return list;
    size_t count = 1;
    size_t bytes = 0;
    if (n > 0 && !size_mul(n, 2, &count))
        return NULL;
    if (!size_mul(count, size, &bytes))
        return NULL;
    return realloc(list, bytes);
}
