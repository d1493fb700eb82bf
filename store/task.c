#include "store/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define PREFIX "task_"

/* --- states ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    bool verdict;
    unsigned to;
} states[] = {
#define X(name, verdict, to) {#name, verdict, to},
    TASK_STATES(X)
#undef X
};

const char *task_state_name(enum task_state state)
{
    CHECK(state < TASK_STATE_COUNT);
    return states[state].name;
}

bool task_state_find(struct str name, enum task_state *state)
{
    for (unsigned i = 0; i < TASK_STATE_COUNT; i++) {
        if (str_eq(name, str_of(states[i].name))) {
            *state = (enum task_state)i;
            return true;
        }
    }
    return false;
}

bool task_may_turn(enum task_state from, enum task_state to)
{
    CHECK(from < TASK_STATE_COUNT && to < TASK_STATE_COUNT);
    return (states[from].to >> to & 1) != 0;
}

bool task_has_verdict(enum task_state state)
{
    CHECK(state < TASK_STATE_COUNT);
    return states[state].verdict;
}

/* --- flags ------------------------------------------------------------------------------------ */

static const char *const flag_names[] = {
#define X(name) #name,
    TASK_FLAGS(X)
#undef X
};

void task_flags_format(unsigned flags, char text[TASK_FLAGS_TEXT_SIZE])
{
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < TASK_FLAG_COUNT; i++) {
        if (!(flags >> i & 1))
            continue;
        n += (size_t)snprintf(text + n, TASK_FLAGS_TEXT_SIZE - n, "%s%s", n > 0 ? " " : "",
                              flag_names[i]);
        CHECK(n < TASK_FLAGS_TEXT_SIZE);
    }
}

unsigned task_flags_parse(struct str text)
{
    unsigned flags = 0;
    struct str word;
    while (str_cut(&text, ' ', &word)) {
        for (unsigned i = 0; i < TASK_FLAG_COUNT; i++)
            flags |= str_eq(word, str_of(flag_names[i])) ? 1u << i : 0;
    }
    return flags;
}

/* --- names ------------------------------------------------------------------------------------ */

void task_make_public_id(char public_id[TASK_PUBLIC_SIZE])
{
    size_t n = strlen(PREFIX);
    memcpy(public_id, PREFIX, n);
    secret_make_text(public_id + n, TASK_PUBLIC_SIZE - 1 - n);
}

unsigned task_share(int64_t id)
{
    uint64_t mixed = (uint64_t)id * 0x9e3779b97f4a7c15u;
    return (unsigned)(mixed >> 40) % TASK_SHARES;
}

unsigned task_owner(int64_t id, unsigned workers)
{
    CHECK(workers > 0);
    return task_share(id) % workers;
}

/* --- the record ------------------------------------------------------------------------------- */

/* Where each text stands in the record. */
static const struct {
    size_t offset, max;
} texts[] = {
#define X(name, max) {offsetof(struct task, name), max},
    TASK_TEXTS(X)
#undef X
};

static const char **text_at(struct task *task, size_t i)
{
    return (const char **)(void *)((char *)task + texts[i].offset);
}

static const char *text_of(const struct task *task, size_t i)
{
    return *(const char *const *)(const void *)((const char *)task + texts[i].offset);
}

struct task *task_copy(const struct task *task)
{
    CHECK(task != NULL);
    size_t size = sizeof *task;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *text = text_of(task, i);
        if (!size_add(size, text != NULL ? strlen(text) + 1 : 0, &size))
            return NULL;
    }
    struct task *copy = malloc(size);
    if (copy == NULL)
        return NULL;
    *copy = *task;
    char *at = (char *)(copy + 1);
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *text = text_of(task, i);
        if (text == NULL)
            continue;
        size_t n = strlen(text) + 1;
        *text_at(copy, i) = memcpy(at, text, n);
        at += n;
    }
    return copy;
}

void task_free(struct task **task)
{
    free(*task);
    *task = NULL;
}

bool task_fits(const struct task *task)
{
    CHECK(task != NULL);
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *text = text_of(task, i);
        if (text != NULL && strlen(text) > texts[i].max)
            return false;
    }
    return true;
}

/* --- what its user is told -------------------------------------------------------------------- */

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

static void view_failed(struct task_view *view, const char *code, const char *message)
{
    view->status = "failed";
    view->error_code = code;
    view->error_message = message;
}

void task_view(const struct task *task, struct task_view *view)
{
    CHECK(task != NULL);
    *view = (struct task_view){.status = "queued"};
    switch (task->state) {
    case TASK_creating:
    case TASK_queued:
        return;
    case TASK_in_progress:
        view->status = "in_progress";
        view->progress = clamp(task->progress, 1, 99);
        return;
    case TASK_completed:
        view->status = "completed";
        view->progress = 100;
        return;
    case TASK_failed:
        view_failed(view, task->error_code != NULL ? task->error_code : "upstream_error",
                    task->error_message != NULL ? task->error_message
                                                : "The provider could not make this video.");
        break;
    case TASK_expired:
        view_failed(view, "timeout",
                    "The provider did not finish this video within 24 hours; "
                    "what it cost was given back.");
        break;
    case TASK_unknown:
        view_failed(
            view, "upstream_error",
            "The provider did not say whether it accepted this video; nothing was charged.");
        break;
    case TASK_STATE_COUNT:
        CHECK(!"a state of the table");
        break;
    }
    view->progress = clamp(task->progress, 0, 99);
}
