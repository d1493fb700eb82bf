/* The two texts of quickstart: the configuration it writes and the block it prints. */
#ifndef SERVER_QUICKSTART_TEXT_H
#define SERVER_QUICKSTART_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "config/snapshot.h"

#define QUICKSTART_KEY_SIZE 128

/* What the block tells; the texts are borrowed. */
struct quickstart_block {
    const char *program; /* argv[0] */
    const char *dir;
    bool default_dir;              /* where commands look without --dir */
    bool is_new;                   /* made in this run */
    const char *url;               /* "http://127.0.0.1:8080" */
    char key[QUICKSTART_KEY_SIZE]; /* "" = kept from an earlier run, not known any more */
    struct snapshot *snapshot;
    bool shown;
};

/* gateway.conf of a first run: the sandbox, its models, and a real provider to uncomment. */
MUST_USE bool quickstart_config(struct buf *out, const char *listen);
/* The first sixty seconds: base URL, key, models, a command that works as printed. */
MUST_USE bool quickstart_block_write(struct buf *out, const struct quickstart_block *block);

#endif
