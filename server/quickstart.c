#include "server/quickstart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "server/cli/reach.h"
#include "server/quickstart_text.h"
#include "server/serve.h"

#define DEFAULT_DIR "./gateway-data"
#define DEFAULT_LISTEN "127.0.0.1:8080"
#define USER_NAME "quickstart"
#define USER_CREDIT_USD "10"
#define TEXT_BYTES_MAX (64 * 1024)

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "gateway: %s %s: %s\n", what, path, strerror(errno));
    return ADMIN_FAILED;
}

/* --- the folder and its configuration --- */

/* ADDR:PORT, of characters that mean nothing to the configuration or to a shell. */
static bool is_address(const char *listen)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  ".:[]-";
    return strchr(listen, ':') && strncmp(listen, "unix:", 5) != 0 && strlen(listen) < 256 &&
           listen[strspn(listen, allowed)] == '\0';
}

static bool write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = str_from(text, (size_t)n);
    }
    return true;
}

static bool sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* The whole file appears at `path` or none: it is written under another name, then linked, which
 * fails when something is there already. */
static bool create_file(const char *dir, const char *path, struct str text)
{
    struct buf temporary;
    buf_init(&temporary, 8192);
    bool ok = buf_addf(&temporary, "%s/gateway.conf.XXXXXX", dir) && buf_add_char(&temporary, '\0');
    int fd = ok ? mkostemp(temporary.p, O_CLOEXEC) : -1;
    ok = fd >= 0 && write_all(fd, text) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    ok = ok && link(temporary.p, path) == 0;
    int saved = errno;
    if (fd >= 0)
        unlink(temporary.p);
    errno = saved;
    buf_release(&temporary);
    return ok && sync_dir(dir);
}

/* Makes what is missing; *is_new says that there was no configuration. */
static int prepare_dir(const char *dir, const char *path, const char *listen, bool *is_new)
{
    *is_new = access(path, F_OK) != 0;
    if (!*is_new)
        return ADMIN_OK;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail("cannot make the folder", dir);
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    int code = ADMIN_OK;
    if (!quickstart_config(&text, listen) || !create_file(dir, path, buf_str(&text)))
        code = fail("cannot write", path);
    buf_release(&text);
    return code;
}

/* --- the user and the key --- */

static void run(struct store **store, const char *operation, json_t *arguments,
                struct answer *answer)
{
    answer_init(answer);
    if (!arguments)
        answer_fail(answer, ADMIN_FAILED, "out of memory");
    else if (!*store)
        answer_fail(answer, ADMIN_FAILED, "the database is closed");
    else
        (void)reach_in_process(store, NULL, operation, arguments, answer);
    json_decref(arguments);
}

/* Tells a failure and releases the answer. */
static int end_answer(struct answer *answer)
{
    int code = (int)answer->exit;
    struct str message = buf_str(&answer->message);
    if (code != ADMIN_OK)
        fprintf(stderr, "gateway: %.*s\n", STR_ARG(message));
    answer_release(answer);
    return code;
}

static int ensure_user(struct store **store)
{
    struct answer answer;
    run(store, "user add", json_pack("{s:s, s:s}", "name", USER_NAME, "credit", USER_CREDIT_USD),
        &answer);
    if (answer.exit == ADMIN_CONFLICT) { /* there from an earlier run */
        answer_release(&answer);
        return ADMIN_OK;
    }
    return end_answer(&answer);
}

/* A key is made when the user has none; its secret goes into `key`, else that is "". */
static int ensure_key(struct store **store, char key[QUICKSTART_KEY_SIZE])
{
    struct answer answer;
    key[0] = '\0';
    run(store, "key list", json_pack("{s:s}", "user", USER_NAME), &answer);
    bool has_key = answer.exit == ADMIN_OK && json_array_size(answer.result) > 0;
    int code = end_answer(&answer);
    if (code != ADMIN_OK || has_key)
        return code;
    run(store, "key create", json_pack("{s:s, s:s}", "user", USER_NAME, "name", USER_NAME),
        &answer);
    const char *secret = json_string_value(json_object_get(answer.result, "secret"));
    if (secret && strlen(secret) < QUICKSTART_KEY_SIZE)
        memcpy(key, secret, strlen(secret) + 1);
    return end_answer(&answer);
}

static int open_store(const struct snapshot *snapshot, struct store **store)
{
    struct store_options options = {.path = snapshot->database_path,
                                    .process_durability = snapshot->settings.database_durability ==
                                                          DURABILITY_PROCESS};
    struct buf why;
    bool in_use = false;
    buf_init(&why, 4096);
    int code = ADMIN_OK;
    if (!reach_open_store(&options, store, &why, &in_use)) {
        struct str text = buf_str(&why);
        fprintf(stderr, "gateway: %.*s%s\n", STR_ARG(text),
                in_use ? " (does quickstart run already?)" : "");
        code = in_use ? ADMIN_UNREACHABLE : ADMIN_FAILED;
    }
    buf_release(&why);
    return code;
}

/* --- serving --- */

static void on_ready(void *context, const char *url)
{
    struct quickstart_block *block = context;
    struct buf text;
    block->url = url;
    buf_init(&text, TEXT_BYTES_MAX);
    if (quickstart_block_write(&text, block)) {
        fwrite(text.p, 1, text.n, stdout);
        fflush(stdout);
    }
    secret_wipe(text.p, text.n);
    buf_release(&text);
    block->shown = true;
}

static int serve(const struct quickstart_options *options, struct quickstart_block *block,
                 struct snapshot *snapshot, struct store *store)
{
    struct serve_options serving = {.snapshot = snapshot, .store = store};
    serving.listen = options->listen;
    serving.any_port_if_busy = options->listen == NULL;
    serving.on_ready = on_ready;
    serving.context = block;
    /* The block's own reference: serve_run drops the one that it takes. */
    block->snapshot = snapshot_retain(snapshot);
    int code = serve_run(&serving);
    if (!block->shown && block->key[0] != '\0')
        printf("The server did not start, but a key was made. It is shown once:\n%s\n", block->key);
    snapshot_drop(&block->snapshot);
    return code;
}

/* Loads the file and tells every message; NULL = exit code 78. */
static struct snapshot *load(const char *path)
{
    struct buf messages;
    buf_init(&messages, 1024 * 1024);
    struct snapshot *snapshot = snapshot_load(path, &messages);
    fwrite(messages.n > 0 ? messages.p : "", 1, messages.n, stderr);
    buf_release(&messages);
    return snapshot;
}

static int run_in(const struct quickstart_options *options, struct quickstart_block *block,
                  const char *path)
{
    struct snapshot *snapshot = NULL;
    struct store *store = NULL;
    int code = prepare_dir(block->dir, path, options->listen ? options->listen : DEFAULT_LISTEN,
                           &block->is_new);
    if (code != ADMIN_OK)
        return code;
    snapshot = load(path);
    code = snapshot ? open_store(snapshot, &store) : ADMIN_BAD_CONFIG;
    if (code == ADMIN_OK)
        code = ensure_user(&store);
    if (code == ADMIN_OK)
        code = ensure_key(&store, block->key);
    if (code == ADMIN_OK)
        return serve(options, block, snapshot, store);
    store_close(&store);
    snapshot_drop(&snapshot);
    return code;
}

int quickstart_run(const struct quickstart_options *options)
{
    if (options->listen && !is_address(options->listen)) {
        fprintf(stderr, "gateway: --listen wants ADDR:PORT, not \"%s\"\n", options->listen);
        return ADMIN_USAGE;
    }
    struct quickstart_block block = {.program = options->program};
    block.dir = options->dir ? options->dir : DEFAULT_DIR;
    block.default_dir = options->dir == NULL;
    /* Everything made from here on, the database too, is this user's alone. */
    umask(0077);
    struct buf path;
    buf_init(&path, 8192);
    int code = ADMIN_FAILED;
    if (buf_addf(&path, "%s/gateway.conf", block.dir) && buf_add_char(&path, '\0'))
        code = run_in(options, &block, path.p);
    else
        fprintf(stderr, "gateway: the path of the folder is too long\n");
    secret_wipe(block.key, sizeof block.key);
    buf_release(&path);
    return code;
}
