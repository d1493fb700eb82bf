#include "store/counters_text.h"

#include <inttypes.h>
#include <stdio.h>

void counters_format(const struct counters *counters, char text[COUNTERS_TEXT_SIZE])
{
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (counters->n[i] == 0)
            continue;
        int wrote = snprintf(text + n, COUNTERS_TEXT_SIZE - n, "%s%s=%" PRId64, n > 0 ? " " : "",
                             counter_name((enum counter)i), counters->n[i]);
        n += (size_t)wrote;
        CHECK(n < COUNTERS_TEXT_SIZE);
    }
}

void counters_parse(struct str text, struct counters *counters)
{
    struct str word;
    *counters = (struct counters){{0}};
    while (str_cut(&text, ' ', &word)) {
        size_t equals = str_index(word, '=');
        enum counter counter;
        int64_t n;
        if (counter_find(str_slice(word, 0, equals), &counter) &&
            str_i64(str_from(word, equals + 1), INT64_MIN, INT64_MAX, &n))
            counters->n[counter] = n;
    }
}
