#include "server/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "relay/engine.h"
#include "relay/task_desk.h"
#include "server/link_key.h"
#include "server/server.h"

#define EXIT_FAILED 1
#define EXIT_IN_USE 6
#define EXIT_CONFIG 78
#define CUT_MS 5000   /* for error events to reach their clients after the shutdown limit */
#define STOP_MS 10000 /* for the last commits; then the process ends without them */

/* --- boot ----------------------------------------------------------------------------------------
 */

static int complain(const char *format, const char *detail)
{
    fprintf(stderr, "gateway: ");
    fprintf(stderr, "%s%s\n", format, detail);
    return EXIT_FAILED;
}

static long raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > 1048576 ? 1048576 : (long)limit.rlim_cur;
}

/* Signals are read by the main thread alone; blocked before any other thread exists. */
static int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool start_libraries(void)
{
    json_object_seed(0);
    return secret_open() && engine_open_library();
}

static int open_store(struct server *server, struct store *given)
{
    struct buf why;
    bool in_use = false;
    server->store = given;
    if (given != NULL)
        return 0;
    const struct settings *settings = &server->snapshot->settings;
    struct store_options options = {.path = server->snapshot->database_path,
                                    .process_durability =
                                        settings->database_durability == DURABILITY_PROCESS,
                                    .usage_age_ms = settings->database_usage_forget_after_ms};
    buf_init(&why, 4096);
    bool ok = store_open(&options, &server->store, &why, &in_use);
    if (!ok)
        complain("", buf_add(&why, "", 1) ? why.p : "the database cannot be opened");
    buf_release(&why);
    return ok ? 0 : in_use ? EXIT_IN_USE : EXIT_FAILED;
}

static bool start_sandbox(struct server *server)
{
    uint16_t port = 0;
    char url[64];
    if (!snapshot_uses_sandbox(server->snapshot))
        return true;
    if (!sandbox_start(&server->sandbox, &port))
        return false;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1", port);
    server->sandbox_url = str_dup(str_of(url));
    log_write(LOG_WARNING, "server", "a provider is the built-in sandbox: its answers are made up");
    return server->sandbox_url != NULL;
}

static bool find_spool_dir(struct server *server)
{
    struct str path = str_of(server->snapshot->database_path);
    while (path.n > 0 && path.p[path.n - 1] != '/')
        path.n--;
    server->spool_dir = str_dup(path.n > 0 ? path : STR("."));
    return server->spool_dir != NULL;
}

static bool find_link_key(struct server *server)
{
    struct buf why;
    if (!server->snapshot->settings.video_link)
        return true;
    buf_init(&why, 8192);
    bool ok = link_key_load(server->spool_dir, server->link.key, &why);
    if (!ok)
        complain("", buf_add(&why, "", 1) ? why.p : LINK_KEY_FILE " cannot be read");
    buf_release(&why);
    return ok;
}

static bool open_keeper(struct server *server)
{
    const struct settings *settings = &server->snapshot->settings;
    const struct keeper_options options = {.state_dir = server->spool_dir,
                                           .bytes_max = settings->video_keep_size,
                                           .age_max_ms = settings->video_keep_age_ms};
    struct buf why;
    if (!settings->video_keep)
        return true;
    buf_init(&why, 8192);
    server->keeper = keeper_new(&options, &why);
    if (server->keeper == NULL)
        complain("", buf_add(&why, "", 1) ? why.p : "videos cannot be kept");
    buf_release(&why);
    return server->keeper != NULL;
}

/* Bound once without SO_REUSEPORT, so that a second server is a start error and not a silent half
 * of the connections; the workers' own sockets follow. */
static int claim_address(struct server *server, const struct serve_options *options)
{
    const char *text =
        options->listen != NULL ? options->listen : server->snapshot->settings.server_listen;
    struct buf why;
    bool busy = false;
    buf_init(&why, 1024);
    int fd = -1;
    if (listen_parse(str_of(text), &server->address, &why))
        fd = listen_open(&server->address, false, &why, &busy);
    if (fd < 0 && busy && options->any_port_if_busy) {
        buf_clear(&why);
        if (listen_parse(STR("127.0.0.1:0"), &server->address, &why))
            fd = listen_open(&server->address, false, &why, &busy);
    }
    if (fd < 0) {
        fprintf(stderr, "gateway: %s: %.*s\n", text, STR_ARG(buf_str(&why)));
    } else {
        listen_learn_port(fd, &server->address);
        if (!listen_url(&server->address, &server->url) || !buf_add(&server->url, "", 1))
            buf_clear(&server->url);
    }
    buf_release(&why);
    return fd;
}

static int open_admin_socket(const struct server *server)
{
    struct listen_address address;
    struct buf text, why;
    bool busy = false;
    buf_init(&text, 4096);
    buf_init(&why, 1024);
    int fd = -1;
    mode_t old = umask(0117); /* 0660: the socket's group may administer */
    if (buf_addf(&text, "unix:%s", server->snapshot->socket_path) &&
        listen_parse(buf_str(&text), &address, &why))
        fd = listen_open(&address, false, &why, &busy);
    umask(old);
    if (fd < 0)
        fprintf(stderr, "gateway: %s: %.*s\n", server->snapshot->socket_path,
                STR_ARG(buf_str(&why)));
    buf_release(&text);
    buf_release(&why);
    return fd;
}

static unsigned worker_count(const struct snapshot *snapshot)
{
    long count = (long)snapshot->settings.server_workers;
    if (count == 0)
        count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

static bool make_workers(struct server *server, long fd_limit)
{
    struct worker_options options = {
        .workers = worker_count(server->snapshot),
        .snapshot = server->snapshot,
        .store = server->store,
        .health = server->health,
        .sandbox_url = server->sandbox_url,
        .spool_dir = server->spool_dir,
        .keeper = server->keeper,
        .link = server->snapshot->settings.video_link ? &server->link : NULL,
        .sweeper = &server->sweeper,
        .newest_id = store_newest_id(server->store),
        .fd_limit = fd_limit,
    };
    long needed = worker_fds_needed(options.workers);
    if (fd_limit < needed) {
        fprintf(
            stderr,
            "gateway: %ld descriptors are too few for %u workers; raise the limit (ulimit -n) to "
            "%ld, or set [server] workers\n",
            fd_limit, options.workers, needed);
        return false;
    }
    options.desks = server->desks = task_desks_new(options.workers);
    if (server->desks == NULL)
        return false;
    for (unsigned i = 0; i < options.workers; i++) {
        options.index = i;
        options.admin = i == 0 ? &server->admin : NULL;
        if (worker_new(&server->workers[i], &options) != FAULT_NONE)
            return false;
        server->worker_count = i + 1;
    }
    return true;
}

/* The sockets of all workers exist before the first accepts. */
static bool open_doors(struct server *server, int claimed)
{
    struct buf why;
    bool busy = false, ok = true;
    buf_init(&why, 1024);
    int admin_fd = open_admin_socket(server);
    if (admin_fd < 0)
        return false;
    if (!server->address.is_unix)
        close(claimed);
    for (unsigned i = 0; ok && i < server->worker_count; i++) {
        int fd = server->address.is_unix ? dup(claimed)
                                         : listen_open(&server->address, true, &why, &busy);
        ok = fd >= 0 && worker_listen(server->workers[i], fd, i == 0 ? admin_fd : -1) == FAULT_NONE;
    }
    if (server->address.is_unix)
        close(claimed);
    for (unsigned i = 0; ok && i < server->worker_count; i++)
        ok = worker_start(server->workers[i]);
    buf_release(&why);
    return ok;
}

static void announce(const struct server *server, const struct serve_options *options)
{
    const char *url = server->url.n > 0 ? server->url.p : "";
    if (options->on_ready != NULL) {
        options->on_ready(options->context, url);
    } else {
        printf("ready %s\n", url);
        fflush(stdout);
    }
    log_write(LOG_INFO, "server", "gateway %s listens on %s with %u workers", GATEWAY_VERSION, url,
              server->worker_count);
    notify_manager("READY=1");
}

/* --- shutdown ------------------------------------------------------------------------------------
 */

void server_order_all(struct server *server, struct worker_mail mails[WORKERS_MAX],
                      enum worker_order order, struct snapshot *snapshot,
                      void (*done)(struct worker_mail *mail))
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        mails[i] = (struct worker_mail){.reply = &server->mailbox,
                                        .order = order,
                                        .snapshot = snapshot,
                                        .done = done,
                                        .context = server};
        worker_order(server->workers[i], &mails[i]);
    }
}

static void order_is_back(struct worker_mail *mail)
{
    struct server *server = mail->context;
    server->orders_out--;
}

static void drain_is_back(struct worker_mail *mail)
{
    struct server *server = mail->context;
    server->drains_out--;
}

static void enter_step(struct server *server, enum shutdown_step step, int64_t limit_ms)
{
    server->step = step;
    server->step_deadline_ms = clock_ms() + limit_ms;
}

static void begin_drain(struct server *server)
{
    int64_t limit = server->snapshot->settings.server_shutdown_timeout_ms;
    log_write(LOG_INFO, "server", "shutting down: requests in flight have %lld ms",
              (long long)limit);
    notify_manager("STOPPING=1");
    enter_step(server, SHUTDOWN_DRAINING, limit);
    server->drains_out = server->worker_count;
    server_order_all(server, server->drain_mails, ORDER_DRAIN, NULL, drain_is_back);
}

static void on_terminate(struct server *server)
{
    if (server->step == SHUTDOWN_NO)
        begin_drain(server);
    else
        server->step_deadline_ms = clock_ms(); /* asked twice: now */
}

/* Each step ends when its work is done or its limit has passed; true when the workers have ended.
 */
static bool shutdown_goes_on(struct server *server)
{
    bool late = server->step != SHUTDOWN_NO && clock_ms() >= server->step_deadline_ms;
    if (server->orders_out > 0 && !(server->step == SHUTDOWN_STOPPING && late))
        return false; /* one order at a time */
    switch (server->step) {
    case SHUTDOWN_NO:
        return false;
    case SHUTDOWN_DRAINING:
        if (server->drains_out > 0 && !late)
            return false;
        enter_step(server, SHUTDOWN_CUTTING, CUT_MS);
        if (server->drains_out > 0) {
            server->orders_out = server->worker_count;
            server_order_all(server, server->order_mails, ORDER_CUT, NULL, order_is_back);
        }
        return false;
    case SHUTDOWN_CUTTING:
        if (server->drains_out > 0 && !late)
            return false;
        enter_step(server, SHUTDOWN_STOPPING, STOP_MS);
        server->orders_out = server->worker_count;
        server_order_all(server, server->order_mails, ORDER_STOP, NULL, order_is_back);
        return false;
    case SHUTDOWN_STOPPING:
        return true;
    }
    return false;
}

static void read_signals(struct server *server)
{
    struct signalfd_siginfo info;
    while (read(server->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            server_reload(server);
        else
            on_terminate(server);
    }
}

/* The main thread: signals, reload, log writing, the end of spooled bodies. */
static void run(struct server *server)
{
    struct pollfd fds[4] = {{.fd = server->signal_fd, .events = POLLIN},
                            {.fd = server->mailbox.fd, .events = POLLIN},
                            {.fd = server->sweeper.fd, .events = POLLIN},
                            {.fd = log_fd(), .events = POLLIN}};
    do {
        int wait = 1000;
        if (server->step != SHUTDOWN_NO) {
            int64_t left = server->step_deadline_ms - clock_ms();
            wait = left < 0 ? 0 : left < 100 ? (int)left + 1 : 100;
        }
        poll(fds, COUNT(fds), wait);
        clock_tick();
        read_signals(server);
        mailbox_deliver(&server->mailbox);
        log_flush();
        mailbox_deliver(&server->sweeper);
    } while (!shutdown_goes_on(server));
}

static void tear_down(struct server *server)
{
    bool stuck = false;
    for (unsigned i = 0; i < server->worker_count; i++)
        stuck |= !worker_join(&server->workers[i]);
    if (stuck) {
        log_write(LOG_ERROR, "server",
                  "requests were still in use at the end; charges may be lost");
        log_flush();
        store_close(&server->store);
        _exit(EXIT_FAILED);
    }
    keeper_free(&server->keeper);
    sandbox_stop(&server->sandbox);
    store_close(&server->store);
    health_free(&server->health);
    task_desks_free(&server->desks);
    mailbox_release(&server->mailbox);
    if (server->sweeper.fd >= 0)
        mailbox_deliver(&server->sweeper);
    mailbox_release(&server->sweeper);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    snapshot_drop(&server->snapshot);
    snapshot_drop(&server->begun);
    free(server->sandbox_url);
    free(server->spool_dir);
    secret_wipe(&server->link, sizeof server->link);
    buf_release(&server->url);
    log_flush();
}

static void unlink_sockets(const struct server *server)
{
    unlink(server->begun->socket_path);
    if (server->address.is_unix)
        unlink(buf_str(&server->url).p + strlen("unix:"));
}

static int boot(struct server *server, const struct serve_options *options)
{
    server->signal_fd = take_signals();
    log_open(STDERR_FILENO, (enum log_level)server->snapshot->settings.server_log_level);
    long fd_limit = raise_fd_limit();
    if (server->signal_fd < 0 || !start_libraries() || !mailbox_init(&server->mailbox) ||
        !mailbox_init(&server->sweeper))
        return complain("cannot start: ", strerror(errno));
    int code = open_store(server, options->store);
    if (code != 0)
        return code;
    server->health = health_new();
    if (server->health == NULL || !start_sandbox(server) || !find_spool_dir(server))
        return complain("cannot start: ", "no memory, or no port for the sandbox");
    if (!find_link_key(server) || !open_keeper(server))
        return EXIT_FAILED;
    server->admin = (struct admin_host){.store = server->store,
                                        .health = server->health,
                                        .context = server,
                                        .snapshot = server_snapshot,
                                        .engine = server_engine,
                                        .relay = server_relay,
                                        .status = server_status,
                                        .reload = server_ask_reload};
    int claimed = claim_address(server, options);
    if (claimed < 0)
        return EXIT_FAILED;
    if (!make_workers(server, fd_limit) || !open_doors(server, claimed))
        return complain("cannot start: ", "workers or sockets");
    announce(server, options);
    return 0;
}

int serve_run(const struct serve_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return complain("cannot start: ", "no memory");
    server->snapshot = options->snapshot;
    server->begun = snapshot_retain(options->snapshot);
    server->signal_fd = server->mailbox.fd = server->sweeper.fd = -1;
    buf_init(&server->url, 512);
    clock_tick();
    server->started_ms = clock_ms();
    int code = boot(server, options);
    if (code == 0) {
        run(server);
        unlink_sockets(server);
    }
    tear_down(server);
    free(server);
    return code;
}
