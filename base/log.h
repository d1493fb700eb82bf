/* The operational log.  Threads write lines into their own ring (64 KiB; what does not fit is
 * dropped and counted), the main thread writes them out: a request path never blocks on logging.
 *
 * A line is "2026-11-24T19:00:00Z warning relay: text" on a terminal, else one JSON object
 * {"ts","level","room","msg"}.  Control bytes are escaped; anything that looks like a secret
 * (sk-..., Bearer ...) is masked whatever the caller passed. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* Once, by the main thread, before others start: where to write and from which level on. */
void log_open(int fd, enum log_level level);
void log_set_level(enum log_level level);
/* Gives the calling thread a ring; without one its lines are written at once (CLI, tests). */
void log_join(void);
/* The thread ends; what its ring holds is still written. */
void log_leave(void);

/* `room` is a literal: "server", "relay", "store"... */
void log_write(enum log_level level, const char *room, const char *format, ...) PRINTF_LIKE(3, 4);
/* At most one line a second for this call site; *gate starts at 0. */
void log_limited(int64_t *gate, enum log_level level, const char *room, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Main thread: writes out what the rings hold.  log_fd becomes readable when there is something. */
void log_flush(void);
int log_fd(void);

/* Masks in place what looks like a secret: "sk-" and "Bearer " followed by token characters,
 * "org-" and "proj_" ids, "://user:pass@", and (hosts = true) whole http(s) URLs.  Never makes text
 * longer.  Returns the new length. */
size_t log_mask(char *text, size_t n, bool hosts);

#endif
