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

static void *run(void *argument)
{
    struct job *job = argument;
    (void)pthread_setname_np(pthread_self(), "store job");
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
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
    job->next = store->jobs;
    store->jobs = job;
    return true;
}

void jobs_step(struct store *store)
{
    struct job *next;
    for (struct job *job = store->jobs; job != NULL; job = next) {
        next = job->next;
        if (!job->has_thread)
            job->kind->step(store, job);
    }
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

/* Its mail stays where it is: nobody reads the mailbox any more. */
static void stop_thread(struct job *job)
{
    struct timespec until;
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
}

void jobs_end(struct store *store)
{
    struct job *next;
    for (struct job *job = store->jobs; job != NULL; job = next) {
        next = job->next;
        stop_thread(job);
        (void)!buf_addf(&job->call->why, "the database was closed before this was done");
        job_answer(job, STORE_DOWN, NULL);
    }
}
