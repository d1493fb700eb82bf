#include "server/cli/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/snapshot.h"
#include "server/admin/admin.h"
#include "server/cli/client.h"
#include "server/quickstart.h"
#include "server/serve.h"
#include "store/store.h"

#define MESSAGE_BYTES_MAX (1024 * 1024)
#define SHOW_BYTES_MAX (16 * 1024 * 1024)

int run_version(const struct invocation *invocation)
{
    if (invocation_has(invocation, OPT_json))
        puts("{\"version\": \"" GATEWAY_VERSION "\"}");
    else
        puts("gateway " GATEWAY_VERSION);
    return ADMIN_OK;
}

/* Loads what the flags name, with every message on stderr.  NULL: the exit code is 78. */
static struct snapshot *load(const struct invocation *invocation)
{
    char *file = snapshot_find_file(invocation->values[OPT_config], invocation->values[OPT_dir]);
    if (!file) {
        fprintf(stderr,
                "gateway: no configuration found: give -c FILE or --dir DIR, or begin with "
                "`%s quickstart`\n",
                invocation->program);
        return NULL;
    }
    struct buf messages;
    buf_init(&messages, MESSAGE_BYTES_MAX);
    struct snapshot *snapshot = snapshot_load(file, &messages);
    fwrite(messages.n > 0 ? messages.p : "", 1, messages.n, stderr);
    if (!snapshot && messages.n == 0)
        fprintf(stderr, "gateway: %s cannot be loaded\n", file);
    buf_release(&messages);
    free(file);
    return snapshot;
}

int run_serve(const struct invocation *invocation)
{
    struct snapshot *snapshot = load(invocation);
    if (!snapshot)
        return ADMIN_BAD_CONFIG;
    struct serve_options options = {.snapshot = snapshot};
    options.listen = invocation->values[OPT_listen];
    return serve_run(&options);
}

int run_quickstart(const struct invocation *invocation)
{
    struct quickstart_options options = {invocation->program, invocation->values[OPT_dir],
                                         invocation->values[OPT_listen]};
    return quickstart_run(&options);
}

/* --- -t and -T --- */

/* A database that is not there yet is made by the first start, not by a test. */
static bool check_database(const struct snapshot *snapshot)
{
    if (access(snapshot->database_path, F_OK) != 0)
        return true;
    if (client_probe(snapshot->socket_path, NULL) == CLIENT_LISTENING) {
        fprintf(stderr, "gateway: database in use, schema not checked\n");
        return true;
    }
    struct store_options options = {.path = snapshot->database_path,
                                    .is_alone = true,
                                    .process_durability = snapshot->settings.database_durability ==
                                                          DURABILITY_PROCESS};
    struct store *store = NULL;
    struct buf why;
    bool in_use = false;
    buf_init(&why, 4096);
    bool ok = store_open(&options, &store, &why, &in_use);
    store_close(&store);
    if (!ok && in_use)
        fprintf(stderr, "gateway: database in use, schema not checked\n");
    else if (!ok)
        fprintf(stderr, "gateway: %.*s\n", (int)why.n, why.n > 0 ? why.p : "");
    buf_release(&why);
    return ok || in_use;
}

static bool print_snapshot(const struct snapshot *snapshot)
{
    struct buf text;
    buf_init(&text, SHOW_BYTES_MAX);
    bool ok =
        snapshot_show(snapshot, &text) && text.n > 0 && fwrite(text.p, 1, text.n, stdout) == text.n;
    buf_release(&text);
    return ok;
}

int run_test(const struct invocation *invocation, bool show)
{
    struct snapshot *snapshot = load(invocation);
    if (!snapshot)
        return ADMIN_BAD_CONFIG;
    int code = ADMIN_BAD_CONFIG;
    if (check_database(snapshot)) {
        fprintf(stderr, "gateway: configuration %s is ok\n", snapshot->file);
        code = !show || print_snapshot(snapshot) ? ADMIN_OK : ADMIN_FAILED;
    }
    snapshot_drop(&snapshot);
    return code;
}
