#include "store/store_backup.h"

#include <string.h>

#include "base/log.h"
#include "store/admin_run.h"
#include "store/sqlite_backup.h"
#include "store/store_queue.h"

static struct buf *why_of(struct store_call *call)
{
    return &CONTAINER_OF(call, struct store_admin, call)->why;
}

void store_backup_begin(struct store *store, struct store_call *call)
{
    struct store_admin *admin = CONTAINER_OF(call, struct store_admin, call);
    const char *path = json_string_value(json_object_get(admin->arguments, "file"));
    bool exists = false;
    if (path == NULL || path[0] != '/' || json_object_size(admin->arguments) != 1) {
        (void)!buf_addf(&admin->why, "db backup takes the absolute path of a file");
        call_reply(call, STORE_INVALID);
        return;
    }
    if (store->backup != NULL) {
        (void)!buf_addf(&admin->why, "a backup to %s is being made", backup_path(store->backup));
        call_reply(call, STORE_CONFLICT);
        return;
    }
    store->backup = backup_begin(store->db, path, &admin->why, &exists);
    if (store->backup == NULL)
        call_reply(call, exists ? STORE_CONFLICT : STORE_INVALID);
    else
        store->backup_call = call;
}

static void finish(struct store *store, enum store_code code)
{
    struct store_call *call = store->backup_call;
    backup_end(&store->backup);
    store->backup_call = NULL;
    call_reply(call, code);
}

void store_backup_step(struct store *store)
{
    if (store->backup == NULL)
        return;
    struct store_admin *admin = CONTAINER_OF(store->backup_call, struct store_admin, call);
    switch (backup_step(store->backup, &admin->why)) {
    case BACKUP_MORE:
        return;
    case BACKUP_FAILED:
        finish(store, STORE_DOWN);
        return;
    case BACKUP_DONE:
        log_write(LOG_INFO, "store", "the database was copied to %s", backup_path(store->backup));
        admin->result = json_pack("{s:s, s:I, s:o}", "file", backup_path(store->backup), "bytes",
                                  (json_int_t)backup_bytes(store->backup), "started_id",
                                  admin_id(store->newest_id));
        finish(store, admin->result != NULL ? STORE_OK : STORE_DOWN);
        return;
    }
}

void store_backup_abandon(struct store *store)
{
    if (store->backup == NULL)
        return;
    (void)!buf_addf(why_of(store->backup_call), "the database was closed before it was copied");
    finish(store, STORE_DOWN);
}
