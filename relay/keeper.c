#include "relay/keeper.h"

#define HASH_NONFATAL_OOM 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uthash.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/file_thread.h"

#define FOLDER "kept"
#define PART ".part"
#define PIECES_MAX ((size_t)4 << 20)

static void part_name(char name[KEPT_NAME_SIZE], const char *public_id)
{
    snprintf(name, KEPT_NAME_SIZE, "%s" PART, public_id);
}

struct copy {
    UT_hash_handle hh; /* by public_id; the table is in the order of kept_ms */
    char public_id[TASK_PUBLIC_SIZE];
    struct kept kept;
};

struct keeper {
    struct keeper_options options;
    int folder;
    struct file_thread writer, reader;
    pthread_mutex_t mutex; /* over the next four, and held for nothing that waits */
    struct copy *copies;
    int64_t files, bytes;
    int64_t newest_ms; /* of all that ever were here */
    /* The writer's alone. */
    struct kept_draft *drafts; /* open ones */
    int64_t draft_bytes;
};

/* --- which there are: under the mutex ------------------------------------------------------------
 */

static int by_age(const struct copy *a, const struct copy *b)
{
    return (a->kept.kept_ms > b->kept.kept_ms) - (a->kept.kept_ms < b->kept.kept_ms);
}

/* Takes it; false, with it freed, when memory is out. */
static bool add_take(struct keeper *keeper, struct copy *copy)
{
    struct copy *old = NULL;
    HASH_FIND_STR(keeper->copies, copy->public_id, old);
    if (old != NULL) {
        keeper->bytes -= old->kept.bytes;
        keeper->files--;
        HASH_DEL(keeper->copies, old);
        free(old);
    }
    HASH_ADD_STR(keeper->copies, public_id, copy);
    if (copy->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(copy);
        return false;
    }
    if (copy->kept.kept_ms > keeper->newest_ms)
        keeper->newest_ms = copy->kept.kept_ms;
    keeper->bytes += copy->kept.bytes;
    keeper->files++;
    return true;
}

/* The oldest, if `which` is NULL; NULL when there is none. */
static struct copy *take_out(struct keeper *keeper, const char *which)
{
    struct copy *copy = keeper->copies;
    if (which != NULL)
        HASH_FIND_STR(keeper->copies, which, copy);
    if (copy == NULL)
        return NULL;
    HASH_DEL(keeper->copies, copy);
    keeper->bytes -= copy->kept.bytes;
    keeper->files--;
    return copy;
}

bool keeper_find(struct keeper *keeper, const char *public_id, struct kept *kept)
{
    struct copy *copy = NULL;
    pthread_mutex_lock(&keeper->mutex);
    HASH_FIND_STR(keeper->copies, public_id, copy);
    if (copy != NULL)
        *kept = copy->kept;
    pthread_mutex_unlock(&keeper->mutex);
    return copy != NULL;
}

void keeper_figures(struct keeper *keeper, int64_t *files, int64_t *bytes)
{
    pthread_mutex_lock(&keeper->mutex);
    *files = keeper->files;
    *bytes = keeper->bytes;
    pthread_mutex_unlock(&keeper->mutex);
}

bool keeper_list(struct keeper *keeper, struct kept_list *list)
{
    pthread_mutex_lock(&keeper->mutex);
    *list = (struct kept_list){calloc(HASH_COUNT(keeper->copies) + 1, sizeof *list->ids), 0};
    bool ok = list->ids != NULL;
    for (const struct copy *copy = keeper->copies; ok && copy != NULL; copy = copy->hh.next)
        memcpy(list->ids[list->n++], copy->public_id, TASK_PUBLIC_SIZE);
    pthread_mutex_unlock(&keeper->mutex);
    return ok;
}

/* --- the writer: removing ------------------------------------------------------------------------
 */

static bool remove_one(struct keeper *keeper, const char *which)
{
    pthread_mutex_lock(&keeper->mutex);
    struct copy *copy = take_out(keeper, which);
    pthread_mutex_unlock(&keeper->mutex);
    if (copy == NULL)
        return false;
    if (unlinkat(keeper->folder, copy->kept.name, 0) != 0 && errno != ENOENT)
        log_write(LOG_WARNING, "relay", "%s of the kept videos cannot be removed: %s",
                  copy->kept.name, strerror(errno));
    free(copy);
    return true;
}

/* Whether what is there and what comes is within the limit, once the oldest have gone. */
static bool make_room(struct keeper *keeper)
{
    int64_t files, bytes;
    do {
        keeper_figures(keeper, &files, &bytes);
        if (bytes + keeper->draft_bytes <= keeper->options.bytes_max)
            return true;
    } while (remove_one(keeper, NULL));
    return false;
}

static bool oldest_is_over(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    bool is_over = keeper->copies != NULL &&
                   keeper->copies->kept.kept_ms <= clock_wall_ms() - keeper->options.age_max_ms;
    pthread_mutex_unlock(&keeper->mutex);
    return is_over;
}

static void remove_old(void *context)
{
    struct keeper *keeper = context;
    while (oldest_is_over(keeper) && remove_one(keeper, NULL)) {
    }
}

struct forgetting {
    struct mail mail;
    struct keeper *keeper;
    char public_id[TASK_PUBLIC_SIZE];
};

static void forget(struct mail *mail)
{
    struct forgetting *forgetting = CONTAINER_OF(mail, struct forgetting, mail);
    for (struct kept_draft *d = forgetting->keeper->drafts; d != NULL; d = d->next)
        if (strcmp(d->public_id, forgetting->public_id) == 0)
            d->unwanted = true;
    (void)remove_one(forgetting->keeper, forgetting->public_id);
    free(forgetting);
}

void keeper_forget(struct keeper *keeper, const char *public_id)
{
    struct forgetting *forgetting = calloc(1, sizeof *forgetting);
    if (forgetting == NULL) /* its age will remove it */
        return;
    forgetting->mail.deliver = forget;
    forgetting->keeper = keeper;
    snprintf(forgetting->public_id, sizeof forgetting->public_id, "%s", public_id);
    mailbox_post(&keeper->writer.box, &forgetting->mail);
}

/* --- the writer: one copy as it is made ----------------------------------------------------------
 */

static void fail(struct kept_draft *draft, const char *why)
{
    if (!draft->failed)
        snprintf(draft->why, sizeof draft->why, "%s", why);
    draft->failed = true;
}

static void open_part(struct kept_draft *draft)
{
    struct keeper *keeper = draft->keeper;
    char name[KEPT_NAME_SIZE];
    part_name(name, draft->public_id);
    draft->is_open = true;
    draft->next = keeper->drafts;
    keeper->drafts = draft;
    draft->fd =
        openat(keeper->folder, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (draft->fd < 0)
        fail(draft, strerror(errno));
}

static void write_bytes(struct kept_draft *draft)
{
    struct str rest = buf_str(&draft->bytes);
    draft->keeper->draft_bytes += (int64_t)rest.n;
    draft->written += (int64_t)rest.n;
    if (draft->written > keeper_copy_max(draft->keeper) || !make_room(draft->keeper))
        fail(draft, "there is no room: see [video] keep_size");
    while (!draft->failed && rest.n > 0) {
        ssize_t n = write(draft->fd, rest.p, rest.n);
        if (n < 0 && errno != EINTR)
            fail(draft, strerror(errno));
        rest = str_from(rest, n > 0 ? (size_t)n : 0);
    }
    buf_clear(&draft->bytes);
}

/* It is in no list any more, and its bytes count no more as those of a draft. */
static void close_part(struct kept_draft *draft)
{
    struct kept_draft **at = &draft->keeper->drafts;
    while (*at != draft)
        at = &(*at)->next;
    *at = draft->next;
    draft->is_open = false;
    draft->keeper->draft_bytes -= draft->written;
    if (draft->fd >= 0)
        close(draft->fd);
    draft->fd = -1;
}

static void drop_part(struct kept_draft *draft)
{
    char name[KEPT_NAME_SIZE];
    if (!draft->is_open)
        return;
    close_part(draft);
    part_name(name, draft->public_id);
    (void)unlinkat(draft->keeper->folder, name, 0);
}

/* Its time stands in the file, too: versions are the same after a restart. */
static bool is_on_disk(const struct kept_draft *draft, const struct kept *kept)
{
    char name[KEPT_NAME_SIZE];
    int folder = draft->keeper->folder;
    struct timespec now = {.tv_sec = kept->kept_ms / 1000,
                           .tv_nsec = kept->kept_ms % 1000 * 1000000};
    part_name(name, draft->public_id);
    return futimens(draft->fd, (struct timespec[2]){now, now}) == 0 && fsync(draft->fd) == 0 &&
           renameat(folder, name, folder, kept->name) == 0 && fsync(folder) == 0;
}

static void finish(struct kept_draft *draft)
{
    struct keeper *keeper = draft->keeper;
    struct copy *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        fail(draft, "no memory");
        return;
    }
    memcpy(copy->public_id, draft->public_id, sizeof copy->public_id);
    kept_name(&copy->kept, draft->public_id, str_of(draft->type));
    copy->kept.bytes = draft->written;
    copy->kept.kept_ms = clock_wall_ms();
    if (!is_on_disk(draft, &copy->kept)) {
        fail(draft, strerror(errno));
        free(copy);
        return;
    }
    close_part(draft);
    pthread_mutex_lock(&keeper->mutex);
    bool is_newest = copy->kept.kept_ms >= keeper->newest_ms;
    bool ok = add_take(keeper, copy);
    if (!is_newest) /* the clock was set back: the oldest is first all the same */
        HASH_SORT(keeper->copies, by_age);
    pthread_mutex_unlock(&keeper->mutex);
    if (!ok)
        log_write(LOG_WARNING, "relay", "task %s is kept from the next start on: no memory",
                  draft->public_id);
}

static void is_back(struct mail *mail)
{
    struct kept_draft *draft = CONTAINER_OF(mail, struct kept_draft, mail);
    draft->away = false;
    draft->back(draft);
}

static void obey(struct mail *mail)
{
    struct kept_draft *draft = CONTAINER_OF(mail, struct kept_draft, mail);
    if (draft->unwanted)
        fail(draft, "it was deleted");
    if (!draft->is_open && draft->order == KEPT_WRITE)
        open_part(draft);
    if (draft->order == KEPT_DROP)
        drop_part(draft);
    else if (!draft->failed && draft->order == KEPT_WRITE)
        write_bytes(draft);
    else if (!draft->failed)
        finish(draft);
    draft->mail.deliver = is_back;
    mailbox_post(draft->reply, &draft->mail);
}

void kept_draft_init(struct kept_draft *draft, struct keeper *keeper, const char *public_id,
                     struct mailbox *reply, void (*back)(struct kept_draft *draft))
{
    *draft = (struct kept_draft){.keeper = keeper, .reply = reply, .back = back, .fd = -1};
    snprintf(draft->public_id, sizeof draft->public_id, "%s", public_id);
    buf_init(&draft->bytes, PIECES_MAX);
}

void kept_draft_type(struct kept_draft *draft, struct str type)
{
    size_t n = type.n < sizeof draft->type ? type.n : 0;
    memcpy(draft->type, type.p, n);
    draft->type[n] = '\0';
}

void kept_draft_send(struct kept_draft *draft, enum kept_order order)
{
    CHECK(!draft->away);
    draft->away = true;
    draft->order = order;
    draft->mail.deliver = obey;
    mailbox_post(&draft->keeper->writer.box, &draft->mail);
}

void kept_draft_release(struct kept_draft *draft)
{
    CHECK(!draft->away && !draft->is_open);
    buf_release(&draft->bytes);
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* One file of the folder: a copy, what a crash has left, or none of ours. */
static bool learn(struct keeper *keeper, const char *name)
{
    struct stat info;
    struct copy *copy = calloc(1, sizeof *copy);
    if (copy == NULL)
        return false;
    bool is_part = str_ends(str_of(name), STR(PART));
    if (is_part)
        (void)unlinkat(keeper->folder, name, 0);
    if (is_part || !kept_read_name(&copy->kept, copy->public_id, str_of(name)) ||
        fstatat(keeper->folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) {
        free(copy);
        return true;
    }
    copy->kept.bytes = info.st_size;
    copy->kept.kept_ms = (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
    return add_take(keeper, copy);
}

static bool learn_all(struct keeper *keeper)
{
    int fd = dup(keeper->folder);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok = dir != NULL;
    const struct dirent *entry;
    while (ok && (entry = readdir(dir)) != NULL)
        ok = learn(keeper, entry->d_name);
    if (dir != NULL)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    HASH_SORT(keeper->copies, by_age);
    remove_old(keeper);
    return ok && make_room(keeper);
}

static bool open_folder(struct keeper *keeper)
{
    int state = open(keeper->options.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state < 0)
        return false;
    if (mkdirat(state, FOLDER, 0700) == 0 || errno == EEXIST)
        keeper->folder = openat(state, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    close(state);
    return keeper->folder >= 0;
}

struct keeper *keeper_new(const struct keeper_options *options, struct buf *why)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return NULL;
    keeper->options = *options;
    keeper->folder = keeper->writer.box.fd = keeper->reader.box.fd = -1;
    keeper->writer.name = "film writer";
    keeper->reader.name = "film reader";
    keeper->writer.second = remove_old;
    keeper->writer.context = keeper;
    pthread_mutex_init(&keeper->mutex, NULL);
    if (open_folder(keeper) && learn_all(keeper) && file_thread_start(&keeper->writer) &&
        file_thread_start(&keeper->reader))
        return keeper;
    (void)!buf_addf(why, "folder %s in %s: %s", FOLDER, options->state_dir, strerror(errno));
    keeper_free(&keeper);
    return NULL;
}

void keeper_free(struct keeper **keeper)
{
    struct keeper *k = *keeper;
    struct copy *copy, *after;
    if (k == NULL)
        return;
    file_thread_stop(&k->writer);
    file_thread_stop(&k->reader);
    HASH_ITER(hh, k->copies, copy, after)
    {
        HASH_DEL(k->copies, copy);
        free(copy);
    }
    if (k->folder >= 0)
        close(k->folder);
    pthread_mutex_destroy(&k->mutex);
    free(k);
    *keeper = NULL;
}

int keeper_folder(const struct keeper *keeper)
{
    return keeper->folder;
}

struct mailbox *keeper_reader(struct keeper *keeper)
{
    return &keeper->reader.box;
}

int64_t keeper_age_max_ms(const struct keeper *keeper)
{
    return keeper->options.age_max_ms;
}

int64_t keeper_oldest_ms(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    int64_t oldest_ms = keeper->copies != NULL ? keeper->copies->kept.kept_ms : 0;
    pthread_mutex_unlock(&keeper->mutex);
    return oldest_ms;
}

int64_t keeper_copy_max(const struct keeper *keeper)
{
    return keeper->options.bytes_max / 2;
}
