#include "relay/content_answer.h"

#include <string.h>

#include "base/log.h"
#include "relay/request.h"

void content_refuse(struct request *request, enum fault fault)
{
    failure_set(&request->failure, fault, "%s", "");
    request_refuse(request);
}

bool content_is_head(const struct request *request)
{
    return strcmp(request->module->method, "HEAD") == 0;
}

/* --- the answer's head ---------------------------------------------------------------------------
 */

/* "mp4" of "video/mp4; codecs=..."; what says nothing is one, too. */
static struct str extension_of(struct str type)
{
    struct str subtype = str_from(type, str_index(type, '/') + 1);
    subtype = str_trim(str_slice(subtype, 0, str_index(subtype, ';')));
    bool is_plain = subtype.n > 0 && subtype.n <= 8;
    for (size_t i = 0; i < subtype.n; i++)
        is_plain = is_plain && ((subtype.p[i] >= 'a' && subtype.p[i] <= 'z') ||
                                (subtype.p[i] >= '0' && subtype.p[i] <= '9'));
    return is_plain ? subtype : STR("mp4");
}

/* What a browser would take for a page or run is no film. */
bool content_is_media(struct str type)
{
    static const struct str kinds[] = {
        STR_INIT("video/"), STR_INIT("audio/"), STR_INIT("application/octet-stream"),
        STR_INIT("binary/octet-stream"), STR_INIT("application/mp4")};
    if (type.n == 0)
        return true;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_starts_nocase(type, kinds[i]))
            return true;
    return str_starts_nocase(type, STR("image/")) && !str_contains_nocase(type, STR("svg"));
}

bool content_add_name(struct request *request, struct str type)
{
    size_t n = type.n < sizeof request->content_type ? type.n : 0;
    if (n == 0)
        type = STR("video/mp4");
    memcpy(request->content_type, type.p, type.n);
    request->content_type[type.n] = '\0';
    return buf_addf(&request->answer_headers,
                    "Content-Disposition: inline; filename=\"%s.%.*s\"\n"
                    "Cache-Control: private\nX-Content-Type-Options: nosniff\n",
                    request->subject_text, STR_ARG(extension_of(type)));
}

/* What the client has is still this: the same version, told in full. */
static bool is_same(const char *if_range, const struct content_version *version)
{
    return version != NULL && (str_eq(str_of(if_range), str_of(version->etag)) ||
                               str_eq(str_of(if_range), str_of(version->modified)));
}

static bool add_version(struct buf *headers, const struct content_version *version)
{
    return version == NULL ||
           buf_addf(headers, "ETag: %s\nLast-Modified: %s\n", version->etag, version->modified);
}

bool content_add_range(struct request *request, struct str type, uint64_t size,
                       const struct content_version *version, struct byte_range *range)
{
    const struct client_headers *client = &request->client;
    bool counts = client->if_range == NULL || is_same(client->if_range, version);
    struct buf *headers = &request->answer_headers;
    *range = byte_range_of(counts ? str_of(client->range) : STR_EMPTY, size);
    bool ok = content_add_name(request, type) &&
              buf_add_str(headers, STR("Accept-Ranges: bytes\n")) && add_version(headers, version);
    if (ok && range->kind == BYTE_RANGE_PART)
        ok = buf_addf(headers, "Content-Range: bytes %llu-%llu/%llu\n",
                      (unsigned long long)range->from, (unsigned long long)range->to - 1,
                      (unsigned long long)size);
    else if (ok && range->kind == BYTE_RANGE_NONE)
        ok = buf_addf(headers, "Content-Range: bytes */%llu\n", (unsigned long long)size);
    return ok;
}

int content_status_of(const struct byte_range *range)
{
    static const int statuses[] = {
        [BYTE_RANGE_WHOLE] = 200, [BYTE_RANGE_PART] = 206, [BYTE_RANGE_NONE] = 416};
    return statuses[range->kind];
}

/* --- ends ----------------------------------------------------------------------------------------
 */

/* Its row is written; nothing is charged, so nothing waits for it. */
void content_finish(struct request *request, const char *end)
{
    request->end = end;
    request_end_attempt(request);
    request_settle(request, false, false);
    request_enter(request, REQUEST_FINISHING, end);
    request_wake_exchange(request);
}

/* All of the answer is in the stream. */
void content_answer_whole(struct request *request, int status, int64_t bytes)
{
    request->answer = ANSWER_STREAM;
    request->answer_status = status;
    request->answer_bytes = bytes;
    stream_release_all(&request->stream);
    stream_end(&request->stream);
    content_finish(request, "finished");
}

void content_break_off(struct request *request, enum fault fault, const char *end)
{
    failure_set(&request->failure, fault, "%s", "");
    log_write(LOG_INFO, "relay", "request %s fault %s status %d", request->id_text,
              fault_name(fault), request->answer_status);
    stream_abort(&request->stream);
    content_finish(request, end);
}
