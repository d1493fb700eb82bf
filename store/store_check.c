/* db check: a copy is made a piece in each turn, and looked at in a thread of its own. */
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/books_check.h"
#include "store/store_job.h"

#define PATH_BYTES_MAX 8192
#define COPY_SUFFIX ".check-" /* and an id, and what a backup adds while it is being made */

struct check_job {
    struct job job;
    struct backup *backup; /* until it is copied */
    struct db *copy;
    json_t *result;
};

/* --- copies of a process that was killed ------------------------------------------------------ */

/* What `begin` and a backup make behind a database's name, and nobody else: .check-ID.part */
static bool is_copy(struct str rest)
{
    int64_t id;
    return str_starts(rest, STR(COPY_SUFFIX)) && str_ends(rest, STR(BACKUP_SUFFIX)) &&
           rest.n > strlen(COPY_SUFFIX BACKUP_SUFFIX) &&
           str_i64(str_slice(rest, strlen(COPY_SUFFIX), rest.n - strlen(BACKUP_SUFFIX)), 1,
                   INT64_MAX, &id);
}

void check_remove_copies(const char *database)
{
    const char *slash = strrchr(database, '/');
    struct str folder =
        slash != NULL ? str_slice(str_of(database), 0, (size_t)(slash - database) + 1) : STR("./");
    const char *base = slash != NULL ? slash + 1 : database;
    struct buf text;
    buf_init(&text, PATH_BYTES_MAX);
    bool ok = buf_add_str(&text, folder) && buf_add_char(&text, '\0');
    DIR *dir = ok ? opendir(text.p) : NULL;
    const struct dirent *item;
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        struct str name = str_of(item->d_name);
        if (!str_starts(name, str_of(base)) || !is_copy(str_from(name, strlen(base))))
            continue;
        buf_clear(&text);
        if (buf_add_str(&text, folder) && buf_add_str(&text, name) && buf_add_char(&text, '\0') &&
            unlink(text.p) == 0)
            log_write(LOG_INFO, "store", "%s, left of a check that was cut off, is removed",
                      text.p);
    }
    if (dir != NULL)
        closedir(dir);
    buf_release(&text);
}

/* --- the job ---------------------------------------------------------------------------------- */

static struct check_job *of(struct job *job)
{
    return CONTAINER_OF(job, struct check_job, job);
}

static struct job *begin(struct store *store, struct admin_run *run)
{
    struct buf path;
    bool exists = false;
    if (job_is_under_way(store, &check_kind)) {
        run->code = admin_refuse(run, STORE_CONFLICT, "another check is being made");
        return NULL;
    }
    struct check_job *job = calloc(1, sizeof *job);
    buf_init(&path, PATH_BYTES_MAX);
    bool ok = job != NULL && buf_addf(&path, "%s" COPY_SUFFIX "%" PRId64 "%c", store->path,
                                      ident_next(&store->ids, run->room->now_ms), '\0');
    if (ok) {
        job->job.holds_db = true;
        job->backup = backup_begin(store->db, path.p, &run->call->why, &exists);
    }
    buf_release(&path);
    if (ok && job->backup != NULL)
        return &job->job;
    run->code = STORE_DOWN;
    free(job);
    return NULL;
}

static void run(struct job *job)
{
    struct check_job *self = of(job);
    self->result = books_check(self->copy, job->store->newest_id);
}

static void look_at_copy(struct job *job)
{
    struct check_job *self = of(job);
    self->copy = backup_read(self->backup, &job->call->why);
    backup_end(&self->backup);
    job->holds_db = false;
    if (self->copy != NULL && job_start_thread(job))
        return;
    if (self->copy != NULL)
        (void)!buf_addf(&job->call->why, "there is no thread to be had");
    job_answer(job, STORE_DOWN, NULL);
}

static void step(struct store *store, struct job *job)
{
    struct check_job *self = of(job);
    (void)store;
    if (self->backup == NULL) {
        json_t *result = self->result;
        self->result = NULL;
        job_answer(job, STORE_OK, result);
        return;
    }
    if (job_copies(job, self->backup))
        look_at_copy(job);
}

static void interrupt(struct job *job)
{
    db_interrupt(of(job)->copy);
}

static void end(struct job *job)
{
    struct check_job *self = of(job);
    backup_end(&self->backup);
    db_close(&self->copy);
    json_decref(self->result);
}

const struct job_kind check_kind = {.operation = "db check",
                                    .begin = begin,
                                    .step = step,
                                    .end = end,
                                    .run = run,
                                    .interrupt = interrupt};
