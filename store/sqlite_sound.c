/* db_is_sound: SQLite's own look at the structure of the file. */
#include <string.h>

#include <sqlite3.h>

#include "base/clock.h"
#include "store/sqlite.h"

#define LARGE_PAGES 65536 /* 256 MiB: half a second to look at */
#define PROGRESS_STEPS 20000

struct deadline {
    int64_t us;
    bool is_over;
};

static int is_late(void *context)
{
    struct deadline *deadline = context;
    deadline->is_over = clock_precise_us() > deadline->us;
    return deadline->is_over;
}

static bool is_large(struct db *db)
{
    struct query *query = db_query(db, "PRAGMA page_count");
    bool large = query_row(query) && query_get_i64(query, 0) > LARGE_PAGES;
    query_end(query);
    return large;
}

static bool check_with(struct db *db, const char *pragma, struct buf *why)
{
    struct query *query = db_query(db, pragma);
    bool sound = true;
    if (query_row(query) && strcmp(query_get_text(query, 0), "ok") != 0) {
        (void)!buf_addf(why, "%s", query_get_text(query, 0));
        sound = false;
    }
    query_end(query);
    return sound;
}

static bool check_within(struct db *db, int64_t max_ms, struct buf *why)
{
    static const char *const whole[] = {"PRAGMA quick_check(1)"};
    /* The progress handler is not asked while SQLite walks a tree, so those that only grow stay
     * out; any schema has these. */
    static const char *const small[] = {"PRAGMA quick_check(meta)", "PRAGMA quick_check(accounts)",
                                        "PRAGMA quick_check(users)", "PRAGMA quick_check(keys)",
                                        "PRAGMA quick_check(groups)"};
    struct deadline deadline = {.us = clock_precise_us() + max_ms * 1000};
    bool is_part = is_large(db);
    bool sound = true;
    sqlite3_progress_handler(db_handle(db), PROGRESS_STEPS, is_late, &deadline);
    for (size_t i = 0; sound && i < (is_part ? COUNT(small) : COUNT(whole)); i++)
        sound = check_with(db, is_part ? small[i] : whole[i], why);
    sqlite3_progress_handler(db_handle(db), 0, NULL, NULL);
    if (deadline.is_over)
        db_forgive(db);
    return sound;
}

bool db_is_sound(struct db *db, int64_t max_ms, struct buf *why)
{
    bool sound = max_ms > 0 ? check_within(db, max_ms, why)
                            : check_with(db, "PRAGMA integrity_check(1)", why);
    if (db_trouble(db) != DB_FINE) {
        (void)!buf_addf(why, "%s", db_error(db));
        sound = false;
        db_forgive(db);
    }
    return sound;
}
