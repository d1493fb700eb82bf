/* Network addresses as an operator writes them: listeners, networks and base URLs, checked without
 * any look-up. */
#ifndef CONFIG_ADDRESS_TEXT_H
#define CONFIG_ADDRESS_TEXT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* What sun_path holds, without its NUL. */
#define SOCKET_PATH_MAX 107

/* "IP:PORT", "[IPV6]:PORT" or "unix:/path"; false with the reason in *why. */
MUST_USE bool listen_check(struct str text, struct buf *why);
/* Comma-separated "IP", "IP/BITS" or "unix"; may be empty. */
MUST_USE bool networks_check(struct str text, struct buf *why);

/* http(s)://host[:port], nothing behind it; may be empty. */
MUST_USE bool origin_check(struct str text, struct buf *why);

struct base_url {
    bool is_sandbox; /* builtin:sandbox; the rest is empty */
    bool is_tls;
    struct str host;  /* without brackets and port; in `text` */
    struct str whole; /* the text without slashes at its end */
};

/* http(s)://host[:port][/path] without userinfo, query or fragment, or builtin:sandbox.  Keeps
 * pointers into `text`. */
MUST_USE bool base_url_parse(struct str text, struct base_url *url, struct buf *why);

enum host_reach {
    HOST_PUBLIC,  /* an address literal of the public network */
    HOST_PRIVATE, /* a literal that is private, loopback or link-local, or a name that is local by
                     its form: one label, .localhost, .local, .internal, .lan, .home.arpa */
    HOST_UNKNOWN  /* a name: known only once it is looked up */
};
enum host_reach host_reach(struct str host);

#endif
