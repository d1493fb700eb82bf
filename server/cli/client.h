/* The command line's end of the admin socket: HTTP over a unix socket, one call at a time. */
#ifndef SERVER_CLI_CLIENT_H
#define SERVER_CLI_CLIENT_H

#include <jansson.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/check.h"
#include "server/admin/admin.h"

/* The outcome of an operation, whichever way it was run. */
struct answer {
    enum admin_exit exit;
    json_t *result;     /* of ADMIN_OK */
    struct buf message; /* of the others: text for people */
};

void answer_init(struct answer *answer);
void answer_release(struct answer *answer);
void answer_fail(struct answer *answer, enum admin_exit exit, const char *format, ...)
    PRINTF_LIKE(3, 4);

enum client_peer {
    CLIENT_LISTENING,
    CLIENT_NOBODY,        /* no socket, or nobody accepts on it */
    CLIENT_NOT_PERMITTED, /* the socket's mode refuses this user */
    CLIENT_BAD_PATH       /* longer than a socket path can be */
};

/* Is there a server?  *pid is its process (0 = not known); pid may be NULL. */
enum client_peer client_probe(const char *socket_path, pid_t *pid);
/* Runs the operation at the server and fills in the answer (initialised by the caller). */
void client_call(const char *socket_path, const char *operation, const json_t *arguments,
                 struct answer *answer);

#endif
