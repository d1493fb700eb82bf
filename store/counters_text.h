/* Counters as the database keeps them: "in_text=3 out_text=2", those that are 0 left out. */
#ifndef STORE_COUNTERS_TEXT_H
#define STORE_COUNTERS_TEXT_H

#include "base/str.h"
#include "config/price.h"

#define COUNTERS_TEXT_SIZE (COUNTER_COUNT * 36)

void counters_format(const struct counters *counters, char text[COUNTERS_TEXT_SIZE]);
/* Words of a later program are passed over. */
void counters_parse(struct str text, struct counters *counters);

#endif
