#include "relay/easy.h"

#include <sys/socket.h>

#include <curl/curl.h>

#include "base/log.h"
#include "relay/address.h"
#include "relay/conn.h"

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    const struct conn *conn = context;
    if (!conn->origin->allow_private && !address_is_public(&address->addr)) {
        log_write(LOG_WARNING, "relay",
                  "provider %s: its address is private; allow_private = on permits that",
                  conn->provider->name);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

static int on_close(void *context, curl_socket_t fd)
{
    dialer_close_socket(context, fd);
    return 0;
}

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

static bool configure(CURL *easy, struct dialer *dialer)
{
    return SET(CURLOPT_CONNECT_ONLY, 1L) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_TCP_NODELAY, 1L) && SET(CURLOPT_PROXY, "") && SET(CURLOPT_NOPROXY, "*") &&
           SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           /* One hanging DNS answer would otherwise stall the loop until it comes. */
           SET(CURLOPT_QUICK_EXIT, 1L) && SET(CURLOPT_SHARE, (CURLSH *)dialer->share) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, on_open) && SET(CURLOPT_CLOSESOCKETFUNCTION, on_close) &&
           SET(CURLOPT_CLOSESOCKETDATA, dialer);
}

void *easy_new(struct dialer *dialer)
{
    CURL *easy = curl_easy_init();
    if (easy != NULL && !configure(easy, dialer)) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

bool easy_prepare(void *handle, struct conn *conn, long connect_timeout_ms)
{
    CURL *easy = handle;
    return SET(CURLOPT_CURLU, (CURLU *)conn->origin->url) && SET(CURLOPT_OPENSOCKETDATA, conn) &&
           SET(CURLOPT_PRIVATE, conn) && SET(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
}

enum dial_end easy_end_of(int code)
{
    switch (code) {
    case CURLE_OK:
        return DIAL_OPEN;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return DIAL_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return DIAL_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return DIAL_FAILED;
    default:
        return DIAL_UNREACHABLE;
    }
}
