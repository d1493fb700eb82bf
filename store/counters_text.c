#include "store/counters_text.h"

#include <string.h>

char *counter_put(char *at, enum counter counter, int64_t n)
{
    const char *name = counter_name(counter);
    size_t length = strlen(name);
    memcpy(at, name, length);
    at[length] = '=';
    return at + length + 1 + str_put_i64(at + length + 1, n);
}

void counters_format(const struct counters *counters, char text[COUNTERS_TEXT_SIZE])
{
    char *at = text;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        if (counters->n[i] == 0)
            continue;
        if (at > text)
            *at++ = ' ';
        at = counter_put(at, (enum counter)i, counters->n[i]);
    }
    *at = '\0';
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
