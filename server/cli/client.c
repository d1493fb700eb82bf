#include "server/cli/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <curl/curl.h>

#define MESSAGE_BYTES_MAX (1024 * 1024)
#define REPLY_BYTES_MAX (256 * 1024 * 1024)
/* A backup of a large database copies all of it. */
#define CALL_TIMEOUT_S 3600L

void answer_init(struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->exit = ADMIN_FAILED;
    buf_init(&answer->message, MESSAGE_BYTES_MAX);
}

void answer_release(struct answer *answer)
{
    json_decref(answer->result);
    answer->result = NULL;
    buf_release(&answer->message);
}

void answer_fail(struct answer *answer, enum admin_exit exit, const char *format, ...)
{
    va_list args;
    answer->exit = exit;
    buf_clear(&answer->message);
    va_start(args, format);
    bool ok = buf_addv(&answer->message, format, args);
    va_end(args);
    (void)ok;
}

enum client_peer client_probe(const char *socket_path, pid_t *pid)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    size_t n = strlen(socket_path);
    if (n >= sizeof address.sun_path)
        return CLIENT_BAD_PATH;
    memcpy(address.sun_path, socket_path, n);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return CLIENT_NOBODY;
    enum client_peer peer = CLIENT_LISTENING;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        peer = errno == EACCES || errno == EPERM ? CLIENT_NOT_PERMITTED : CLIENT_NOBODY;
    struct ucred who;
    socklen_t size = sizeof who;
    if (pid)
        *pid = peer == CLIENT_LISTENING && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0
                   ? who.pid
                   : 0;
    close(fd);
    return peer;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *reply)
{
    return buf_add(reply, bytes, size * n) ? size * n : 0;
}

/* {"error":{"exit":3,"message":"..."}}; anything else was not said by a gateway. */
static void read_error(const json_t *reply, long status, struct answer *answer)
{
    const json_t *error = json_object_get(reply, "error");
    const json_t *code = json_object_get(error, "exit");
    const char *message = json_string_value(json_object_get(error, "message"));
    json_int_t exit = json_is_integer(code) ? json_integer_value(code) : ADMIN_FAILED;
    if (!message)
        answer_fail(answer, ADMIN_FAILED, "the server answered with status %ld and no reason",
                    status);
    else
        answer_fail(answer, exit > 0 && exit < 126 ? (enum admin_exit)exit : ADMIN_FAILED, "%s",
                    message);
}

static void read_reply(const struct buf *body, long status, struct answer *answer)
{
    struct str text = buf_str(body);
    json_t *reply = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    if (status == 200 && reply) {
        answer->exit = ADMIN_OK;
        answer->result = reply;
        return;
    }
    if (status == 200)
        answer_fail(answer, ADMIN_FAILED, "the server's answer is not JSON");
    else
        read_error(reply, status, answer);
    json_decref(reply);
}

/* "http://gateway/admin/key/create": the host is only there because HTTP wants one. */
static bool add_url(struct buf *url, const char *operation)
{
    bool ok = buf_add_str(url, STR("http://gateway/admin/"));
    for (const char *p = operation; ok && *p; p++)
        ok = buf_add_char(url, *p == ' ' ? '/' : *p);
    return ok && buf_add_char(url, '\0');
}

static bool prepare(CURL *curl, const char *socket_path, const char *url, const char *body)
{
    return curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 5L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT, CALL_TIMEOUT_S) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
}

static void perform(CURL *curl, const char *socket_path, struct buf *reply, struct answer *answer)
{
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK)
        read_reply(reply, status, answer);
    else
        answer_fail(answer, ADMIN_UNREACHABLE, "no answer from the server at %s: %s", socket_path,
                    curl_easy_strerror(code));
}

void client_call(const char *socket_path, const char *operation, const json_t *arguments,
                 struct answer *answer)
{
    struct buf url, reply;
    buf_init(&url, 256);
    buf_init(&reply, REPLY_BYTES_MAX);
    CURL *curl = curl_easy_init();
    char *body = json_dumps(arguments, JSON_COMPACT);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    answer_fail(answer, ADMIN_FAILED, "out of memory");
    if (curl && body && headers && add_url(&url, operation) &&
        prepare(curl, socket_path, url.p, body) &&
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply) == CURLE_OK)
        perform(curl, socket_path, &reply, answer);
    curl_slist_free_all(headers);
    free(body);
    curl_easy_cleanup(curl);
    buf_release(&reply);
    buf_release(&url);
}
