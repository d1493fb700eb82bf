#include "server/sandbox/models.h"

#include "server/sandbox/call.h"
#include "server/sandbox/daemon.h"

/* Every name is served; these are the ones that quickstart's configuration offers. */
static const char *const names[] = {
    "sandbox",      "sandbox-429", "sandbox-slow",           "sandbox-cut",      "sandbox-hang",
    "sandbox-fail", "gpt-4o-mini", "text-embedding-3-small", "gpt-image-1",      "tts-1",
    "whisper-1",    "rerank-1",    "omni-moderation-latest", "video-ds-2.0-fast"};

static json_t *describe(const struct sandbox_call *call, struct str name)
{
    return json_pack("{s:s%, s:s, s:I, s:s}", "id", name.p, name.n, "object", "model", "created",
                     (json_int_t)(call->sandbox->started_us / 1000000), "owned_by", "sandbox");
}

void sandbox_models_list(struct sandbox_call *call)
{
    json_t *data = json_array();
    for (unsigned i = 0; i < COUNT(names); i++)
        json_array_append_new(data, describe(call, str_of(names[i])));
    sandbox_reply_json(call, json_pack("{s:s, s:o}", "object", "list", "data", data));
}

void sandbox_models_get(struct sandbox_call *call)
{
    struct str name = str_from(call->path, STR("/v1/models/").n);
    sandbox_reply_json(call, describe(call, name));
}
