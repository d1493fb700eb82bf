#include "config/address_text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config/value.h"

/* inet_pton wants a NUL; longer texts are no address. */
static bool parse_ip(int family, struct str text, void *address)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(family, copy, address) == 1;
}

static bool is_ip4(struct str text)
{
    struct in_addr address;
    return parse_ip(AF_INET, text, &address);
}

static bool is_ip6(struct str text)
{
    struct in6_addr address;
    return parse_ip(AF_INET6, text, &address);
}

/* Splits "[v6]:port" or "host:port"; *port is empty when there is none. */
static bool split_port(struct str text, struct str *host, struct str *port)
{
    struct str rest;
    if (text.n > 0 && text.p[0] == '[') {
        size_t end = str_index(text, ']');
        if (end == text.n || !is_ip6(str_slice(text, 1, end)))
            return false;
        *host = str_slice(text, 1, end);
        rest = str_from(text, end + 1);
    } else {
        size_t end = str_index(text, ':');
        *host = str_slice(text, 0, end);
        rest = str_from(text, end);
    }
    *port = str_from(rest, 1);
    return rest.n == 0 || (rest.p[0] == ':' && port->n > 0);
}

bool listen_check(struct str text, struct buf *why)
{
    struct str unix_prefix = STR("unix:");
    if (str_starts(text, unix_prefix)) {
        struct str path = str_from(text, unix_prefix.n);
        if (path.n < 2 || path.p[0] != '/')
            return explain(why, "\"%.*s\" is not an absolute path (want unix:/path)",
                           SHORT_ARG(text));
        if (path.n > SOCKET_PATH_MAX)
            return explain(why, "the path is %zu bytes long; a unix socket takes %d", path.n,
                           SOCKET_PATH_MAX);
        return true;
    }
    struct str host;
    struct str port;
    uint64_t number = 0;
    bool ok = split_port(text, &host, &port) && str_u64(port, 65535, &number) &&
              (text.p[0] == '[' || is_ip4(host));
    if (!ok)
        return explain(why,
                       "\"%.*s\" is not an address to listen on (want IP:PORT, [IPV6]:PORT or "
                       "unix:/path)",
                       SHORT_ARG(text));
    return true;
}

/* Host bits behind the prefix may be set: what a proxy matches is the prefix. */
static bool is_network(struct str text)
{
    struct str address = str_slice(text, 0, str_index(text, '/'));
    bool has_bits = address.n < text.n;
    bool six = is_ip6(address);
    uint64_t bits = 0;
    if (!six && !is_ip4(address))
        return false;
    return !has_bits || str_u64(str_from(text, address.n + 1), six ? 128 : 32, &bits);
}

bool networks_check(struct str text, struct buf *why)
{
    struct str rest = text;
    struct str piece;
    while (text.n > 0 && str_cut(&rest, ',', &piece)) {
        piece = str_trim(piece);
        if (!str_eq(piece, STR("unix")) && !is_network(piece))
            return explain(why, "\"%.*s\" is not a network (want 10.0.0.0/8, fd00::/8 or unix)",
                           SHORT_ARG(piece));
    }
    return true;
}

/* Not the whole list of special addresses: what a connection may reach is decided on the resolved
 * address, when it is made.  This one is for telling the operator early. */
static bool ip4_is_private(uint32_t ip)
{
    static const struct {
        uint32_t net;
        unsigned bits;
    } blocks[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
        {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0a80000, 16},
    };
    for (size_t i = 0; i < COUNT(blocks); i++)
        if ((ip ^ blocks[i].net) >> (32 - blocks[i].bits) == 0)
            return true;
    return false;
}

static bool ip6_is_private(const struct in6_addr *address)
{
    const uint8_t *a = address->s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(address))
        return ip4_is_private((uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 |
                              a[15]);
    return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_UNSPECIFIED(address) ||
           IN6_IS_ADDR_LINKLOCAL(address) || (a[0] & 0xfe) == 0xfc;
}

/* Names that no public resolver answers: a container's, a machine's on the same network. */
static bool name_is_local(struct str host)
{
    static const char *const ends[] = {".localhost", ".local", ".internal", ".lan", ".home.arpa"};
    for (size_t i = 0; i < COUNT(ends); i++)
        if (str_ends(host, str_of(ends[i])))
            return true;
    return str_index(host, '.') == host.n;
}

enum host_reach host_reach(struct str host)
{
    struct in_addr four;
    struct in6_addr six;
    if (parse_ip(AF_INET, host, &four))
        return ip4_is_private(ntohl(four.s_addr)) ? HOST_PRIVATE : HOST_PUBLIC;
    if (parse_ip(AF_INET6, host, &six))
        return ip6_is_private(&six) ? HOST_PRIVATE : HOST_PUBLIC;
    return name_is_local(host) ? HOST_PRIVATE : HOST_UNKNOWN;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* Resolvers read "127.1", "2130706433" and "0x7f.1" as IPv4 addresses: a name must not end in a
 * label that begins with a digit, unless it is a dotted quad. */
static bool is_host_name(struct str host)
{
    size_t last = 0;
    for (size_t i = 0; i < host.n; i++) {
        if (!is_host_byte(host.p[i]) || (host.p[i] == '.' && i == last))
            return false;
        if (host.p[i] == '.')
            last = i + 1;
    }
    if (host.n == 0 || last == host.n)
        return false;
    return host.p[last] < '0' || host.p[last] > '9' || is_ip4(host);
}

static bool check_authority(struct str authority, struct base_url *url, struct buf *why)
{
    struct str port;
    uint64_t number = 1;
    if (str_index(authority, '@') < authority.n)
        return explain(why, "base_url holds a user or password; use key = env:NAME instead");
    if (authority.n == 0)
        return explain(why, "base_url names no host");
    if (!split_port(authority, &url->host, &port) ||
        (authority.p[0] != '[' && !is_host_name(url->host)))
        return explain(why, "\"%.*s\" is not a host", SHORT_ARG(authority));
    if (port.n > 0 && (!str_u64(port, 65535, &number) || number == 0))
        return explain(why, "\"%.*s\" is not a port (want 1..65535)", SHORT_ARG(port));
    return true;
}

/* A segment of dots would be resolved away by the HTTP library, and a whole endpoint pasted as
 * base_url would be doubled. */
static bool check_path(struct str path, struct buf *why)
{
    static const char *const endpoints[] = {"/chat/completions", "/completions", "/responses",
                                            "/embeddings"};
    struct str rest = path;
    struct str piece;
    while (str_cut(&rest, '/', &piece))
        if (str_eq(piece, STR(".")) || str_eq(piece, STR("..")))
            return explain(why, "base_url holds a \"%.*s\" segment", STR_ARG(piece));
    for (size_t i = 0; i < COUNT(endpoints); i++)
        if (str_ends(path, str_of(endpoints[i])))
            return explain(why, "base_url ends with \"%s\"; write it without", endpoints[i]);
    return true;
}

bool base_url_parse(struct str text, struct base_url *url, struct buf *why)
{
    *url = (struct base_url){.whole = text, .host = STR_EMPTY};
    url->is_sandbox = str_eq(text, STR("builtin:sandbox"));
    if (url->is_sandbox)
        return true;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c <= ' ' || c >= 0x7f || c == '\\')
            return explain(why, "base_url holds a byte that an URL cannot hold");
        if (c == '?' || c == '#')
            return explain(why, "base_url holds a %s", c == '?' ? "query (?)" : "fragment (#)");
    }
    url->is_tls = str_starts(text, STR("https://"));
    if (!url->is_tls && !str_starts(text, STR("http://")))
        return explain(why, "base_url is not a base URL (want https://host/v1)");
    while (str_ends(url->whole, STR("/")))
        url->whole.n--;
    struct str rest = str_from(url->whole, url->is_tls ? 8 : 7);
    struct str authority = str_slice(rest, 0, str_index(rest, '/'));
    return check_authority(authority, url, why) && check_path(str_from(rest, authority.n), why);
}

bool origin_check(struct str text, struct buf *why)
{
    struct base_url url = {.host = STR_EMPTY};
    bool is_tls = str_starts(text, STR("https://"));
    struct str authority = str_from(text, is_tls ? 8 : 7);
    if (text.n == 0)
        return true;
    if ((!is_tls && !str_starts(text, STR("http://"))) || authority.n == 0 ||
        str_index(authority, '@') < authority.n)
        return explain(why, "\"%.*s\" is no origin (want https://host)", SHORT_ARG(text));
    return check_authority(authority, &url, why);
}
