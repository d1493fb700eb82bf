#include "store/sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <sqlite3.h>

#define PAGES_AT_ONCE 256 /* 1 MB: a few milliseconds */
#define STEPS_A_LOOK 16
#define ROOM_LEFT (64 << 20) /* of the disk, beside the copy */
#define PATH_BYTES_MAX 4096

struct backup {
    char path[PATH_BYTES_MAX];
    char part[PATH_BYTES_MAX + sizeof BACKUP_SUFFIX];
    int fd; /* of the part, to sync it; nobody else has a lock there to lose */
    bool created;
    sqlite3 *copy;
    sqlite3_backup *job;
    int64_t bytes;
    unsigned steps;
};

static bool refuse(struct buf *why, const char *what, const char *path)
{
    int error = errno;
    (void)!buf_addf(why, "cannot %s %s: %s", what, path, strerror(error));
    return false;
}

static bool create_part(struct backup *backup, struct buf *why, bool *exists)
{
    struct stat info;
    *exists = lstat(backup->path, &info) == 0;
    if (*exists) {
        (void)!buf_addf(why, "%s exists already; nothing was written", backup->path);
        return false;
    }
    backup->fd = open(backup->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (backup->fd < 0 && errno == EEXIST) {
        *exists = true;
        (void)!buf_addf(why, "%s is left of a backup that was cut off; remove it first",
                        backup->part);
        return false;
    }
    if (backup->fd < 0)
        return refuse(why, "create", backup->part);
    backup->created = true;
    return fchmod(backup->fd, 0600) == 0 || refuse(why, "set the rights of", backup->part);
}

/* A disk that a copy has filled is one that no charge can be written to. */
static bool has_room(struct db *db, const struct backup *backup, struct buf *why)
{
    struct statvfs system;
    if (fstatvfs(backup->fd, &system) != 0)
        return refuse(why, "look at the disk of", backup->path);
    struct query *query =
        db_query(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    uint64_t needed = query_row(query) ? (uint64_t)query_get_i64(query, 0) + ROOM_LEFT : 0;
    query_end(query);
    uint64_t free = (uint64_t)system.f_bavail * system.f_frsize;
    if (db_trouble(db) == DB_FINE && free >= needed)
        return true;
    if (db_trouble(db) != DB_FINE)
        (void)!buf_addf(why, "cannot read the database: %s", db_error(db));
    else
        (void)!buf_addf(why,
                        "%s needs %" PRIu64 " MiB of room, of which %" PRIu64
                        " are to stay free; the disk has %" PRIu64,
                        backup->path, needed >> 20, (uint64_t)ROOM_LEFT >> 20, free >> 20);
    return false;
}

static bool fail(struct backup *backup, struct buf *why)
{
    (void)!buf_addf(why, "cannot copy the database to %s: %s", backup->path,
                    backup->copy != NULL ? sqlite3_errmsg(backup->copy) : "out of memory");
    return false;
}

static bool begin(struct backup *backup, struct db *db, struct buf *why)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(backup->part, &backup->copy, flags, NULL) != SQLITE_OK)
        return fail(backup, why);
    /* A copy that is cut off is thrown away, so it needs no journal; syncing is done here. */
    if (sqlite3_exec(backup->copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;", NULL, NULL,
                     NULL) != SQLITE_OK)
        return fail(backup, why);
    backup->job = sqlite3_backup_init(backup->copy, "main", db_handle(db), "main");
    return backup->job != NULL || fail(backup, why);
}

struct backup *backup_begin(struct db *db, const char *path, struct buf *why, bool *exists)
{
    *exists = false;
    struct backup *backup = calloc(1, sizeof *backup);
    if (backup == NULL) {
        (void)!buf_addf(why, "out of memory");
        return NULL;
    }
    backup->fd = -1;
    bool fits = (size_t)snprintf(backup->path, PATH_BYTES_MAX, "%s", path) < PATH_BYTES_MAX &&
                snprintf(backup->part, sizeof backup->part, "%s" BACKUP_SUFFIX, path) > 0;
    if (!fits)
        (void)!buf_addf(why, "the path is longer than %d bytes", PATH_BYTES_MAX - 1);
    if (!fits || !create_part(backup, why, exists) || !has_room(db, backup, why) ||
        !begin(backup, db, why))
        backup_end(&backup);
    return backup;
}

/* The folder remembers its new entry. */
static bool sync_folder(const char *path)
{
    char folder[PATH_BYTES_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[1] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* link, unlike rename, never replaces what has appeared there meanwhile. */
bool backup_finish(struct backup *backup, struct buf *why)
{
    struct stat info;
    CHECK(backup->job == NULL);
    sqlite3_close(backup->copy);
    backup->copy = NULL;
    if (fsync(backup->fd) != 0 || fstat(backup->fd, &info) != 0)
        return refuse(why, "write", backup->part);
    if (link(backup->part, backup->path) != 0)
        return refuse(why, "create", backup->path);
    unlink(backup->part);
    backup->created = false;
    backup->bytes = info.st_size;
    return sync_folder(backup->path) || refuse(why, "write the folder of", backup->path);
}

/* Others may fill it meanwhile. */
static bool has_room_left(struct backup *backup, struct buf *why)
{
    struct statvfs system;
    if (backup->steps++ % STEPS_A_LOOK != 0 || fstatvfs(backup->fd, &system) != 0 ||
        (uint64_t)system.f_bavail * system.f_frsize >= ROOM_LEFT)
        return true;
    (void)!buf_addf(why, "%s: less than %d MiB of its disk are free by now", backup->path,
                    ROOM_LEFT >> 20);
    return false;
}

enum backup_step backup_step(struct backup *backup, struct buf *why)
{
    int code = sqlite3_backup_step(backup->job, PAGES_AT_ONCE);
    if (code == SQLITE_OK) {
        /* Piece by piece, so that little is left to wait for at the end; nobody waits here. */
        (void)sync_file_range(backup->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        return has_room_left(backup, why) ? BACKUP_MORE : BACKUP_FAILED;
    }
    int end = sqlite3_backup_finish(backup->job);
    backup->job = NULL;
    if (code == SQLITE_DONE && end == SQLITE_OK)
        return BACKUP_COPIED;
    (void)!buf_addf(why, "cannot copy the database to %s: %s", backup->path,
                    sqlite3_errstr(code != SQLITE_DONE ? code : end));
    return BACKUP_FAILED;
}

struct db *backup_read(struct backup *backup, struct buf *why)
{
    CHECK(backup->job == NULL);
    sqlite3_close(backup->copy);
    backup->copy = NULL;
    struct db *db = db_open_copy(backup->part, why);
    unlink(backup->part);
    backup->created = false;
    return db;
}

int64_t backup_bytes(const struct backup *backup)
{
    return backup->bytes;
}

const char *backup_path(const struct backup *backup)
{
    return backup->path;
}

void backup_end(struct backup **backup)
{
    struct backup *gone = *backup;
    if (gone == NULL)
        return;
    *backup = NULL;
    if (gone->job != NULL)
        (void)sqlite3_backup_finish(gone->job);
    sqlite3_close(gone->copy);
    if (gone->fd >= 0)
        close(gone->fd);
    if (gone->created)
        unlink(gone->part);
    free(gone);
}

bool backup_make(struct db *db, const char *path, struct buf *why)
{
    bool exists;
    enum backup_step step = BACKUP_FAILED;
    struct backup *backup = backup_begin(db, path, why, &exists);
    if (backup != NULL) {
        do
            step = backup_step(backup, why);
        while (step == BACKUP_MORE);
    }
    bool ok = step == BACKUP_COPIED && backup_finish(backup, why);
    backup_end(&backup);
    return ok;
}
