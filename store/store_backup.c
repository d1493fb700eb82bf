/* db backup: the database is copied a piece in each turn; that the copy is on its disk, whatever
 * that is, another thread waits for. */
#include <stdlib.h>

#include "base/log.h"
#include "store/store_job.h"

struct backup_job {
    struct job job;
    struct backup *backup;
    bool is_copied, is_done;
    struct buf why; /* of the thread */
};

static struct backup_job *of(struct job *job)
{
    return CONTAINER_OF(job, struct backup_job, job);
}

static struct job *begin(struct store *store, struct admin_run *run)
{
    const char *path = admin_ztext(run, "file");
    bool exists = false;
    if (path[0] != '/') {
        run->code = admin_refuse(run, STORE_INVALID, "db backup takes the absolute path of a file");
        return NULL;
    }
    if (job_is_under_way(store, &backup_kind)) {
        run->code = admin_refuse(run, STORE_CONFLICT, "another backup is being made");
        return NULL;
    }
    struct backup_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        run->code = STORE_DOWN;
        return NULL;
    }
    buf_init(&job->why, run->call->why.max);
    job->job.holds_db = true;
    job->backup = backup_begin(store->db, path, &run->call->why, &exists);
    if (job->backup != NULL)
        return &job->job;
    free(job);
    run->code = exists ? STORE_CONFLICT : STORE_INVALID;
    return NULL;
}

static void run(struct job *job)
{
    struct backup_job *self = of(job);
    self->is_done = backup_finish(self->backup, &self->why);
}

static void finish(struct job *job)
{
    struct backup_job *self = of(job);
    struct str why = buf_str(&self->why);
    if (!self->is_done) {
        (void)!buf_add_str(&job->call->why, why);
        job_answer(job, STORE_DOWN, NULL);
        return;
    }
    log_write(LOG_INFO, "store", "the database was copied to %s", backup_path(self->backup));
    json_t *result = json_pack("{s:s, s:I}", "file", backup_path(self->backup), "bytes",
                               (json_int_t)backup_bytes(self->backup));
    job_answer(job, STORE_OK, result);
}

static void step(struct store *store, struct job *job)
{
    struct backup_job *self = of(job);
    (void)store;
    if (self->is_copied) {
        finish(job);
        return;
    }
    if (!job_copies(job, self->backup))
        return;
    self->is_copied = true;
    job->holds_db = false;
    if (job_start_thread(job))
        return;
    (void)!buf_addf(&job->call->why, "there is no thread to be had");
    job_answer(job, STORE_DOWN, NULL);
}

static void end(struct job *job)
{
    struct backup_job *self = of(job);
    backup_end(&self->backup);
    buf_release(&self->why);
}

const struct job_kind backup_kind = {
    .operation = "db backup", .begin = begin, .step = step, .end = end, .run = run};
