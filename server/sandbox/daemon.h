/* The body of struct sandbox, for the files of the sandbox. */
#ifndef SERVER_SANDBOX_DAEMON_H
#define SERVER_SANDBOX_DAEMON_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdint.h>

struct sandbox {
    struct MHD_Daemon *daemon;
    int stop_fd; /* an eventfd: readable once the sandbox stops, so that no wait outlives it */
    int64_t started_us;
    atomic_uint_least64_t answers;
};

#endif
