#include "server/cli/reach.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/message.h"
#include "config/parse.h"
#include "server/admin/operation.h"
#include "store/admin.h"

#define MESSAGE_BYTES_MAX (1024 * 1024)
#define PATH_BYTES_MAX 8192
#define WAIT_MS 10000
#define WAIT_DB_MS 3600000 /* what goes through all of a large database */
#define LOCK_WAIT_MS 2000
#define LOCK_POLL_MS 50

/* --- where the server is --- */

/* The last value of a setting in the file, unless the environment has one, else its default. */
static struct str find_value(const struct parse *parse, struct str kind, struct str key,
                             struct str default_)
{
    struct str found = default_;
    for (unsigned i = 0; i < parse->section_count; i++) {
        const struct section *section = &parse->sections[i];
        for (unsigned j = 0; j < section->entry_count; j++)
            if (str_eq(section->kind, kind) && str_eq(section->entries[j].key, key))
                found = section->entries[j].value;
    }
    return found;
}

/* `value`, from the folder of the file; NULL when out of memory. */
static char *resolve(const char *file, const char *override, struct str value)
{
    struct buf path;
    buf_init(&path, PATH_BYTES_MAX);
    if (override)
        value = str_of(override);
    const char *slash = strrchr(file, '/');
    bool ok = true;
    if (!str_starts(value, STR("/")) && slash)
        ok = buf_add(&path, file, (size_t)(slash - file) + 1);
    ok = ok && buf_add_str(&path, value);
    size_t n;
    char *result = ok ? buf_take(&path, &n) : NULL;
    buf_release(&path);
    return result;
}

/* What can be known of a file that cannot be loaded.  Its database is spoken of only when the file
 * is at least well formed: a path that was half read would make a new one. */
static void guess_paths(struct target *target)
{
    struct messages messages;
    struct parse parse;
    messages_init(&messages);
    parse_files(&parse, target->file, &messages);
    target->socket_path =
        resolve(target->file, getenv("GATEWAY_ADMIN_SOCKET"),
                find_value(&parse, STR("admin"), STR("socket"), STR("admin.sock")));
    if (messages.errors == 0)
        target->database_path =
            resolve(target->file, getenv("GATEWAY_DATABASE_PATH"),
                    find_value(&parse, STR("database"), STR("path"), STR("gateway.db")));
    parse_release(&parse);
    messages_release(&messages);
}

bool target_find(struct target *target, const struct invocation *invocation, struct answer *answer)
{
    memset(target, 0, sizeof *target);
    buf_init(&target->messages, MESSAGE_BYTES_MAX);
    const char *socket_path = invocation->values[OPT_socket];
    if (socket_path) {
        target->socket_path = str_dup(str_of(socket_path));
        if (!target->socket_path)
            answer_fail(answer, ADMIN_FAILED, "out of memory");
        return target->socket_path != NULL;
    }
    target->file = snapshot_find_file(invocation->values[OPT_config], invocation->values[OPT_dir]);
    if (!target->file) {
        answer_fail(answer, ADMIN_BAD_CONFIG,
                    "no configuration found: give -c FILE or --dir DIR, or begin with `%s "
                    "quickstart`",
                    invocation->program);
        return false;
    }
    target->snapshot = snapshot_load(target->file, &target->messages);
    if (target->snapshot) {
        target->socket_path = str_dup(str_of(target->snapshot->socket_path));
        target->database_path = str_dup(str_of(target->snapshot->database_path));
    } else {
        guess_paths(target);
    }
    return true;
}

void target_release(struct target *target)
{
    free(target->file);
    target->file = NULL;
    snapshot_drop(&target->snapshot);
    free(target->socket_path);
    target->socket_path = NULL;
    free(target->database_path);
    target->database_path = NULL;
    buf_release(&target->messages);
}

/* --- in this process --- */

/* What a server offers to operations, as far as this process has it. */
struct here {
    struct snapshot *snapshot;
    struct loop *loop;
    struct engine *engine; /* NULL: the operation needs none */
    int64_t wait_ms;
    bool done; /* the call is back */
};

static struct snapshot *here_snapshot(void *context)
{
    const struct here *here = context;
    return snapshot_retain(here->snapshot);
}

static struct engine *here_engine(void *context)
{
    const struct here *here = context;
    return here->engine;
}

static bool here_open(struct here *here, const char *operation)
{
    const struct admin_operation *row = admin_operation_find(str_of(operation));
    if (loop_new(&here->loop) != FAULT_NONE)
        return false;
    if (row == NULL || row->need != ADMIN_NEEDS_ENGINE)
        return true;
    return engine_open_library() && engine_new(&here->engine, here->loop, NULL, 1) == FAULT_NONE;
}

static void here_close(struct here *here)
{
    engine_free(&here->engine);
    loop_free(&here->loop);
}

static void on_done(struct admin_call *call)
{
    struct here *here = call->context;
    here->done = true;
}

/* Turns of the loop, as a worker's, until the call is done. */
static void pump(const struct here *here)
{
    int64_t deadline_ms = clock_ms() + here->wait_ms;
    while (!here->done && clock_ms() < deadline_ms) {
        loop_wait(here->loop, (int)(deadline_ms - clock_ms()));
        loop_run_events(here->loop);
        loop_run_timers(here->loop);
        if (here->engine != NULL)
            engine_collect(here->engine);
        loop_run_ready(here->loop);
        loop_reap(here->loop);
    }
}

/* The outcome moves from the call to the answer. */
static void take_outcome(struct admin_call *call, struct answer *answer)
{
    struct str message = buf_str(&call->message);
    if (call->exit == ADMIN_OK) {
        answer->exit = ADMIN_OK;
        answer->result = call->result;
        call->result = NULL;
    } else {
        answer_fail(answer, call->exit, "%.*s", STR_ARG(message));
    }
}

/* False: it took too long, and the store has been closed to get the call back. */
static bool run_here(struct here *here, struct store **store, struct admin_call *call)
{
    struct admin_host host = {.store = *store, .context = here};
    host.snapshot = here->snapshot ? here_snapshot : NULL;
    host.engine = here->engine ? here_engine : NULL;
    call->done = on_done;
    call->context = here;
    call->reply = loop_mailbox(here->loop);
    clock_tick();
    admin_begin(&host, call);
    pump(here);
    if (here->done)
        return true;
    store_close(store); /* ends its thread */
    mailbox_deliver(call->reply);
    return false;
}

bool reach_in_process(struct store **store, struct snapshot *snapshot, const char *operation,
                      json_t *arguments, struct answer *answer)
{
    bool is_long = str_starts(str_of(operation), STR("db "));
    struct here here = {.snapshot = snapshot, .wait_ms = is_long ? WAIT_DB_MS : WAIT_MS};
    bool in_time = true;
    if (!here_open(&here, operation)) {
        answer_fail(answer, ADMIN_FAILED, "no memory, or no file descriptor is free");
        here_close(&here);
        return true;
    }
    struct admin_call call;
    memset(&call, 0, sizeof call);
    call.operation = str_of(operation);
    call.arguments = arguments;
    in_time = run_here(&here, store, &call);
    if (here.done)
        take_outcome(&call, answer);
    else
        answer_fail(answer, ADMIN_FAILED,
                    "the database took longer than %lld s; look before you try again",
                    (long long)(here.wait_ms / 1000));
    admin_release(&call);
    here_close(&here);
    return in_time;
}

bool reach_open_store(const struct store_options *options, struct store **store, struct buf *why,
                      bool *in_use)
{
    clock_tick();
    int64_t deadline_ms = clock_ms() + LOCK_WAIT_MS;
    while (!store_open(options, store, why, in_use)) {
        clock_tick();
        if (!*in_use || clock_ms() >= deadline_ms)
            return false;
        buf_clear(why);
        (void)poll(NULL, 0, LOCK_POLL_MS);
    }
    return true;
}

/* Who only looks makes no database: it would be an empty one that looks well. */
static bool is_there(const struct target *target, const char *operation, struct answer *answer)
{
    bool changes = true;
    if (store_admin_knows(str_of(operation), &changes) && changes)
        return true;
    if (access(target->database_path, F_OK) == 0)
        return true;
    answer_fail(answer, ADMIN_FAILED, "there is no database %s", target->database_path);
    return false;
}

static bool open_database(const struct target *target, struct store **store, struct answer *answer)
{
    struct store_options options = {.path = target->database_path, .is_alone = true};
    if (target->snapshot)
        options.process_durability =
            target->snapshot->settings.database_durability == DURABILITY_PROCESS;
    struct buf why;
    bool in_use = false;
    buf_init(&why, 4096);
    bool ok = reach_open_store(&options, store, &why, &in_use);
    struct str text = buf_str(&why);
    if (!ok && in_use)
        answer_fail(answer, ADMIN_UNREACHABLE, "%.*s, which does not listen at %s", STR_ARG(text),
                    target->socket_path);
    else if (!ok)
        answer_fail(answer, ADMIN_FAILED, "%.*s", STR_ARG(text));
    buf_release(&why);
    return ok;
}

/* When the configuration has an error: users and keys do not depend on it, the rest does.  But no
 * database is made on the word of a file that is wrong somewhere. */
static bool check_loaded(const struct target *target, bool in_store, struct answer *answer)
{
    if (target->snapshot)
        return true;
    if (in_store && target->database_path && access(target->database_path, F_OK) == 0) {
        fprintf(stderr, "gateway: %s has errors (see gateway -t); using the database it names\n",
                target->file);
        return true;
    }
    struct str messages = buf_str(&target->messages);
    answer_fail(answer, ADMIN_BAD_CONFIG, "%.*s", STR_ARG(messages));
    return false;
}

static void ask_here(struct reach *reach, const char *operation, json_t *arguments,
                     struct answer *answer)
{
    const struct target *target = &reach->target;
    const struct admin_operation *row = admin_operation_find(str_of(operation));
    CHECK(row != NULL);
    bool in_store = row->run == NULL;
    if (!check_loaded(target, in_store, answer))
        return;
    if (in_store && reach->store == NULL &&
        !(is_there(target, operation, answer) && open_database(target, &reach->store, answer)))
        return;
    (void)reach_in_process(&reach->store, target->snapshot, operation, arguments, answer);
    /* Of several configurations this may not be the one that was meant. */
    if (in_store && answer->exit == ADMIN_OK && !reach->has_said_so)
        fprintf(stderr, "gateway: no server is running; this is the database %s\n",
                target->database_path);
    reach->has_said_so = true;
}

/* --- the one way or the other --- */

void reach_ask(struct reach *reach, const char *operation, json_t *arguments, struct answer *answer)
{
    const struct target *target = &reach->target;
    enum client_peer peer = CLIENT_NOBODY;
    /* Once it has the database itself, no server can begin. */
    if (target->socket_path != NULL && reach->store == NULL)
        peer = client_probe(target->socket_path, NULL);
    switch (peer) {
    case CLIENT_LISTENING:
        client_call(target->socket_path, operation, arguments, answer);
        return;
    case CLIENT_NOT_PERMITTED:
        answer_fail(answer, ADMIN_NOT_PERMITTED, "not permitted to use the admin socket %s",
                    target->socket_path);
        return;
    case CLIENT_BAD_PATH:
        answer_fail(answer, ADMIN_USAGE,
                    "the path of the admin socket is longer than 107 bytes: %s",
                    target->socket_path);
        return;
    case CLIENT_NOBODY:
        break;
    }
    if (target->file)
        ask_here(reach, operation, arguments, answer);
    else
        answer_fail(answer, ADMIN_UNREACHABLE, "no server listens at %s", target->socket_path);
}

bool reach_open(struct reach *reach, const struct invocation *invocation, struct answer *answer)
{
    *reach = (struct reach){.store = NULL};
    return target_find(&reach->target, invocation, answer);
}

void reach_close(struct reach *reach)
{
    store_close(&reach->store);
    target_release(&reach->target);
}

void reach_call(const struct invocation *invocation, const char *operation, json_t *arguments,
                struct answer *answer)
{
    struct reach reach;
    if (reach_open(&reach, invocation, answer))
        reach_ask(&reach, operation, arguments, answer);
    reach_close(&reach);
}
