#include "base/clock.h"

#include <stdbool.h>
#include <time.h>

#include "base/check.h"

#define LAST_MS INT64_C(253402300799999) /* the year 9999 ends; a fifth digit would not fit */

/* Each thread has its own view of the time, refreshed once a turn. */
static _Thread_local struct {
    int64_t boot_us, wall_ms;
    bool ticked, frozen;
} now;

static int64_t read_us(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

void clock_tick(void)
{
    if (now.frozen)
        return;
    now.boot_us = read_us(CLOCK_BOOTTIME);
    now.wall_ms = read_us(CLOCK_REALTIME) / 1000;
    now.ticked = true;
}

int64_t clock_us(void)
{
    if (!now.ticked)
        clock_tick();
    return now.boot_us;
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

int64_t clock_wall_ms(void)
{
    if (!now.ticked)
        clock_tick();
    return now.wall_ms;
}

int64_t clock_precise_us(void)
{
    return now.frozen ? now.boot_us : read_us(CLOCK_BOOTTIME);
}

void clock_set(int64_t boot_us, int64_t wall_ms)
{
    now.boot_us = boot_us;
    now.wall_ms = wall_ms;
    now.ticked = now.frozen = true;
}

void clock_thaw(void)
{
    now.frozen = false;
    clock_tick();
}

static char *put_digits(char *p, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        p[i] = (char)('0' + value % 10);
    return p + digits;
}

void clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > LAST_MS)
        wall_ms = LAST_MS;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    /* strftime would cost ten times as much, and every admission names its day. */
    const int parts[] = {tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
    static const char behind[] = {'-', 'T', ':', ':', 'Z'};
    char *p = put_digits(text, tm.tm_year + 1900, 4);
    *p++ = '-';
    for (size_t i = 0; i < COUNT(parts); i++) {
        p = put_digits(p, parts[i], 2);
        *p++ = behind[i];
    }
    *p = '\0';
}
