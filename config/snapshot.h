/* The configuration in force: immutable, reference-counted, swapped whole.
 *
 * Each worker holds one reference and swaps it when told; each request retains the one it began
 * with, so that its provider, price and limits cannot change under it. */
#ifndef CONFIG_SNAPSHOT_H
#define CONFIG_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"
#include "config/model.h"
#include "config/provider.h"
#include "config/settings.h"

struct snapshot {
    atomic_uint references;
    uint64_t generation; /* larger with each load in this process (microseconds since boot) */
    char *file;          /* path of gateway.conf as given */
    struct settings settings;
    char *origins[SETTING_COUNT]; /* "gateway.conf:3" or "environment" for each row of the table;
                                     NULL = the built-in default */
    char *database_path;          /* settings.database_path resolved against the file's folder */
    char *socket_path;            /* the same for the admin socket */
    struct provider *providers;
    unsigned provider_count;
    bool allows_headers;  /* some provider has a header_allow */
    struct model *models; /* sorted by name */
    unsigned model_count;
    const struct model *default_models[ENDPOINT_COUNT]; /* for requests that name none; or NULL */
    int64_t loaded_ms;                                  /* wall clock */
};

/* Reads the file and what it includes, applies the environment, resolves secrets and checks
 * everything.  Messages ("file:line:column: error: text", one a line, and the closing count when
 * there is an error) are added to *messages, warnings too.  NULL when there is any error.
 * Gives the first reference. */
MUST_USE struct snapshot *snapshot_load(const char *file, struct buf *messages);
struct snapshot *snapshot_retain(struct snapshot *snapshot);
/* Any thread.  Frees at the last reference; NULL-safe; nulls the pointer. */
void snapshot_drop(struct snapshot **snapshot);

const struct model *snapshot_model(const struct snapshot *snapshot, struct str name);
const struct provider *snapshot_provider(const struct snapshot *snapshot, struct str name);
/* Whether some provider lets a client's header of this name through. */
bool snapshot_allows_header(const struct snapshot *snapshot, struct str name);
bool snapshot_uses_tls(const struct snapshot *snapshot);
bool snapshot_uses_sandbox(const struct snapshot *snapshot);
/* Appends "[server] listen (gateway.conf:3)" for each changed setting that needs a restart, with
 * ", " between them; nothing when there is none. */
MUST_USE bool snapshot_restart_list(const struct snapshot *now, const struct snapshot *next,
                                    struct buf *out);
/* Finds gateway.conf: -c FILE, else --dir, else $GATEWAY_CONFIG, ./gateway-data/gateway.conf,
 * /etc/gateway/gateway.conf.  A heap copy, or NULL when there is none. */
MUST_USE char *snapshot_find_file(const char *file, const char *dir);
/* The whole of gateway.conf.example, from the tables. */
MUST_USE bool snapshot_write_example(struct buf *out);
/* The merged configuration as text, each setting with where it came from, secrets as *** (-T).  It
 * is a configuration file itself, but for the secrets. */
MUST_USE bool snapshot_show(const struct snapshot *snapshot, struct buf *out);

#endif
