#include "relay/blocked.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct blocked_prompt prompt;
    int64_t until_ms; /* 0 = never used */
};

struct blocked {
    atomic_llong last_until_ms; /* of all: behind it nobody needs to look */
    pthread_mutex_t mutex;
    unsigned next;
    struct entry entries[BLOCKED_PROMPTS_MAX]; /* a ring */
};

struct blocked *blocked_new(void)
{
    struct blocked *blocked = calloc(1, sizeof *blocked);
    if (blocked != NULL)
        pthread_mutex_init(&blocked->mutex, NULL);
    return blocked;
}

void blocked_free(struct blocked **blocked)
{
    if (*blocked == NULL)
        return;
    pthread_mutex_destroy(&(*blocked)->mutex);
    free(*blocked);
    *blocked = NULL;
}

void blocked_add(struct blocked *blocked, const struct blocked_prompt *prompt, int64_t until_ms)
{
    pthread_mutex_lock(&blocked->mutex);
    blocked->entries[blocked->next] = (struct entry){*prompt, until_ms};
    blocked->next = (blocked->next + 1) % BLOCKED_PROMPTS_MAX;
    if (until_ms > atomic_load(&blocked->last_until_ms))
        atomic_store(&blocked->last_until_ms, until_ms);
    pthread_mutex_unlock(&blocked->mutex);
}

/* `hash` NULL: any. */
static bool find(struct blocked *blocked, int64_t user_id, uint64_t bytes, const uint8_t *hash,
                 int64_t now_ms)
{
    bool found = false;
    if (atomic_load(&blocked->last_until_ms) <= now_ms)
        return false;
    pthread_mutex_lock(&blocked->mutex);
    for (unsigned i = 0; i < BLOCKED_PROMPTS_MAX && !found; i++) {
        const struct entry *entry = &blocked->entries[i];
        found = entry->until_ms > now_ms && entry->prompt.user_id == user_id &&
                entry->prompt.bytes == bytes &&
                (hash == NULL || memcmp(entry->prompt.hash, hash, SECRET_HASH_SIZE) == 0);
    }
    pthread_mutex_unlock(&blocked->mutex);
    return found;
}

bool blocked_may_have(struct blocked *blocked, int64_t user_id, uint64_t bytes, int64_t now_ms)
{
    return find(blocked, user_id, bytes, NULL, now_ms);
}

bool blocked_has(struct blocked *blocked, const struct blocked_prompt *prompt, int64_t now_ms)
{
    return find(blocked, prompt->user_id, prompt->bytes, prompt->hash, now_ms);
}
