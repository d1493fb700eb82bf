#include "store/store_job.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/store_commit.h"

#define NICE 10 /* a thread of a job: requests go first */
#define INTERRUPT_MS 20

static const struct job_kind *const kinds[] = {&backup_kind, &check_kind, &summary_kind};

/* --- for kinds -------------------------------------------------------------------------------- */

static void unlink_job(struct job *job)
{
    struct job **link = &job->store->jobs;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
}

static void add_last(struct store *store, struct job *job)
{
    struct job **link = &store->jobs;
    while (*link != NULL)
        link = &(*link)->next;
    *link = job;
    job->next = NULL;
}

void job_answer(struct job *job, enum store_code code, json_t *result)
{
    struct store_admin *call = job->call;
    CHECK(!job->has_thread);
    unlink_job(job);
    job->kind->end(job);
    free(job);
    if (code == STORE_OK && result == NULL) {
        (void)!buf_addf(&call->why, "out of memory");
        code = STORE_DOWN;
    }
    if (code == STORE_OK)
        call->result = result;
    else
        json_decref(result);
    call_reply(&call->call, code);
}

bool job_copies(struct job *job, struct backup *backup)
{
    switch (backup_step(backup, &job->call->why)) {
    case BACKUP_MORE:
        return false;
    case BACKUP_COPIED:
        return true;
    case BACKUP_FAILED:
        break;
    }
    job_answer(job, STORE_DOWN, NULL);
    return false;
}

static void *run(void *argument)
{
    struct job *job = argument;
    (void)pthread_setname_np(pthread_self(), "store job");
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + NICE);
    log_join();
    job->kind->run(job);
    log_leave();
    mailbox_post(&job->store->box, &job->back.mail);
    return NULL;
}

bool job_start_thread(struct job *job)
{
    job->back.kind = CALL_JOB;
    job->has_thread = pthread_create(&job->thread, NULL, run, job) == 0;
    return job->has_thread;
}

void job_is_back(struct store_call *call)
{
    struct job *job = CONTAINER_OF(call, struct job, back);
    CHECK(pthread_join(job->thread, NULL) == 0);
    job->has_thread = false;
}

bool job_is_under_way(const struct store *store, const struct job_kind *kind)
{
    const struct job *job = store->jobs;
    while (job != NULL && job->kind != kind)
        job = job->next;
    return job != NULL;
}

/* --- for the thread --------------------------------------------------------------------------- */

static const struct job_kind *kind_of(const struct store *store, struct str operation)
{
    for (size_t i = 0; i < COUNT(kinds); i++) {
        /* Where nobody waits for this thread, the database itself is looked at. */
        if (store->is_alone && kinds[i] == &check_kind)
            continue;
        if (str_eq(operation, str_of(kinds[i]->operation)))
            return kinds[i];
    }
    return NULL;
}

bool jobs_take(struct store *store, struct store_admin *call)
{
    const struct job_kind *kind = kind_of(store, str_of(call->operation));
    if (kind == NULL)
        return false;
    struct admin_run run = {.call = call};
    struct admin_room room = store_admin_room(store, NULL);
    struct job *job = NULL;
    if (admin_run_check(&run, &room, call))
        job = kind->begin(store, &run);
    if (db_trouble(store->db) != DB_FINE) { /* what was not found may be there */
        CHECK(job == NULL);
        buf_clear(&call->why);
        run.code = STORE_DOWN;
    }
    enum store_code code = run.code;
    admin_run_finish(&run);
    if (job == NULL) {
        CHECK(code != STORE_OK);
        call_reply(&call->call, code);
        return true;
    }
    job->kind = kind;
    job->store = store;
    job->call = call;
    add_last(store, job);
    return true;
}

/* Those that wait for something else look whether it has come. */
static void wake_idle(struct store *store)
{
    struct job *next;
    for (struct job *job = store->jobs; job != NULL; job = next) {
        next = job->next;
        if (job->is_idle && !job->has_thread)
            job->kind->step(store, job);
    }
}

/* One piece of one job, so that many delay a commit no more than one does; it has its next piece
 * after the others. */
void jobs_step(struct store *store)
{
    wake_idle(store);
    struct job *job = store->jobs;
    while (job != NULL && (job->has_thread || job->is_idle))
        job = job->next;
    if (job != NULL) {
        unlink_job(job);
        add_last(store, job);
        job->kind->step(store, job);
    }
    if (store->db != NULL && db_trouble(store->db) != DB_FINE)
        store_note_failed_read(store);
}

bool jobs_are_ready(const struct store *store)
{
    const struct job *job = store->jobs;
    while (job != NULL && (job->has_thread || job->is_idle))
        job = job->next;
    return job != NULL;
}

void jobs_let_go(struct store *store)
{
    struct job *next;
    for (struct job *job = store->jobs; job != NULL; job = next) {
        next = job->next;
        if (!job->holds_db)
            continue;
        (void)!buf_addf(&job->call->why, "the database cannot be read now");
        job_answer(job, STORE_DOWN, NULL);
    }
}

/* True when there was one.  Its mail stays where it is: nobody reads the mailbox any more. */
static bool stop_thread(struct job *job)
{
    struct timespec until;
    bool had = job->has_thread;
    int late = ETIMEDOUT;
    while (job->has_thread && late == ETIMEDOUT) {
        if (job->kind->interrupt != NULL)
            job->kind->interrupt(job);
        CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
        until.tv_nsec += INTERRUPT_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        late = pthread_timedjoin_np(job->thread, NULL, &until);
    }
    job->has_thread = false;
    return had;
}

void jobs_end(struct store *store)
{
    struct job *next;
    for (struct job *job = store->jobs; job != NULL; job = next) {
        next = job->next;
        if (stop_thread(job)) { /* it may be done after all */
            job->kind->step(store, job);
            continue;
        }
        (void)!buf_addf(&job->call->why, "the database was closed before this was done");
        job_answer(job, STORE_DOWN, NULL);
    }
}
