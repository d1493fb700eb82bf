#include "relay/origin.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"

/* A reload may have removed the providers of some.  Those that are in use may be more. */
#define KEPT_MAX 64

static void origin_free(struct origin *origin)
{
    CHECK(origin->users == 0);
    lookup_release(&origin->lookup);
    curl_url_cleanup(origin->url);
    free(origin->base_url);
    free(origin->host);
    free(origin->prefix);
    free(origin);
}

/* A part of the URL, for free(); NULL when it has none or memory is out. */
static char *part_of(const struct origin *origin, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(origin->url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = str_dup(str_of(text));
    curl_free(text);
    return copy;
}

static bool origin_fill(struct origin *origin, const char *base_url, enum origin_reach reach)
{
    origin->reach = reach;
    origin->base_url = str_dup(str_of(base_url));
    origin->url = curl_url();
    if (origin->base_url == NULL || origin->url == NULL ||
        curl_url_set(origin->url, CURLUPART_URL, base_url, 0) != CURLUE_OK)
        return false;
    char *scheme = part_of(origin, CURLUPART_SCHEME, 0);
    char *name = part_of(origin, CURLUPART_HOST, 0);
    char *port = part_of(origin, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
    origin->prefix = part_of(origin, CURLUPART_PATH, 0);
    struct buf host;
    buf_init(&host, 4096);
    size_t n;
    if (scheme != NULL && name != NULL && origin->prefix != NULL &&
        buf_addf(&host, "%s%s%s", name, port != NULL ? ":" : "", port != NULL ? port : "")) {
        origin->host = buf_take(&host, &n);
        origin->is_tls = strcmp(scheme, "https") == 0;
        if (strcmp(origin->prefix, "/") == 0)
            origin->prefix[0] = '\0';
    }
    buf_release(&host);
    free(scheme);
    free(name);
    free(port);
    return origin->host != NULL;
}

/* Makes room for one more: the one that nobody has asked for the longest goes. */
static void trim(struct origins *origins)
{
    struct origin **last = NULL;
    for (struct origin **at = &origins->first; *at != NULL; at = &(*at)->next) {
        if ((*at)->users == 0)
            last = at;
    }
    if (last == NULL || origins->count < KEPT_MAX)
        return;
    struct origin *origin = *last;
    *last = origin->next;
    origins->count--;
    origin_free(origin);
}

struct origin *origins_get(struct origins *origins, const char *base_url, enum origin_reach reach)
{
    struct origin **at = &origins->first;
    while (*at != NULL && ((*at)->reach != reach || strcmp((*at)->base_url, base_url) != 0))
        at = &(*at)->next;
    struct origin *origin = *at;
    if (origin != NULL) {
        *at = origin->next;
    } else {
        trim(origins);
        origin = calloc(1, sizeof *origin);
        if (origin == NULL)
            return NULL;
        if (!origin_fill(origin, base_url, reach)) {
            origin_free(origin);
            return NULL;
        }
        lookup_init(&origin->lookup, origins->loop);
        origins->count++;
    }
    origin->next = origins->first;
    origins->first = origin;
    origin->users++;
    return origin;
}

struct origin *origin_retain(struct origin *origin)
{
    origin->users++;
    return origin;
}

void origin_drop(struct origin **origin)
{
    if (*origin == NULL)
        return;
    CHECK((*origin)->users > 0);
    (*origin)->users--;
    *origin = NULL;
}

void origins_release(struct origins *origins)
{
    while (origins->first != NULL) {
        struct origin *origin = origins->first;
        origins->first = origin->next;
        origin_free(origin);
    }
    origins->count = 0;
}
