#include "relay/engine.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/str.h"

#define POOLED_MIN 4L
#define POOLED_MAX 256L

bool engine_open_library(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

enum fault engine_new(struct engine **out, struct loop *loop, const char *sandbox_url, long pooled)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return FAULT_GATEWAY_MEMORY;
    long idle = pooled < POOLED_MIN ? POOLED_MIN : pooled > POOLED_MAX ? POOLED_MAX : pooled;
    engine->loop = loop;
    engine->origins.loop = loop;
    pool_init(&engine->pool, loop_timers(loop), (unsigned)idle);
    engine->read_room = malloc(ENGINE_READ_BYTES);
    if (!dialer_init(&engine->dialer, loop) || engine->read_room == NULL)
        goto fail;
    if (sandbox_url != NULL) {
        engine->sandbox_url = str_dup(str_of(sandbox_url));
        if (engine->sandbox_url == NULL)
            goto fail;
    }
    *out = engine;
    return FAULT_NONE;
fail:
    engine_free(&engine);
    return FAULT_GATEWAY_MEMORY;
}

void engine_free(struct engine **engine)
{
    struct engine *e = *engine;
    if (e == NULL)
        return;
    CHECK(e->attempts == 0);
    pool_release(&e->pool);
    loop_reap(e->loop); /* the connections' memory */
    dialer_release(&e->dialer);
    origins_release(&e->origins);
    free(e->read_room);
    free(e->sandbox_url);
    free(e);
    *engine = NULL;
}

void engine_collect(struct engine *engine)
{
    dialer_collect(&engine->dialer);
}
