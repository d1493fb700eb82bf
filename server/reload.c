/* A new configuration: loaded and checked whole, then handed to every worker; or nothing changes.
 */
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define MESSAGES_MAX ((size_t)1 << 20)

/* Somebody who waits for the outcome; mail to main, then mail back. */
struct reload_wait {
    struct mail mail;
    struct reload_wait *next;
    struct server *server;
    struct mailbox *reply;
    void (*done)(void *argument, bool ok, struct str messages);
    void *argument;
    bool ok;
    struct buf messages;
};

static void told(struct mail *mail)
{
    struct reload_wait *wait = CONTAINER_OF(mail, struct reload_wait, mail);
    wait->done(wait->argument, wait->ok, buf_str(&wait->messages));
    buf_release(&wait->messages);
    free(wait);
}

static void tell_all(struct server *server, bool ok, struct str messages)
{
    struct reload_wait *wait = server->waiting;
    server->waiting = NULL;
    while (wait != NULL) {
        struct reload_wait *next = wait->next;
        wait->ok = ok;
        if (!buf_add_str(&wait->messages, messages))
            buf_clear(&wait->messages);
        wait->mail.deliver = told;
        mailbox_post(wait->reply, &wait->mail);
        wait = next;
    }
}

static void log_lines(enum log_level level, struct str lines)
{
    struct str line;
    while (str_cut(&lines, '\n', &line)) {
        if (line.n > 0)
            log_write(level, "config", "%.*s", STR_ARG(line));
    }
}

/* The last worker has the new configuration: it is in force. */
static void swapped(struct worker_mail *mail)
{
    struct server *server = mail->context;
    if (--server->orders_out > 0)
        return;
    struct buf restart;
    buf_init(&restart, 65536);
    if (snapshot_restart_list(server->begun, server->next, &restart) && restart.n > 0)
        log_write(LOG_WARNING, "config", "needs restart: %.*s", STR_ARG(buf_str(&restart)));
    struct buf text;
    buf_init(&text, 65536);
    if (restart.n > 0 && !buf_addf(&text, "needs restart: %.*s\n", STR_ARG(buf_str(&restart))))
        buf_clear(&text);
    snapshot_drop(&server->snapshot);
    server->snapshot = server->next;
    server->next = NULL;
    log_set_level((enum log_level)server->snapshot->settings.server_log_level);
    log_write(LOG_INFO, "config", "%s is in force", server->snapshot->file);
    tell_all(server, true, buf_str(&text));
    buf_release(&restart);
    buf_release(&text);
    if (server->reload_again || server->next_waiting != NULL) {
        server->reload_again = false;
        server_reload(server);
    }
}

/* Who has just set the variable in a shell, where `gateway -t` is content, looks for this. */
static void add_hint(struct buf *messages)
{
    static const char about[] = "error: environment variable ";
    if (messages->n > 0 && memmem(messages->p, messages->n, about, sizeof about - 1) != NULL &&
        !buf_add_str(messages, STR("note: a server has the environment of its start: start it "
                                   "again, or give the key as file:PATH\n")))
        buf_clear(messages);
}

void server_reload(struct server *server)
{
    struct buf messages;
    if (server->orders_out > 0 || server->step != SHUTDOWN_NO) {
        server->reload_again = server->step == SHUTDOWN_NO;
        return;
    }
    notify_manager("RELOADING=1");
    server->waiting = server->next_waiting;
    server->next_waiting = NULL;
    buf_init(&messages, MESSAGES_MAX);
    struct snapshot *next = snapshot_load(server->snapshot->file, &messages);
    if (next != NULL && snapshot_uses_sandbox(next) && server->sandbox == NULL) {
        snapshot_drop(&next);
        if (!buf_add_str(&messages,
                         STR("error: builtin:sandbox is started only with the server\n")))
            buf_clear(&messages);
    }
    if (next == NULL) {
        add_hint(&messages);
        log_lines(LOG_ERROR, buf_str(&messages));
        log_write(LOG_ERROR, "config", "the configuration was not changed");
        tell_all(server, false, buf_str(&messages));
    } else {
        log_lines(LOG_WARNING, buf_str(&messages));
        server->next = next;
        server_order_all(server, server->order_mails, ORDER_SNAPSHOT, next, swapped);
        server->orders_out = server->worker_count;
    }
    buf_release(&messages);
    notify_manager("READY=1");
}

static void asked(struct mail *mail)
{
    struct reload_wait *wait = CONTAINER_OF(mail, struct reload_wait, mail);
    struct server *server = wait->server;
    wait->next = server->next_waiting;
    server->next_waiting = wait;
    if (server->step != SHUTDOWN_NO) {
        server->waiting = server->next_waiting;
        server->next_waiting = NULL;
        tell_all(server, false, STR("the server is shutting down\n"));
        return;
    }
    server_reload(server);
}

void server_ask_reload(void *context, struct mailbox *reply,
                       void (*done)(void *argument, bool ok, struct str messages), void *argument)
{
    struct server *server = context;
    struct reload_wait *wait = calloc(1, sizeof *wait);
    if (wait == NULL) {
        done(argument, false, STR("out of memory\n"));
        return;
    }
    wait->server = server;
    wait->reply = reply;
    wait->done = done;
    wait->argument = argument;
    wait->mail.deliver = asked;
    buf_init(&wait->messages, MESSAGES_MAX);
    mailbox_post(&server->mailbox, &wait->mail);
}
