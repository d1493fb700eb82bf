/* What the tests of the store share: a fresh folder under build/, a store in it, and calls that
 * wait for their answer. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "store/ident.h"
#include "store/sqlite.h"
#include "store/store.h"

#define WAIT_MS 20000
#define WHY_SIZE 1024

struct fixture {
    char folder[64];
    char path[96];
    struct mailbox box;
    struct store *store;
    struct ident_source ids;
    char why[WHY_SIZE]; /* of the last call */
};

UNUSED static void folder_make(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    (void)mkdir("build", 0777);
    snprintf(fixture->folder, sizeof fixture->folder, "build/test-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof fixture->path, "%s/gateway.db", fixture->folder);
}

UNUSED static void folder_remove(struct fixture *fixture)
{
    DIR *dir = opendir(fixture->folder);
    struct dirent *item;
    char path[400];
    while (dir != NULL && (item = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", fixture->folder, item->d_name);
        (void)unlink(path);
    }
    if (dir != NULL)
        closedir(dir);
    assert_int_equal(rmdir(fixture->folder), 0);
}

UNUSED static bool store_try(struct fixture *fixture, struct store **store, bool *in_use)
{
    struct buf why;
    struct store_options options = {.path = fixture->path};
    buf_init(&why, WHY_SIZE);
    bool ok = store_open(&options, store, &why, in_use);
    struct str text = buf_str(&why);
    snprintf(fixture->why, sizeof fixture->why, "%.*s", STR_ARG(text));
    buf_release(&why);
    return ok;
}

UNUSED static void store_start(struct fixture *fixture)
{
    bool in_use;
    if (!store_try(fixture, &fixture->store, &in_use))
        fail_msg("store_open: %s", fixture->why);
    ident_init(&fixture->ids, 0, store_newest_id(fixture->store));
}

UNUSED static void store_reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    store_start(fixture);
}

UNUSED static int fixture_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_true(secret_open());
    folder_make(fixture);
    assert_true(mailbox_init(&fixture->box));
    store_start(fixture);
    *state = fixture;
    return 0;
}

UNUSED static int fixture_down(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    mailbox_release(&fixture->box);
    folder_remove(fixture);
    free(fixture);
    return 0;
}

/* A call that is back has no `done` any more. */
UNUSED static void on_done(struct store_call *call)
{
    call->done = NULL;
}

UNUSED static void wait_for(struct fixture *fixture, struct store_call *call)
{
    struct pollfd wanted = {.fd = fixture->box.fd, .events = POLLIN};
    while (call->done != NULL) {
        assert_int_equal(poll(&wanted, 1, WAIT_MS), 1);
        mailbox_deliver(&fixture->box);
    }
}

UNUSED static void prepare(struct fixture *fixture, struct store_call *call)
{
    call->reply = &fixture->box;
    call->done = on_done;
}

/* --- operators -------------------------------------------------------------------------------- */

/* Takes `arguments`; the result is given when OK. */
UNUSED static enum store_code admin_json(struct fixture *fixture, const char *operation,
                                         json_t *arguments, json_t **result)
{
    struct store_admin admin = {.operation = operation, .arguments = arguments};
    prepare(fixture, &admin.call);
    buf_init(&admin.why, WHY_SIZE);
    store_admin(fixture->store, &admin);
    wait_for(fixture, &admin.call);
    struct str why = buf_str(&admin.why);
    snprintf(fixture->why, sizeof fixture->why, "%.*s", STR_ARG(why));
    buf_release(&admin.why);
    json_decref(arguments);
    assert_true((admin.call.code == STORE_OK) == (admin.result != NULL));
    if (result != NULL)
        *result = admin.result;
    else
        json_decref(admin.result);
    return admin.call.code;
}

UNUSED static enum store_code admin_code(struct fixture *fixture, const char *operation,
                                         const char *arguments)
{
    json_t *object = json_loads(arguments, JSON_DECODE_ANY, NULL);
    assert_non_null(object);
    return admin_json(fixture, operation, object, NULL);
}

/* The result of an operation that must succeed. */
UNUSED static json_t *admin_ok(struct fixture *fixture, const char *operation,
                               const char *arguments)
{
    json_t *result = NULL;
    json_t *object = json_loads(arguments, 0, NULL);
    assert_non_null(object);
    if (admin_json(fixture, operation, object, &result) != STORE_OK)
        fail_msg("%s %s: %s", operation, arguments, fixture->why);
    return result;
}

/* Compares one member, as compact JSON. */
UNUSED static void assert_member(const json_t *object, const char *name, const char *expected)
{
    char *text = json_dumps(json_object_get(object, name), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

/* A member of what an operation answers. */
UNUSED static void assert_shown(struct fixture *fixture, const char *operation,
                                const char *arguments, const char *name, const char *expected)
{
    json_t *result = admin_ok(fixture, operation, arguments);
    assert_member(result, name, expected);
    json_decref(result);
}

/* --- keys and requests ------------------------------------------------------------------------ */

UNUSED static enum store_code key_get(struct fixture *fixture, const char *secret,
                                      struct key_record **record)
{
    struct store_key_get get = {0};
    prepare(fixture, &get.call);
    secret_hash(str_of(secret), get.hash);
    store_key_get(fixture->store, &get);
    wait_for(fixture, &get.call);
    *record = get.record;
    return get.call.code;
}

UNUSED static void entry_fill(struct fixture *fixture, struct ledger_entry *entry,
                              int64_t charge_nusd)
{
    *entry = (struct ledger_entry){.id = ident_next(&fixture->ids, clock_wall_ms()),
                                   .admitted_ms = clock_wall_ms(),
                                   .group_id = 1,
                                   .endpoint = "chat",
                                   .model = "m",
                                   .provider = "p",
                                   .upstream_model = "um",
                                   .status = 200,
                                   .end = "finished",
                                   .attempts = 1,
                                   .source = USAGE_UPSTREAM,
                                   .charge_nusd = charge_nusd,
                                   .group_ppm = 1000000,
                                   .user_ppm = 1000000,
                                   .first_ms = -1,
                                   .total_ms = 5};
    entry->counters.n[COUNTER_in_text] = 3;
    entry->counters.n[COUNTER_out_text] = 2;
}

/* The same, with the record's accounts held and settled. */
UNUSED static void entry_admit(struct fixture *fixture, struct ledger_entry *entry,
                               struct key_record *record, int64_t charge_nusd)
{
    struct admission admission;
    entry_fill(fixture, entry, charge_nusd);
    entry->user_id = record->user_id;
    entry->key_id = record->id;
    entry->group_id = record->group_id;
    entry->hold_nusd = charge_nusd;
    assert_int_equal(book_admit(store_book(fixture->store), record,
                                &(struct demand){.nusd = charge_nusd}, &entry->hold, &admission),
                     FAULT_NONE);
    book_settle(store_book(fixture->store), &entry->hold, charge_nusd, 0);
}

UNUSED static enum store_code settle(struct fixture *fixture, struct store_settle *settle)
{
    prepare(fixture, &settle->call);
    store_settle(fixture->store, settle);
    wait_for(fixture, &settle->call);
    return settle->call.code;
}

/* The number in the first column of the first row. */
UNUSED static int64_t db_first(struct db *db, const char *sql)
{
    struct query *query = db_query(db, sql);
    assert_true(query_row(query));
    int64_t n = query_get_i64(query, 0);
    query_end(query);
    return n;
}

/* The same, out of the database file of a store that is closed. */
UNUSED static int64_t db_number(struct fixture *fixture, const char *sql)
{
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    int64_t number = db_first(db, sql);
    db_close(&db);
    buf_release(&why);
    return number;
}

UNUSED static void db_change(struct fixture *fixture, const char *sql)
{
    struct buf why;
    bool in_use;
    buf_init(&why, WHY_SIZE);
    struct db *db = db_open(fixture->path, false, &why, &in_use);
    assert_non_null(db);
    assert_true(db_run(db, sql));
    db_close(&db);
    buf_release(&why);
}

#endif
