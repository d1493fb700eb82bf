#include "relay/url.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"

/* A part that the URL may lack: *text is for curl_free then, or NULL. */
static bool get_part(CURLU *handle, CURLUPart part, char **text)
{
    *text = NULL;
    CURLUcode code = curl_url_get(handle, part, text, CURLU_NO_DEFAULT_PORT);
    return code != CURLUE_OUT_OF_MEMORY;
}

static bool join(struct url *url, char *const parts[5])
{
    const char *scheme = parts[0], *host = parts[1], *port = parts[2], *path = parts[3],
               *query = parts[4];
    struct buf base, target;
    size_t n;
    buf_init(&base, URL_BYTES_MAX + 16);
    buf_init(&target, URL_BYTES_MAX * 3 + 16);
    if (buf_addf(&base, "%s://%s%s%s", scheme, host, port != NULL ? ":" : "",
                 port != NULL ? port : ""))
        url->base = buf_take(&base, &n);
    if (buf_addf(&target, "%s%s%s", path != NULL ? path : "/", query != NULL ? "?" : "",
                 query != NULL ? query : ""))
        url->target = buf_take(&target, &n);
    buf_release(&base);
    buf_release(&target);
    return url->base != NULL && url->target != NULL;
}

static enum url_result take_apart(struct url *url, CURLU *handle)
{
    static const CURLUPart wanted[] = {CURLUPART_SCHEME,  CURLUPART_HOST,  CURLUPART_PORT,
                                       CURLUPART_PATH,    CURLUPART_QUERY, CURLUPART_USER,
                                       CURLUPART_PASSWORD};
    char *parts[COUNT(wanted)];
    bool ok = true;
    for (size_t i = 0; i < COUNT(wanted); i++)
        ok = get_part(handle, wanted[i], &parts[i]) && ok;
    enum url_result result = ok ? URL_OK : URL_NO_MEMORY;
    if (ok && (parts[0] == NULL || parts[1] == NULL || parts[5] != NULL || parts[6] != NULL ||
               (strcmp(parts[0], "http") != 0 && strcmp(parts[0], "https") != 0)))
        result = URL_REFUSED;
    if (result == URL_OK && !join(url, parts))
        result = URL_NO_MEMORY;
    for (size_t i = 0; i < COUNT(wanted); i++)
        curl_free(parts[i]);
    return result;
}

/* What a relative URL is relative to. */
static bool begin_at(CURLU *handle, const struct url *from)
{
    struct buf text;
    buf_init(&text, URL_BYTES_MAX * 4 + 64);
    bool ok = buf_addf(&text, "%s%s", from->base, from->target) && buf_add_char(&text, '\0') &&
              curl_url_set(handle, CURLUPART_URL, text.p, 0) == CURLUE_OK;
    buf_release(&text);
    return ok;
}

static bool is_tls(const struct url *url)
{
    return str_starts(str_of(url->base), STR("https:"));
}

enum url_result url_read(struct url *url, const char *text, const struct url *from)
{
    *url = (struct url){NULL, NULL};
    if (strlen(text) > URL_BYTES_MAX)
        return URL_REFUSED;
    CURLU *handle = curl_url();
    enum url_result result = handle != NULL ? URL_OK : URL_NO_MEMORY;
    if (result == URL_OK && from != NULL && !begin_at(handle, from))
        result = URL_NO_MEMORY;
    if (result == URL_OK) {
        CURLUcode code = curl_url_set(handle, CURLUPART_URL, text, CURLU_URLENCODE);
        result = code == CURLUE_OK              ? take_apart(url, handle)
                 : code == CURLUE_OUT_OF_MEMORY ? URL_NO_MEMORY
                                                : URL_REFUSED;
    }
    curl_url_cleanup(handle);
    if (result == URL_OK && from != NULL && is_tls(from) && !is_tls(url))
        result = URL_REFUSED;
    if (result != URL_OK)
        url_release(url);
    return result;
}

void url_release(struct url *url)
{
    free(url->base);
    free(url->target);
    *url = (struct url){NULL, NULL};
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return str_eq_nocase(str_of(a->base), str_of(b->base));
}
