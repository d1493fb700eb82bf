/* Room for one more element in a heap array that doubles. */
#ifndef CONFIG_ARRAY_H
#define CONFIG_ARRAY_H

#include <stddef.h>

#include "base/check.h"

/* `list` holds n elements of `size` bytes and was made by this function (NULL for none).  Gives the
 * array with room for n + 1, or NULL when memory is out; then `list` is still the caller's.  The
 * capacity is never stored: it is n rounded up to a power of two. */
MUST_USE void *array_room(void *list, size_t n, size_t size);

#endif
