#include "relay/easy.h"

#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "base/log.h"
#include "relay/address.h"
#include "relay/conn.h"
#include "store/keyring.h"

/* An address as the network lists have it: IPv4 as ::ffff:a.b.c.d. */
static bool as_bytes(const struct sockaddr *address, uint8_t bytes[16])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        memset(bytes, 0, 10);
        bytes[10] = bytes[11] = 0xff;
        memcpy(bytes + 12, &in.sin_addr, 4);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    memcpy(&in6, address, sizeof in6);
    memcpy(bytes, &in6.sin6_addr, 16);
    return true;
}

static bool is_listed(const char *list, const struct sockaddr *address)
{
    uint8_t bytes[16];
    struct str rest = str_of(list), one;
    while (as_bytes(address, bytes) && rest.n > 0 && str_cut(&rest, ',', &one)) {
        struct network network;
        if (network_parse(str_trim(one), &network) && network_contains(&network, bytes))
            return true;
    }
    return false;
}

static bool may_reach(const struct conn *conn, const struct sockaddr *address)
{
    enum origin_reach reach = conn->origin->reach;
    bool listed = reach == REACH_LISTED;
    if (reach == REACH_ANY || address_is_public(address) ||
        (listed && is_listed(conn->provider->content_private, address)))
        return true;
    log_write(LOG_WARNING, "relay", "provider %s: %s", conn->provider->name,
              listed ? "a result lies at a private address; content_private permits networks"
                     : "its address is private; allow_private = on permits that");
    return false;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct conn *conn = context;
    lookup_note_address(conn);
    if (!may_reach(conn, &address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                  address->protocol);
}

static int on_close(void *context, curl_socket_t fd)
{
    dialer_close_socket(context, fd);
    return 0;
}

#define SET(option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

/* libcurl keeps the authorities that it has read for later connections only where no folder of them
 * is searched beside the file; else each connection reads all of them, which takes tens of
 * milliseconds, and the loop waits. */
static bool keep_authorities(CURL *easy)
{
    return curl_version_info(CURLVERSION_NOW)->cainfo == NULL ||
           SET(CURLOPT_CAPATH, (const char *)NULL);
}

static bool configure(CURL *easy, struct dialer *dialer)
{
    return keep_authorities(easy) && SET(CURLOPT_CONNECT_ONLY, 1L) && SET(CURLOPT_NOSIGNAL, 1L) &&
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

void *easy_new_to(struct dialer *dialer, const char *url)
{
    CURL *easy = easy_new(dialer);
    if (easy != NULL && !(SET(CURLOPT_URL, url) &&
                          SET(CURLOPT_OPENSOCKETFUNCTION, (curl_opensocket_callback)NULL) &&
                          SET(CURLOPT_CONNECTTIMEOUT_MS, 1000L))) {
        curl_easy_cleanup(easy);
        easy = NULL;
    }
    return easy;
}

bool easy_is_connected(void *easy)
{
    curl_off_t us = 0;
    return curl_easy_getinfo((CURL *)easy, CURLINFO_CONNECT_TIME_T, &us) == CURLE_OK && us > 0;
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
