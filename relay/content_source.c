#include "relay/content_source.h"

#include <string.h>

#include "base/buf.h"
#include "relay/target.h"
#include "store/task.h"

#define CONTENT_PATH "/videos/{id}/content"
#define HEADERS_MAX ((size_t)64 << 10)
#define TARGET_MAX ((size_t)8 << 10)

static bool add_ranges(const struct content_source *source, struct buf *lines)
{
    return headers_add_line(lines, "Range", source->range) &&
           (source->range == NULL || headers_add_line(lines, "If-Range", source->if_range));
}

/* NULL when out of memory. */
static const char *own_path(const struct content_source *source, struct buf *target)
{
    const char *path = target_of(source->provider, CONTENT_PATH, source->task->upstream_model,
                                 source->task->upstream_id, target);
    if (path == NULL || source->variant[0] == '\0')
        return path;
    char mark = strchr(path, '?') != NULL ? '&' : '?';
    target->n--; /* the NUL */
    bool ok = buf_addf(target, "%cvariant=%s", mark, source->variant) && buf_add_char(target, '\0');
    return ok ? target->p : NULL;
}

enum fault content_source_fetch(struct fetch **out, struct engine *engine,
                                const struct content_source *source, const struct sink *sink)
{
    const struct upstream_head head = {
        .client = source->client, .provider = source->provider, .user_id = source->task->user_id};
    struct buf key_lines, lines, target;
    buf_init(&key_lines, HEADERS_MAX);
    buf_init(&lines, HEADERS_MAX);
    buf_init(&target, TARGET_MAX);
    bool ok = headers_upstream(&head, &key_lines) && add_ranges(source, &key_lines) &&
              buf_add_str(&lines, STR("Accept: */*\n")) && add_ranges(source, &lines);
    const char *path = ok && source->url == NULL ? own_path(source, &target) : NULL;
    const struct fetch_order order = {
        .provider = source->provider,
        .path = path,
        .url = source->url,
        .key_headers = buf_str(&key_lines),
        .headers = buf_str(&lines),
        .head_ms = source->provider->first_byte_timeout_ms,
    };
    enum fault fault = FAULT_GATEWAY_MEMORY;
    if (ok && (path != NULL || source->url != NULL))
        fault = fetch_start(out, engine, &order, sink);
    buf_release(&key_lines);
    buf_release(&lines);
    buf_release(&target);
    return fault;
}
