/* Counters as the database keeps them: "in_text=3 out_text=2", those that are 0 left out. */
#ifndef STORE_COUNTERS_TEXT_H
#define STORE_COUNTERS_TEXT_H

#include "base/str.h"
#include "config/price.h"

/* Of one: its name, up to 18 bytes, and 20 digits. */
#define COUNTER_TEXT_SIZE 40
#define COUNTERS_TEXT_SIZE (COUNTER_COUNT * (COUNTER_TEXT_SIZE + 1))

/* "in_text=3" without a NUL; where it ends. */
char *counter_put(char *at, enum counter counter, int64_t n);

void counters_format(const struct counters *counters, char text[COUNTERS_TEXT_SIZE]);
/* Words of a later program are passed over. */
void counters_parse(struct str text, struct counters *counters);

#endif
