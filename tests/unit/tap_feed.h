/* Feeds an answer to stream and tap as the relay does. */
#ifndef TESTS_UNIT_TAP_FEED_H
#define TESTS_UNIT_TAP_FEED_H

#include <stdlib.h>
#include <string.h>

#include "relay/tap.h"

/* A stream, its tap, and what its client has got. */
struct answer {
    struct stream stream;
    struct tap tap;
    struct buf client;
};

static void answer_open(struct answer *answer, enum tap_kind kind, bool injected_usage)
{
    memset(answer, 0, sizeof *answer);
    stream_init(&answer->stream, (size_t)4 << 20);
    buf_init(&answer->client, (size_t)4 << 20);
    tap_init(&answer->tap, kind, &chat_module, &answer->stream);
    answer->tap.injected_usage = injected_usage;
}

static void answer_pull(struct answer *answer)
{
    struct str ready = stream_peek(&answer->stream);
    if (!buf_add_str(&answer->client, ready))
        abort();
    stream_skip(&answer->stream, ready.n);
}

/* Each piece comes from a block of its own, so that a sanitizer sees any look beyond it. */
static void answer_feed(struct answer *answer, const char *p, size_t n)
{
    char *block = malloc(n > 0 ? n : 1);
    if (block == NULL || !stream_push(&answer->stream, p, n))
        abort();
    memcpy(block, p, n);
    tap_feed(&answer->tap, block, n);
    free(block);
    answer_pull(answer);
}

static void answer_close(struct answer *answer)
{
    tap_release(&answer->tap);
    stream_release_memory(&answer->stream);
    buf_release(&answer->client);
}

#endif
