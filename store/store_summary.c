/* usage summary: the sums by day are read a few at a time, and added up by what was asked. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"
#include "config/model.h"
#include "config/provider.h"
#include "store/sqlite_accounts.h"
#include "store/sqlite_rollup.h"
#include "store/store_commit.h"
#include "store/store_job.h"

#define LINES_MAX 10000
#define STEP_US 4000
#define PAGE_ROWS 200 /* between two looks at the clock */

/* What the lines are by; what was not asked by is 0 or empty.  Compared byte for byte. */
struct line_name {
    int64_t day, user_id, key_id, group_id;
    char model[MODEL_NAME_MAX + 1], provider[PROVIDER_NAME_MAX + 1];
};

struct line {
    struct line_name name;
    char user[ROW_NAME_SIZE], group[ROW_NAME_SIZE], key[ROW_NAME_SIZE];
    int64_t requests, failed, tokens_in, tokens_out, charged_nusd, given_back_nusd;
    UT_hash_handle hh;
};

struct by {
    bool day, user, key, group, model, provider;
};

struct summary_job {
    struct job job;
    struct by by;
    struct usage_filter filter;
    struct line_name last; /* the row of the sums that was read last */
    struct line *lines;
    bool is_read, no_memory;
    struct line *told; /* the last one that is in the result */
    json_t *result;
};

static struct summary_job *of(struct job *job)
{
    return CONTAINER_OF(job, struct summary_job, job);
}

/* --- the question ----------------------------------------------------------------------------- */

/* False for a word that is none of them. */
static bool read_by(struct admin_run *run, struct by *by)
{
    const json_t *list = json_object_get(run->arguments, "by");
    struct {
        const char *name;
        bool *by;
    } const words[] = {{"day", &by->day},     {"user", &by->user},   {"key", &by->key},
                       {"group", &by->group}, {"model", &by->model}, {"provider", &by->provider}};
    by->day = list == NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        size_t at = 0;
        while (at < COUNT(words) && strcmp(words[at].name, word) != 0)
            at++;
        if (at == COUNT(words)) {
            run->code = admin_refuse(
                run, STORE_INVALID,
                "\"by\": \"%.40s\" is none of day, user, key, group, model, provider", word);
            return false;
        }
        *words[at].by = true;
    }
    return true;
}

static struct job *begin(struct store *store, struct admin_run *run)
{
    struct summary_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        run->code = STORE_DOWN;
        return NULL;
    }
    if (!admin_read_filter(run, &job->filter) || !read_by(run, &job->by)) {
        free(job);
        return NULL;
    }
    job->last = (struct line_name){.day = job->filter.since_day, .user_id = INT64_MIN};
    job->result = json_array();
    job->job.is_idle = true;
    store->rollup_all = true;
    return &job->job;
}

/* --- adding up -------------------------------------------------------------------------------- */

static void name_line(struct db *db, struct line *line)
{
    struct user_row user;
    struct group_row group;
    struct key_row key;
    if (line->name.key_id != 0 && key_by_id(db, line->name.key_id, &key))
        snprintf(line->key, sizeof line->key, "%s", key.name[0] != '\0' ? key.name : key.hint);
    if (line->name.user_id != 0 && user_by_id(db, line->name.user_id, &user))
        snprintf(line->user, sizeof line->user, "%s", user.name);
    if (line->name.group_id != 0 && group_by_id(db, line->name.group_id, &group))
        snprintf(line->group, sizeof line->group, "%s", group.name);
}

/* The line of this name, a new one if need be; NULL when memory is out. */
static struct line *line_of(struct summary_job *self, struct db *db, const struct line_name *name)
{
    struct line *line = NULL;
    HASH_FIND(hh, self->lines, name, sizeof *name, line);
    if (line != NULL)
        return line;
    line = calloc(1, sizeof *line);
    if (line == NULL)
        return NULL;
    line->name = *name;
    name_line(db, line);
    HASH_ADD(hh, self->lines, name, sizeof line->name, line);
    if (line->hh.tbl != NULL) /* how uthash says that there was memory */
        return line;
    free(line);
    return NULL;
}

static void fill_name(struct line_name *name, const struct rollup_row *row, const struct by *by)
{
    memset(name, 0, sizeof *name);
    name->day = by->day ? row->day : 0;
    name->user_id = by->user ? row->user_id : 0;
    name->key_id = by->key ? row->key_id : 0;
    name->group_id = by->group ? row->group_id : 0;
    snprintf(name->model, sizeof name->model, "%s", by->model ? row->model : "");
    snprintf(name->provider, sizeof name->provider, "%s", by->provider ? row->provider : "");
}

static void add(struct summary_job *self, struct db *db, const struct rollup_row *row)
{
    struct line_name name;
    if (self->filter.user_id != 0 && self->filter.user_id != row->user_id)
        return;
    fill_name(&name, row, &self->by);
    struct line *line = line_of(self, db, &name);
    if (line == NULL) {
        self->no_memory = true;
        return;
    }
    line->requests += row->requests;
    line->failed += row->failed;
    line->tokens_in += row->tokens_in;
    line->tokens_out += row->tokens_out;
    line->charged_nusd += row->charged_nusd;
    line->given_back_nusd += row->given_back_nusd;
}

static void read_page(struct summary_job *self, struct db *db)
{
    static const struct by all = {true, true, true, true, true, true};
    const struct line_name last = self->last; /* its texts are bound until the query ends */
    struct rollup_row row = {.day = last.day,
                             .user_id = last.user_id,
                             .key_id = last.key_id,
                             .group_id = last.group_id,
                             .model = last.model,
                             .provider = last.provider};
    struct query *query = rollup_after(db, &row, self->filter.until_day, PAGE_ROWS);
    unsigned n = 0;
    while (rollup_next(query, &row)) {
        n++;
        add(self, db, &row);
        if (n == PAGE_ROWS)
            fill_name(&self->last, &row, &all);
    }
    self->is_read = n < PAGE_ROWS;
}

/* --- the result ------------------------------------------------------------------------------- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_lines(struct line *a, struct line *b)
{
    const int orders[] = {
        compare(a->name.day, b->name.day),       strcmp(a->user, b->user),
        compare(a->name.key_id, b->name.key_id), strcmp(a->group, b->group),
        strcmp(a->name.model, b->name.model),    strcmp(a->name.provider, b->name.provider)};
    for (size_t i = 0; i < COUNT(orders); i++) {
        if (orders[i] != 0)
            return orders[i];
    }
    return 0;
}

static bool set(json_t *object, bool asked, const char *name, json_t *value)
{
    if (asked)
        return json_object_set_new(object, name, value) == 0;
    json_decref(value);
    return true;
}

static json_t *day_json(int64_t day)
{
    char text[16];
    struct tm tm;
    time_t seconds = (time_t)(day * (ADMIN_DAY_MS / 1000));
    if (gmtime_r(&seconds, &tm) == NULL || strftime(text, sizeof text, "%Y-%m-%d", &tm) == 0)
        return NULL;
    return json_string(text);
}

static json_t *line_json(const struct line *line, const struct by *by)
{
    json_t *sums =
        json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "requests", (json_int_t)line->requests,
                  "failed", (json_int_t)line->failed, "input_tokens", (json_int_t)line->tokens_in,
                  "output_tokens", (json_int_t)line->tokens_out, "charged",
                  admin_usd(line->charged_nusd), "given_back", admin_usd(line->given_back_nusd),
                  "spent", admin_usd(line->charged_nusd - line->given_back_nusd));
    json_t *object = json_object();
    bool ok = set(object, by->day, "day", day_json(line->name.day)) &&
              set(object, by->user, "user", admin_string(line->user)) &&
              set(object, by->key, "key_id", admin_id(line->name.key_id)) &&
              set(object, by->key, "key", admin_string(line->key)) &&
              set(object, by->group, "group", admin_string(line->group)) &&
              set(object, by->model, "model", admin_string(line->name.model)) &&
              set(object, by->provider, "provider", admin_string(line->name.provider)) &&
              json_object_update(object, sums) == 0;
    json_decref(sums);
    if (!ok) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* True when that was the last. */
static bool tell_next(struct summary_job *self)
{
    if (self->told == NULL)
        HASH_SORT(self->lines, compare_lines);
    self->told = self->told == NULL ? self->lines : self->told->hh.next;
    if (self->told == NULL)
        return true;
    if (json_array_append_new(self->result, line_json(self->told, &self->by)) != 0)
        self->no_memory = true;
    return self->told->hh.next == NULL;
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void refuse(struct job *job, enum store_code code, const char *text)
{
    (void)!buf_addf(&job->call->why, "%s", text);
    job_answer(job, code, NULL);
}

/* What is wrong by now; false: the job is over. */
static bool is_well(struct store *store, struct job *job)
{
    struct summary_job *self = of(job);
    if ((atomic_load(&store->ills) & ILL_COMMIT) || !store_has_db(store)) {
        store->rollup_all = false;
        refuse(job, STORE_DOWN, "the database cannot be written or read now");
        return false;
    }
    if (self->no_memory) {
        refuse(job, STORE_DOWN, "out of memory");
        return false;
    }
    if (HASH_COUNT(self->lines) > LINES_MAX) {
        (void)!buf_addf(&job->call->why, "more than %d rows: ask for fewer days, or by less",
                        LINES_MAX);
        job_answer(job, STORE_INVALID, NULL);
        return false;
    }
    return true;
}

static void step(struct store *store, struct job *job)
{
    struct summary_job *self = of(job);
    int64_t until_us = clock_precise_us() + STEP_US;
    bool is_over = false;
    if (!is_well(store, job))
        return;
    if (job->is_idle) { /* the commits add up what has ended */
        job->is_idle = store->rollup_all;
        return;
    }
    while (!is_over && !self->no_memory && clock_precise_us() < until_us &&
           HASH_COUNT(self->lines) <= LINES_MAX) {
        if (!self->is_read)
            read_page(self, store->db);
        else
            is_over = tell_next(self);
        if (db_trouble(store->db) != DB_FINE) {
            refuse(job, STORE_DOWN, "the database cannot be read now");
            return;
        }
    }
    if (is_over && is_well(store, job))
        job_answer(job, STORE_OK, json_incref(self->result));
}

static void end(struct job *job)
{
    struct summary_job *self = of(job);
    struct line *line, *next;
    HASH_ITER(hh, self->lines, line, next)
    {
        HASH_DEL(self->lines, line);
        free(line);
    }
    json_decref(self->result);
}

const struct job_kind summary_kind = {
    .operation = "usage summary", .begin = begin, .step = step, .end = end};
