#include "relay/task_desk.h"

#include <stdatomic.h>
#include <stdlib.h>

struct asked {
    struct mail mail;
    struct task *task;
};

struct desk {
    struct mailbox box;
    struct mail *taken; /* the owner's: out of the box, oldest first */
    atomic_int count;
};

struct task_desks {
    unsigned n;
    struct desk desks[];
};

struct task_desks *task_desks_new(unsigned workers)
{
    struct task_desks *desks = calloc(1, sizeof *desks + workers * sizeof *desks->desks);
    if (desks == NULL)
        return NULL;
    for (; desks->n < workers; desks->n++) {
        if (!mailbox_init(&desks->desks[desks->n].box)) {
            task_desks_free(&desks);
            return NULL;
        }
    }
    return desks;
}

void task_desks_free(struct task_desks **desks)
{
    if (*desks == NULL)
        return;
    for (unsigned i = 0; i < (*desks)->n; i++) {
        struct task *task;
        while ((task = task_desk_take(*desks, i)) != NULL)
            task_free(&task);
        mailbox_release(&(*desks)->desks[i].box);
    }
    free(*desks);
    *desks = NULL;
}

unsigned task_desks_count(const struct task_desks *desks)
{
    return desks->n;
}

void task_desk_ask(struct task_desks *desks, const struct task *task)
{
    struct desk *desk = &desks->desks[task_owner(task->id, desks->n)];
    if (atomic_fetch_add(&desk->count, 1) >= TASK_DESK_MAX) {
        atomic_fetch_sub(&desk->count, 1);
        return;
    }
    struct asked *asked = calloc(1, sizeof *asked);
    struct task *copy = asked != NULL ? task_copy(task) : NULL;
    if (copy == NULL) {
        free(asked);
        atomic_fetch_sub(&desk->count, 1);
        return;
    }
    asked->task = copy;
    mailbox_post(&desk->box, &asked->mail);
}

int task_desk_fd(const struct task_desks *desks, unsigned worker)
{
    return desks->desks[worker].box.fd;
}

struct task *task_desk_take(struct task_desks *desks, unsigned worker)
{
    struct desk *desk = &desks->desks[worker];
    if (desk->taken == NULL)
        desk->taken = mailbox_take(&desk->box);
    if (desk->taken == NULL)
        return NULL;
    struct asked *asked = CONTAINER_OF(desk->taken, struct asked, mail);
    struct task *task = asked->task;
    desk->taken = asked->mail.next;
    free(asked);
    atomic_fetch_sub(&desk->count, 1);
    return task;
}
