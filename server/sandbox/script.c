#include "server/sandbox/script.h"

#include <stdlib.h>
#include <string.h>

#define SCRIPT_BYTES_MAX ((size_t)64 << 20)

void script_init(struct script *script)
{
    memset(script, 0, sizeof *script);
    buf_init(&script->bytes, SCRIPT_BYTES_MAX);
}

void script_release(struct script *script)
{
    if (script->bytes.max > 0)
        buf_release(&script->bytes);
    free(script->pieces);
    memset(script, 0, sizeof *script);
}

static bool has_room(struct script *script)
{
    if (script->n < script->capacity)
        return true;
    size_t capacity = script->capacity == 0 ? 32 : script->capacity * 2;
    size_t bytes;
    if (!size_mul(capacity, sizeof *script->pieces, &bytes))
        return false;
    struct script_piece *pieces = realloc(script->pieces, bytes);
    if (pieces == NULL)
        return false;
    script->pieces = pieces;
    script->capacity = capacity;
    return true;
}

void script_add(struct script *script, int64_t wait_us, struct str text)
{
    if (script->failed || text.n == 0)
        return;
    if (!has_room(script) || !buf_add_str(&script->bytes, text)) {
        script->failed = true;
        return;
    }
    script->pieces[script->n++] = (struct script_piece){script->bytes.n, wait_us};
}

void script_add_event(struct script *script, int64_t wait_us, json_t *json)
{
    const char *type = json_string_value(json_object_get(json, "type"));
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    struct buf event;
    buf_init(&event, SCRIPT_BYTES_MAX);
    if (text != NULL && (type == NULL || buf_addf(&event, "event: %s\n", type)) &&
        buf_addf(&event, "data: %s\n\n", text))
        script_add(script, wait_us, buf_str(&event));
    else
        script->failed = true;
    buf_release(&event);
    free(text);
    json_decref(json);
}
