/* Time.  Durations and deadlines use CLOCK_BOOTTIME (a suspended machine counts), expiry and
 * reports the wall clock.  Both are cached per thread and refreshed once a turn by clock_tick. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Refreshes this thread's cached times; a no-op for a clock that a test has set. */
void clock_tick(void);
/* Microseconds and milliseconds of CLOCK_BOOTTIME, as of the last tick (the first call ticks). */
int64_t clock_us(void);
int64_t clock_ms(void);
/* Milliseconds since 1970, as of the last tick. */
int64_t clock_wall_ms(void);
/* Uncached, for measuring inside a turn. */
int64_t clock_precise_us(void);

/* Tests: freezes both clocks of this thread at the given times until clock_thaw. */
void clock_set(int64_t boot_us, int64_t wall_ms);
void clock_thaw(void);

/* "2026-11-24T19:00:00Z" (UTC) into text; ms are cut off, years outside 1970..9999
 * become the nearest of these. */
#define CLOCK_TEXT_SIZE 21
void clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

#endif
