#include "tests/sim/disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define SECTOR 512

static struct disk *mounted;

/* What SQLite has allocated for an open file. */
struct handle {
    sqlite3_file base;
    struct disk_file *file;
};

/* --- bytes ------------------------------------------------------------------------------------ */

static void bytes_resize(struct disk_bytes *bytes, size_t n)
{
    if (n > bytes->room) {
        bytes->room = n * 2;
        bytes->p = realloc(bytes->p, bytes->room);
        CHECK(bytes->p != NULL);
    }
    if (n > bytes->n)
        memset(bytes->p + bytes->n, 0, n - bytes->n);
    bytes->n = n;
}

static void bytes_put(struct disk_bytes *bytes, size_t at, const uint8_t *p, size_t n)
{
    if (n == 0)
        return;
    if (at + n > bytes->n)
        bytes_resize(bytes, at + n);
    memcpy(bytes->p + at, p, n);
}

static void bytes_copy(struct disk_bytes *to, const struct disk_bytes *from)
{
    bytes_resize(to, 0);
    bytes_put(to, 0, from->p, from->n);
}

/* --- writes that are on their way ------------------------------------------------------------- */

static void write_note(struct disk_file *file, int64_t at, const void *p, size_t n)
{
    if (file->write_count == file->write_room) {
        file->write_room = file->write_room * 2 + 16;
        file->writes = realloc(file->writes, file->write_room * sizeof *file->writes);
        CHECK(file->writes != NULL);
    }
    struct disk_write *one = &file->writes[file->write_count++];
    *one = (struct disk_write){.at = at, .n = n};
    if (p == NULL)
        return;
    one->p = malloc(n);
    CHECK(one->p != NULL);
    memcpy(one->p, p, n);
}

static void write_land(struct disk_file *file, const struct disk_write *one)
{
    if (one->p == NULL)
        bytes_resize(&file->durable, (size_t)one->at);
    else
        bytes_put(&file->durable, (size_t)one->at, one->p, one->n);
}

/* Some of its sectors get there. */
static void write_tear(struct disk_file *file, const struct disk_write *one, struct dice *dice)
{
    for (size_t at = 0; one->p != NULL && at < one->n;) {
        size_t n = SECTOR - ((size_t)one->at + at) % SECTOR;
        if (n > one->n - at)
            n = one->n - at;
        if (dice_hits(dice, 2))
            bytes_put(&file->durable, (size_t)one->at + at, one->p + at, n);
        at += n;
    }
}

static void writes_forget(struct disk_file *file)
{
    for (size_t i = 0; i < file->write_count; i++)
        free(file->writes[i].p);
    file->write_count = 0;
}

static void writes_sync(struct disk_file *file)
{
    for (size_t i = 0; i < file->write_count; i++)
        write_land(file, &file->writes[i]);
    writes_forget(file);
    file->is_durable = true;
}

static void writes_gamble(struct disk_file *file, struct dice *dice)
{
    for (size_t i = 0; i < file->write_count; i++) {
        unsigned fate = dice_below(dice, 3);
        if (fate == 0)
            write_land(file, &file->writes[i]);
        else if (fate == 1)
            write_tear(file, &file->writes[i], dice);
    }
    writes_forget(file);
}

/* Before each write and sync: what SQLite is told. */
static int step(int code_of_denied)
{
    mounted->steps++;
    if (mounted->dies_in > 0 && --mounted->dies_in == 0)
        mounted->trouble = DISK_DEAD;
    switch (mounted->trouble) {
    case DISK_FINE:
        return SQLITE_OK;
    case DISK_FULL:
        return code_of_denied == SQLITE_IOERR_WRITE ? SQLITE_FULL : SQLITE_OK;
    case DISK_UNSURE:
        return code_of_denied == SQLITE_IOERR_FSYNC ? SQLITE_IOERR_FSYNC : SQLITE_OK;
    case DISK_DENIED:
    case DISK_DEAD:
        break;
    }
    return code_of_denied;
}

/* --- what SQLite calls ------------------------------------------------------------------------ */

static struct disk_file *file_of(sqlite3_file *base)
{
    return CONTAINER_OF(base, struct handle, base)->file;
}

static int on_close(sqlite3_file *base)
{
    (void)base;
    return SQLITE_OK;
}

static int on_read(sqlite3_file *base, void *to, int n, sqlite3_int64 at)
{
    const struct disk_bytes *live = &file_of(base)->live;
    size_t begin = (size_t)at < live->n ? (size_t)at : live->n;
    size_t here = live->n - begin < (size_t)n ? live->n - begin : (size_t)n;
    if (mounted->trouble == DISK_DEAD)
        return SQLITE_IOERR_READ;
    if (here > 0)
        memcpy(to, live->p + begin, here);
    memset((uint8_t *)to + here, 0, (size_t)n - here);
    return here == (size_t)n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int on_write(sqlite3_file *base, const void *p, int n, sqlite3_int64 at)
{
    struct disk_file *file = file_of(base);
    int code = step(SQLITE_IOERR_WRITE);
    if (code != SQLITE_OK)
        return code;
    write_note(file, at, p, (size_t)n);
    bytes_put(&file->live, (size_t)at, p, (size_t)n);
    return SQLITE_OK;
}

static int on_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    struct disk_file *file = file_of(base);
    int code = step(SQLITE_IOERR_TRUNCATE);
    if (code != SQLITE_OK)
        return code;
    write_note(file, size, NULL, 0);
    bytes_resize(&file->live, (size_t)size);
    return SQLITE_OK;
}

static int on_sync(sqlite3_file *base, int flags)
{
    struct disk_file *file = file_of(base);
    (void)flags;
    int code = step(SQLITE_IOERR_FSYNC);
    if (code == SQLITE_OK)
        writes_sync(file);
    else if (mounted->trouble == DISK_UNSURE)
        writes_gamble(file, &mounted->dice);
    return code;
}

static int on_size(sqlite3_file *base, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)file_of(base)->live.n;
    return SQLITE_OK;
}

/* One process, one connection. */
static int on_lock(sqlite3_file *base, int kind)
{
    (void)base;
    (void)kind;
    return SQLITE_OK;
}

static int on_lock_check(sqlite3_file *base, int *taken)
{
    (void)base;
    *taken = 0;
    return SQLITE_OK;
}

static int on_control(sqlite3_file *base, int operation, void *argument)
{
    (void)base;
    (void)operation;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int on_sector_size(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int on_characteristics(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Without shared memory: the store locks for itself alone before there is a log. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = on_close,
    .xRead = on_read,
    .xWrite = on_write,
    .xTruncate = on_truncate,
    .xSync = on_sync,
    .xFileSize = on_size,
    .xLock = on_lock,
    .xUnlock = on_lock,
    .xCheckReservedLock = on_lock_check,
    .xFileControl = on_control,
    .xSectorSize = on_sector_size,
    .xDeviceCharacteristics = on_characteristics,
};

static struct disk_file *find(const char *name)
{
    for (unsigned i = 0; i < DISK_FILES_MAX; i++) {
        if (strcmp(mounted->files[i].name, name) == 0)
            return &mounted->files[i];
    }
    return NULL;
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out)
{
    struct handle *handle = CONTAINER_OF(base, struct handle, base);
    (void)vfs;
    handle->base.pMethods = NULL;
    if (name == NULL || mounted->trouble == DISK_DEAD)
        return SQLITE_CANTOPEN;
    handle->file = find(name);
    if (handle->file == NULL) {
        handle->file = find("");
        CHECK(handle->file != NULL);
        snprintf(handle->file->name, sizeof handle->file->name, "%s", name);
    }
    handle->base.pMethods = &methods;
    if (out != NULL)
        *out = flags;
    return SQLITE_OK;
}

static void file_empty(struct disk_file *file)
{
    writes_forget(file);
    bytes_resize(&file->live, 0);
    bytes_resize(&file->durable, 0);
    file->name[0] = '\0';
    file->is_durable = false;
}

static int on_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)sync;
    int code = step(SQLITE_IOERR_DELETE);
    struct disk_file *file = find(name);
    if (code == SQLITE_OK && file != NULL)
        file_empty(file);
    return code;
}

static int on_access(sqlite3_vfs *vfs, const char *name, int flags, int *answer)
{
    const struct disk_file *file = find(name);
    (void)vfs;
    *answer = file != NULL && (flags != SQLITE_ACCESS_EXISTS || file->live.n > 0);
    return SQLITE_OK;
}

static int on_full_name(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    snprintf(out, (size_t)size, "%s", name);
    return SQLITE_OK;
}

/* --- the disk itself -------------------------------------------------------------------------- */

void disk_mount(struct disk *disk)
{
    static sqlite3_vfs vfs;
    mounted = disk;
    if (vfs.zName != NULL)
        return;
    vfs = *sqlite3_vfs_find(NULL);
    vfs.iVersion = 1;
    vfs.szOsFile = sizeof(struct handle);
    vfs.zName = "sim";
    vfs.pNext = NULL;
    vfs.xOpen = on_open;
    vfs.xDelete = on_delete;
    vfs.xAccess = on_access;
    vfs.xFullPathname = on_full_name;
    CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

void disk_restart(struct disk *disk)
{
    disk->trouble = DISK_FINE;
    disk->dies_in = 0;
}

void disk_cut_power(struct disk *disk)
{
    for (unsigned i = 0; i < DISK_FILES_MAX; i++) {
        struct disk_file *file = &disk->files[i];
        writes_gamble(file, &disk->dice);
        if (file->name[0] != '\0' && !file->is_durable && dice_hits(&disk->dice, 2))
            file_empty(file);
        bytes_copy(&file->live, &file->durable);
    }
    disk_restart(disk);
}

void disk_copy(struct disk *to, const struct disk *from)
{
    for (unsigned i = 0; i < DISK_FILES_MAX; i++) {
        struct disk_file *file = &to->files[i];
        writes_forget(file);
        bytes_copy(&file->live, &from->files[i].live);
        bytes_copy(&file->durable, &from->files[i].live);
        snprintf(file->name, sizeof file->name, "%s", from->files[i].name);
        file->is_durable = file->name[0] != '\0';
    }
    disk_restart(to);
    to->steps = 0;
}

void disk_release(struct disk *disk)
{
    for (unsigned i = 0; i < DISK_FILES_MAX; i++) {
        writes_forget(&disk->files[i]);
        free(disk->files[i].writes);
        free(disk->files[i].live.p);
        free(disk->files[i].durable.p);
    }
    memset(disk, 0, sizeof *disk);
}
