/* Copies of completed videos, in a folder of their own: which there are, how they come and go.
 *
 * A copy is a file TASK.TYPE ("task_...video-mp4"), as it came from the provider.  It is written
 * under another name, synced, then renamed, so what has the name is whole; what a crash leaves
 * behind is removed at the next start.  All writing and removing is done in one thread, all reading
 * in another (relay/kept_film), so that neither waits for the other's disk. */
#ifndef RELAY_KEEPER_H
#define RELAY_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mailbox.h"
#include "base/str.h"
#include "relay/kept_name.h"
#include "store/task.h"

struct keeper;

struct keeper_options {
    const char *state_dir; /* the folder is made in it */
    int64_t bytes_max;     /* of all copies together */
    int64_t age_max_ms;
};

/* Opens the folder, learns what is there, removes what is half or too old, starts the threads.
 * NULL with the reason in *why. */
MUST_USE struct keeper *keeper_new(const struct keeper_options *options, struct buf *why);
/* No loop uses it any more.  NULL-safe; nulls the pointer. */
void keeper_free(struct keeper **keeper);

/* --- any thread: nothing here waits for a disk ------------------------------------------------ */

/* False when there is no copy. */
MUST_USE bool keeper_find(struct keeper *keeper, const char *public_id, struct kept *kept);
/* The folder, and who reads its files. */
int keeper_folder(const struct keeper *keeper);
struct mailbox *keeper_reader(struct keeper *keeper);
/* What is older is removed. */
int64_t keeper_age_max_ms(const struct keeper *keeper);
/* Since when the oldest is here; 0 = there is none. */
int64_t keeper_oldest_ms(struct keeper *keeper);
/* Of one copy: one that does not end must not take the place of all others. */
int64_t keeper_copy_max(const struct keeper *keeper);
void keeper_figures(struct keeper *keeper, int64_t *files, int64_t *bytes);

struct kept_list {
    char (*ids)[TASK_PUBLIC_SIZE]; /* the caller's to free */
    size_t n;
};
/* All that are there; false when out of memory. */
MUST_USE bool keeper_list(struct keeper *keeper, struct kept_list *list);
/* Its user has deleted it: the copy goes, also one that is being made. */
void keeper_forget(struct keeper *keeper, const char *public_id);

/* --- one copy as it is made ------------------------------------------------------------------- */

enum kept_order {
    KEPT_WRITE,  /* its bytes are added */
    KEPT_FINISH, /* it is whole */
    KEPT_DROP    /* it will not be: the file goes */
};

struct kept_draft {
    struct mail mail;
    struct keeper *keeper;
    char public_id[TASK_PUBLIC_SIZE];
    char type[KEPT_TYPE_SIZE];
    struct buf bytes; /* for WRITE, which empties it */
    bool away;        /* an order is out: it is not to be touched */
    bool failed;      /* given: no more is possible than to drop it; `why` says it */
    char why[96];
    struct mailbox *reply;
    void (*back)(struct kept_draft *draft);
    /* The keeper's. */
    enum kept_order order;
    struct kept_draft *next;
    int64_t written;
    int fd;
    bool is_open, unwanted;
};

/* `back` is called in the thread that reads `reply`, after each order. */
void kept_draft_init(struct kept_draft *draft, struct keeper *keeper, const char *public_id,
                     struct mailbox *reply, void (*back)(struct kept_draft *draft));
/* Before FINISH; what is no plain type counts as video/mp4. */
void kept_draft_type(struct kept_draft *draft, struct str type);
/* The last order of all is FINISH that has not failed, or DROP. */
void kept_draft_send(struct kept_draft *draft, enum kept_order order);
/* Of its memory. */
void kept_draft_release(struct kept_draft *draft);

#endif
