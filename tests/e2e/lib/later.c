/* Preloaded into a gateway: its wall clock is ahead by LATER_MS milliseconds. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int result = (int)syscall(SYS_clock_gettime, clock, at);
    const char *text = getenv("LATER_MS");
    if (result == 0 && clock == CLOCK_REALTIME && text != NULL)
        at->tv_sec += (time_t)(strtoll(text, NULL, 10) / 1000);
    return result;
}
