/* `gateway quickstart`: a working gateway from nothing, in one command.
 *
 * Makes a folder with a configuration (the built-in sandbox as its provider), a database, a user
 * with 10 USD and a key, and serves.  A second run keeps everything that is there. */
#ifndef SERVER_QUICKSTART_H
#define SERVER_QUICKSTART_H

struct quickstart_options {
    const char *program; /* as the user typed it; shown in the commands to type next */
    const char *dir;     /* NULL = ./gateway-data */
    const char *listen;  /* NULL = 127.0.0.1:8080, or a free port if that is taken */
};

/* Returns the exit code of serve_run, or of what failed before. */
int quickstart_run(const struct quickstart_options *options);

#endif
