/* The sums by day against a model, through random ends, give-backs, crashes and failed commits. */
#include "tests/unit/store_fixture.h"

#include "store/books_check.h"
#include "store/migrate.h"
#include "store/sqlite_give_back.h"
#include "store/sqlite_ledger.h"
#include "store/sqlite_retention.h"
#include "store/sqlite_rollup.h"

#define REQUESTS 400
#define TURNS 4000
#define USERS 3
#define DAY_MS INT64_C(86400000)

enum state { NONE, OPEN, ENDED };

struct one {
    enum state state;
    int64_t charge, given_back;
    int status;
    bool counted; /* in the sums */
};

struct books {
    struct one requests[REQUESTS];
};

struct scene {
    struct fixture fixture;
    struct db *db;
    struct ledger_batch *batch;
    struct books model, committed;
    uint64_t random;
};

static int64_t pick(struct scene *scene, int64_t below)
{
    scene->random ^= scene->random << 13;
    scene->random ^= scene->random >> 7;
    scene->random ^= scene->random << 17;
    return (int64_t)(scene->random % (uint64_t)below);
}

static int scene_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_SIZE);
    folder_make(&scene->fixture);
    scene->db = db_open(scene->fixture.path, true, &why, &in_use);
    assert_non_null(scene->db);
    assert_true(migrate_database(scene->db, scene->fixture.path, &why));
    buf_release(&why);
    ident_init(&scene->fixture.ids, 0, 0);
    scene->batch = ledger_batch_new(&scene->fixture.ids);
    assert_non_null(scene->batch);
    scene->random = 0x9e3779b97f4a7c15;
    *state = scene;
    return 0;
}

static int scene_down(void **state)
{
    struct scene *scene = *state;
    ledger_batch_free(&scene->batch);
    db_close(&scene->db);
    folder_remove(&scene->fixture);
    free(scene);
    return 0;
}

/* Requests 0, 1, 2... are a third of an hour apart: 400 make some days. */
static int64_t id_of(size_t i)
{
    return ident_first(INT64_C(1790000000000) + (int64_t)i * DAY_MS / 72);
}

static void fill(struct ledger_entry *entry, size_t i, const struct one *one)
{
    *entry = (struct ledger_entry){.id = id_of(i),
                                   .admitted_ms = ident_wall_ms(id_of(i)),
                                   .user_id = 1 + (int64_t)i % USERS,
                                   .key_id = 10 + (int64_t)i % 5,
                                   .group_id = 1,
                                   .endpoint = "chat",
                                   .model = i % 7 == 0 ? NULL
                                            : i % 2    ? "a"
                                                       : "b",
                                   .provider = i % 7 == 0 ? NULL : "p",
                                   .status = one->status,
                                   .end = "finished",
                                   .charge_nusd = one->charge,
                                   .group_ppm = 1000000,
                                   .user_ppm = 1000000};
    entry->counters.n[COUNTER_in_text] = 3;
    entry->counters.n[COUNTER_in_cached] = 1;
    entry->counters.n[COUNTER_out_reasoning] = 2;
}

/* --- turns ------------------------------------------------------------------------------------ */

static void end(struct scene *scene, size_t i)
{
    struct one *one = &scene->model.requests[i];
    struct ledger_entry entry;
    if (one->state != ENDED) {
        one->charge = pick(scene, 3) == 0 ? 0 : 1 + pick(scene, 1000000);
        one->status = pick(scene, 5) == 0 ? 502 : 200;
        one->state = ENDED;
    }
    fill(&entry, i, one); /* or the same again, as after a commit that was in doubt */
    assert_int_equal(ledger_put(scene->db, scene->batch, &entry), LEDGER_PUT);
}

static void open_row(struct scene *scene, size_t i)
{
    struct one *one = &scene->model.requests[i];
    struct ledger_entry entry;
    struct one nothing = {.status = 0};
    fill(&entry, i, &nothing);
    ledger_put_open(scene->db, &entry);
    if (one->state == NONE)
        *one = (struct one){.state = OPEN};
}

static void give_back(struct scene *scene, size_t i)
{
    struct one *one = &scene->model.requests[i];
    struct give_back given;
    if (one->state != ENDED || one->charge == 0 || one->given_back != 0)
        return;
    one->given_back = 1 + pick(scene, one->charge);
    assert_int_equal(ledger_give_back(scene->db, id_of(i), 1, one->given_back, "n", &given),
                     LEDGER_PUT);
}

static void crash(struct scene *scene)
{
    (void)ledger_close_open(scene->db);
    for (size_t i = 0; i < REQUESTS; i++)
        if (scene->model.requests[i].state == OPEN)
            scene->model.requests[i].state = ENDED;
}

static void step(struct scene *scene, size_t i)
{
    bool left;
    rollup_step(scene->db, ledger_rollup(scene->batch), id_of(i), 1 + pick(scene, 20), &left);
}

static void turn(struct scene *scene)
{
    size_t i = (size_t)pick(scene, REQUESTS);
    switch (pick(scene, 12)) {
    case 0:
        open_row(scene, i);
        break;
    case 1:
    case 2:
        give_back(scene, i);
        break;
    case 3:
    case 4:
    case 5:
        step(scene, i);
        break;
    case 6:
        if (pick(scene, 20) == 0)
            crash(scene);
        break;
    default:
        end(scene, i);
    }
}

/* --- comparing -------------------------------------------------------------------------------- */

static int64_t number(struct scene *scene, const char *sql)
{
    struct query *query = db_query(scene->db, sql);
    assert_true(query_row(query));
    int64_t n = query_get_i64(query, 0);
    query_end(query);
    return n;
}

/* What the sums must be: of everything up to the cursor that has ended. */
static void compare(struct scene *scene)
{
    int64_t cursor = number(scene, "SELECT value FROM meta WHERE key = 'rolled_up'");
    struct rollup_row want[USERS + 1] = {{0}};
    for (size_t i = 0; i < REQUESTS; i++) {
        const struct one *one = &scene->model.requests[i];
        struct rollup_row *sum = &want[1 + i % USERS];
        if (one->state != ENDED || id_of(i) > cursor)
            continue;
        sum->requests++;
        sum->failed += one->status >= 400;
        sum->charged_nusd += one->charge;
        sum->given_back_nusd += one->given_back;
    }
    struct query *query = db_query(
        scene->db, "SELECT user_id, SUM(requests), SUM(failed), SUM(charged), SUM(given_back) "
                   "FROM rollup_day GROUP BY user_id");
    unsigned found = 0, wanted = 0;
    for (unsigned u = 1; u <= USERS; u++)
        wanted += want[u].requests > 0;
    while (query_row(query)) {
        const struct rollup_row *sum = &want[query_get_i64(query, 0)];
        assert_int_equal(query_get_i64(query, 1), sum->requests);
        assert_int_equal(query_get_i64(query, 2), sum->failed);
        assert_int_equal(query_get_i64(query, 3), sum->charged_nusd);
        assert_int_equal(query_get_i64(query, 4), sum->given_back_nusd);
        found++;
    }
    assert_int_equal(found, wanted);
}

static void sums_are_those_of_the_ledger_at_every_commit(void **state)
{
    struct scene *scene = *state;
    for (unsigned t = 0; t < TURNS; t++) {
        scene->committed = scene->model;
        ledger_batch_begin(scene->batch);
        assert_true(db_begin(scene->db));
        for (int64_t n = 1 + pick(scene, 4); n > 0; n--)
            turn(scene);
        assert_true(ledger_flush(scene->db, scene->batch));
        if (pick(scene, 6) == 0) {
            db_rollback(scene->db);
            ledger_batch_forget(scene->batch);
            scene->model = scene->committed;
        } else {
            assert_true(db_commit(scene->db));
        }
        compare(scene);
    }
    /* At last, all of it. */
    bool left = true;
    assert_true(db_begin(scene->db));
    crash(scene);
    while (left)
        rollup_step(scene->db, ledger_rollup(scene->batch), INT64_MAX, 50, &left);
    assert_true(db_commit(scene->db));
    compare(scene);
    assert_int_equal(number(scene, "SELECT SUM(charged - given_back) FROM rollup_day"),
                     number(scene, "SELECT SUM(amount) FROM ledger WHERE kind <> 'credit'"));
    assert_int_equal(number(scene, "SELECT SUM(requests) FROM rollup_day"),
                     number(scene, "SELECT COUNT(*) FROM requests"));
    assert_true(number(scene, "SELECT COUNT(DISTINCT day) FROM rollup_day") >= 5);
}

static void sums_are_read_page_by_page_in_their_order(void **state)
{
    struct scene *scene = *state;
    char last_model[8] = "";
    bool left;
    ledger_batch_begin(scene->batch);
    assert_true(db_begin(scene->db));
    for (size_t i = 0; i < 144; i++)
        end(scene, i);
    rollup_step(scene->db, ledger_rollup(scene->batch), INT64_MAX, 1000, &left);
    assert_true(ledger_flush(scene->db, scene->batch) && db_commit(scene->db));
    int64_t first = ident_wall_ms(id_of(0)) / DAY_MS;
    struct rollup_row row = {.day = first, .model = "", .provider = ""};
    int64_t requests = 0, tokens_in = 0, tokens_out = 0, rows = 0;
    for (unsigned n = 5; n == 5;) {
        struct rollup_row next;
        struct query *query = rollup_after(scene->db, &row, first + 1, 5);
        for (n = 0; rollup_next(query, &next); n++, rows++) {
            assert_true(next.day > row.day || (next.day == row.day && next.user_id >= row.user_id));
            assert_true(next.day <= first + 1);
            requests += next.requests;
            tokens_in += next.tokens_in;
            tokens_out += next.tokens_out;
            snprintf(last_model, sizeof last_model, "%s", next.model);
            row = next;
            row.model = last_model;
            row.provider = next.provider[0] != '\0' ? "p" : "";
        }
    }
    assert_true(rows > 30);
    assert_int_equal(rows, number(scene, "SELECT COUNT(*) FROM rollup_day WHERE day <= "
                                         "(SELECT MIN(day) + 1 FROM rollup_day)"));
    assert_int_equal(requests, number(scene, "SELECT SUM(requests) FROM rollup_day WHERE day <= "
                                             "(SELECT MIN(day) + 1 FROM rollup_day)"));
    assert_int_equal(tokens_in, 4 * requests);
    assert_int_equal(tokens_out, 2 * requests);
}

/* --- retention -------------------------------------------------------------------------------- */

/* Deletes, 50 at a time; how many. */
static int64_t forget(struct scene *scene, int64_t before_ms)
{
    int64_t all = 0, n = 50;
    while (n == 50) {
        assert_true(db_begin(scene->db));
        n = retention_sweep(scene->db, ledger_rollup(scene->batch), before_ms, 50);
        assert_true(db_commit(scene->db));
        all += n;
    }
    return all;
}

static void assert_check(struct scene *scene, const char *finding)
{
    json_t *check = books_check(scene->db, 0);
    const char *text = json_string_value(json_array_get(json_object_get(check, "errors"), 0));
    if ((text == NULL) != (finding == NULL) || (text != NULL && strstr(text, finding) == NULL))
        fail_msg("%s", text != NULL ? text : "nothing was found");
    json_decref(check);
}

/* What the task of a request knows is enough, once its row is gone. */
static void give_back_for_task(struct scene *scene, size_t i)
{
    struct query *query = db_query(
        scene->db,
        "INSERT INTO tasks (id, public_id, user_id, key_id, group_id, state, progress, provider, "
        "model, hold, charge, given_back, group_ppm, user_ppm, counters, created, ended, expires, "
        "deadline, polled, next_poll, polls, share, flags, deleted, version) SELECT ?1, 'task_x', "
        "?2, ?3, 1, 'failed', 0, 'p', 'a', ?4, ?4, ?4, 1000000, 1000000, '', 0, 0, 0, 0, 0, 0, 0, "
        "0, '', 0, 1");
    struct one *one = &scene->model.requests[i];
    struct give_back given;
    assert_true(one->charge > 0 && i % 7 != 0 && i % 2 == 1);
    query_i64(query, 1, id_of(i));
    query_i64(query, 2, 1 + (int64_t)i % USERS);
    query_i64(query, 3, 10 + (int64_t)i % 5);
    query_i64(query, 4, one->charge);
    assert_true(query_run(query));
    one->given_back = one->charge;
    assert_int_equal(ledger_give_back(scene->db, id_of(i), 1, one->charge, "n", &given),
                     LEDGER_PUT);
}

static void rows_go_by_age_and_their_sums_stay(void **state)
{
    struct scene *scene = *state;
    struct rollup *rollup = ledger_rollup(scene->batch);
    bool left;
    ledger_batch_begin(scene->batch);
    assert_true(db_begin(scene->db));
    for (size_t i = 0; i < REQUESTS; i++)
        end(scene, i);
    rollup_step(scene->db, rollup, id_of(200), REQUESTS, &left);
    assert_true(ledger_flush(scene->db, scene->batch) && db_commit(scene->db));
    int64_t before_ms = ident_wall_ms(id_of(300));
    assert_int_equal(forget(scene, before_ms), 0); /* they are not all added up */
    assert_int_equal(number(scene, "SELECT value FROM meta WHERE key = 'log_from'"), 0);
    rollup_step(scene->db, rollup, INT64_MAX, REQUESTS, &left);

    int64_t from_id = ident_first(before_ms / DAY_MS * DAY_MS);
    int64_t old = 0;
    for (size_t i = 0; i < REQUESTS; i++)
        old += id_of(i) < from_id;
    assert_true(old > 200 && old < 300);
    assert_int_equal(forget(scene, before_ms), old);
    assert_int_equal(number(scene, "SELECT COUNT(*) FROM requests"), REQUESTS - old);
    assert_int_equal(number(scene, "SELECT MIN(id) FROM requests"), id_of((size_t)old));
    assert_int_equal(forget(scene, before_ms - 10 * DAY_MS), 0);
    assert_int_equal(number(scene, "SELECT value FROM meta WHERE key = 'log_from'"), from_id);
    compare(scene);
    assert_check(scene, NULL);

    size_t i = 1;
    while (scene->model.requests[i].charge == 0 || i % 7 == 0 || i % 2 == 0)
        i++;
    assert_true(id_of(i) < from_id);
    give_back_for_task(scene, i);
    compare(scene);
    assert_check(scene, NULL);
    assert_true(db_run(scene->db, "UPDATE rollup_day SET charged = charged + 1 WHERE day = "
                                  "(SELECT MAX(day) FROM rollup_day)"));
    assert_check(scene, "the sums by day of user");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_up, scene_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_those_of_the_ledger_at_every_commit),
        TEST(sums_are_read_page_by_page_in_their_order),
        TEST(rows_go_by_age_and_their_sums_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
