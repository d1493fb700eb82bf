/* Prompts that a provider's policy refused a moment ago: whoever sends one again at once, as
 * clients do that retry whatever fails, is told without asking, and paying, a provider again.
 * Memory only, shared by all workers; the oldest give way. */
#ifndef RELAY_BLOCKED_H
#define RELAY_BLOCKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/secret.h"

#define BLOCKED_PROMPTS_MAX 1024

struct blocked_prompt {
    int64_t user_id;
    uint64_t bytes; /* of the body */
    uint8_t hash[SECRET_HASH_SIZE];
};

struct blocked;

/* NULL when out of memory. */
MUST_USE struct blocked *blocked_new(void);
void blocked_free(struct blocked **blocked);
void blocked_add(struct blocked *blocked, const struct blocked_prompt *prompt, int64_t until_ms);
/* Whether it is worth making the hash: one of this user and length is known. */
bool blocked_may_have(struct blocked *blocked, int64_t user_id, uint64_t bytes, int64_t now_ms);
bool blocked_has(struct blocked *blocked, const struct blocked_prompt *prompt, int64_t now_ms);

#endif
