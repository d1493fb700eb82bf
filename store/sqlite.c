#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sqlite3.h>

#define STATEMENTS_MAX 256 /* a power of two, well above the literals of this room */
#define ERROR_TEXT_SIZE 200
#define NFS_MAGIC 0x6969
#define ADDRESS_BYTES_MAX 16384

struct query {
    const char *sql; /* the key; NULL = free place */
    sqlite3_stmt *statement;
    struct db *db;
};

/* Invariant: code is SQLITE_OK or the first failure since db_begin. */
struct db {
    atomic_bool is_interrupted;
    sqlite3 *handle;
    struct query queries[STATEMENTS_MAX];
    int code;
    int64_t wal_pages;
    char error[ERROR_TEXT_SIZE];
};

static void fail(struct db *db, int code)
{
    if (db->code != SQLITE_OK)
        return;
    db->code = code;
    snprintf(db->error, sizeof db->error, "%s", sqlite3_errmsg(db->handle));
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The raw descriptor is only opened for a file that was not there: closing one on a file that this
 * process has locked would drop the locks (POSIX). */
static bool create_file(const char *path, struct buf *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        int error = errno;
        (void)!buf_addf(why, "cannot create %s: %s", path, strerror(error));
        return false;
    }
    bool ok = fchmod(fd, 0600) == 0;
    close(fd);
    if (!ok)
        (void)!buf_addf(why, "cannot set the rights of %s", path);
    return ok;
}

static bool prepare_file(const char *path, struct buf *why)
{
    struct stat info;
    struct statfs system;
    if (stat(path, &info) != 0) {
        if (errno != ENOENT) {
            (void)!buf_addf(why, "cannot open %s: %s", path, strerror(errno));
            return false;
        }
        if (!create_file(path, why))
            return false;
    } else if (!S_ISREG(info.st_mode)) {
        (void)!buf_addf(why, "%s is not a file", path);
        return false;
    } else if (info.st_mode & 0007) {
        (void)!buf_addf(why, "%s is open to everyone (mode %04o); fix: chmod 600 %s", path,
                        info.st_mode & 07777, path);
        return false;
    }
    /* Its locks do not keep a second owner out reliably. */
    if (statfs(path, &system) == 0 && system.f_type == NFS_MAGIC) {
        (void)!buf_addf(why, "%s is on NFS; put the database on a local disk", path);
        return false;
    }
    return true;
}

static int note_wal(void *context, sqlite3 *handle, const char *name, int pages)
{
    struct db *db = context;
    (void)handle;
    (void)name;
    db->wal_pages = pages;
    return SQLITE_OK;
}

static bool configure(struct db *db, bool process_durability)
{
    sqlite3 *handle = db->handle;
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    /* Exclusive before WAL: no shared memory file, and no second connection can get in, whose
     * checkpoint could lose pages (WAL-reset bug, SQLite 3.7.0 to 3.51.2). */
    if (!db_run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                    "BEGIN IMMEDIATE; COMMIT;"
                    "PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON;"
                    "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                    "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=0;"
                    "PRAGMA journal_size_limit=67108864;"))
        return false;
    if (!db_run(db, process_durability ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL"))
        return false;
    sqlite3_wal_hook(handle, note_wal, db);
    return true;
}

static bool is_wal(struct db *db)
{
    struct query *query = db_query(db, "PRAGMA journal_mode");
    bool wal = query_row(query) && strcmp(query_get_text(query, 0), "wal") == 0;
    query_end(query);
    return wal;
}

/* After a failed sync the kernel shows what it has not written, and takes it for written: a log
 * that was read back so is sure only once it has been written again and synced.  Whoever had it
 * open before may have seen such a failure, this process or the last one. */
static void rewrite_log(struct db *db)
{
    static const int step = 65536;
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log == NULL || log->pMethods == NULL)
        return;
    char *bytes = malloc((size_t)step);
    int code = bytes != NULL ? log->pMethods->xFileSize(log, &size) : SQLITE_NOMEM;
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += step) {
        int n = size - at < step ? (int)(size - at) : step;
        code = log->pMethods->xRead(log, bytes, n, at);
        if (code == SQLITE_OK)
            code = log->pMethods->xWrite(log, bytes, n, at);
    }
    if (code == SQLITE_OK && size > 0)
        code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    free(bytes);
    if (code == SQLITE_OK)
        return;
    db->code = code;
    snprintf(db->error, sizeof db->error, "%s", sqlite3_errstr(code));
}

static void explain(const struct db *db, const char *path, struct buf *why, bool *in_use)
{
    switch (db_trouble(db)) {
    case DB_BUSY:
        *in_use = true;
        (void)!buf_addf(why, "%s is in use by another process", path);
        return;
    case DB_DAMAGED:
        (void)!buf_addf(why, "%s is not a sound database (%s); restore a backup", path,
                        db_error(db));
        return;
    case DB_DENIED:
        (void)!buf_addf(why,
                        "%s cannot be written (%s); fix owner and rights of the file and its "
                        "folder",
                        path, db_error(db));
        return;
    case DB_FINE:
    case DB_FULL:
    case DB_IO:
    case DB_MEMORY:
    case DB_OTHER:
        break;
    }
    (void)!buf_addf(why, "cannot open %s: %s", path, db_error(db));
}

struct db *db_open(const char *path, bool process_durability, struct buf *why, bool *in_use)
{
    CHECK(path != NULL);
    *in_use = false;
    if (!prepare_file(path, why))
        return NULL;
    struct db *db = calloc(1, sizeof *db);
    if (db == NULL) {
        (void)!buf_addf(why, "out of memory");
        return NULL;
    }
    /* Nobody asks SQLite what it has allocated; it would take a mutex at every allocation for it.
     * Refused, which is as well, once SQLite runs. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (code != SQLITE_OK) {
        fail(db, code);
    } else if (sqlite3_db_readonly(db->handle, "main") == 1) {
        db->code = SQLITE_READONLY;
        snprintf(db->error, sizeof db->error, "read-only");
    } else if (configure(db, process_durability) && !is_wal(db) && db->code == SQLITE_OK) {
        db->code = SQLITE_CANTOPEN;
        snprintf(db->error, sizeof db->error, "no write-ahead log here");
    } else if (db->code == SQLITE_OK) {
        rewrite_log(db);
    }
    if (db->code != SQLITE_OK) {
        explain(db, path, why, in_use);
        db_close(&db);
    }
    return db;
}

/* What is "immutable" is read as it is, without locks and without a log.  A name may have any
 * character in it, an address not. */
static bool copy_address(struct buf *address, const char *path)
{
    bool ok = buf_addf(address, "file:");
    for (; ok && *path != '\0'; path++)
        ok = strchr("?#%", *path) != NULL ? buf_addf(address, "%%%02x", *path)
                                          : buf_add(address, path, 1);
    return ok && buf_add(address, "?immutable=1", sizeof "?immutable=1");
}

/* A log beside it has what the file has not, or is about to. */
static bool has_log(const char *path)
{
    struct stat info;
    struct buf log;
    buf_init(&log, ADDRESS_BYTES_MAX);
    bool found = !buf_addf(&log, "%s-wal%c", path, '\0') || lstat(log.p, &info) == 0;
    buf_release(&log);
    return found;
}

static struct db *open_copy(const char *path, struct buf *why)
{
    struct buf address;
    struct db *db = calloc(1, sizeof *db);
    buf_init(&address, ADDRESS_BYTES_MAX);
    if (db == NULL || !copy_address(&address, path)) {
        (void)!buf_addf(why, "out of memory");
    } else {
        int flags =
            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
        int code = sqlite3_open_v2(address.p, &db->handle, flags, NULL);
        if (code != SQLITE_OK)
            fail(db, code);
        else
            (void)db_run(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;");
        if (db->code != SQLITE_OK)
            (void)!buf_addf(why, "cannot open %s: %s", path, db_error(db));
    }
    buf_release(&address);
    if (db != NULL && (db->handle == NULL || db->code != SQLITE_OK))
        db_close(&db);
    return db;
}

struct db *db_open_copy(const char *path, struct buf *why)
{
    struct stat info;
    struct db *db = NULL;
    char *real = realpath(path, NULL); /* its log is where it is, not where a link is */
    if (real == NULL || stat(real, &info) != 0)
        (void)!buf_addf(why, "cannot open %s: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        (void)!buf_addf(why, "%s is not a file", path);
    else if (has_log(real))
        (void)!buf_addf(why, "%s is in use or was not closed: %s-wal has a part of it", path, real);
    else
        db = open_copy(real, why);
    free(real);
    return db;
}

void db_close(struct db **db)
{
    struct db *gone = *db;
    if (gone == NULL)
        return;
    *db = NULL;
    for (size_t i = 0; i < STATEMENTS_MAX; i++)
        sqlite3_finalize(gone->queries[i].statement);
    /* After a failed fsync nothing may be copied on the strength of what was "written". */
    if (gone->code != SQLITE_OK && gone->handle != NULL)
        sqlite3_db_config(gone->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    CHECK(sqlite3_close(gone->handle) == SQLITE_OK);
    free(gone);
}

/* --- failures --------------------------------------------------------------------------------- */

enum db_trouble db_trouble(const struct db *db)
{
    switch (db->code & 0xff) {
    case SQLITE_OK:
        return DB_FINE;
    case SQLITE_FULL:
        return DB_FULL;
    case SQLITE_IOERR:
        return DB_IO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_BUSY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return DB_DENIED;
    case SQLITE_NOMEM:
        return DB_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DB_DAMAGED;
    default:
        return DB_OTHER;
    }
}

const char *db_error(const struct db *db)
{
    return db->error;
}

void db_forgive(struct db *db)
{
    db->code = SQLITE_OK;
    db->error[0] = '\0';
}

/* SQLite forgets it between two statements. */
void db_interrupt(struct db *db)
{
    atomic_store(&db->is_interrupted, true);
    sqlite3_interrupt(db->handle);
}

struct sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

/* --- transactions ----------------------------------------------------------------------------- */

bool db_run(struct db *db, const char *sql)
{
    if (db->code != SQLITE_OK)
        return false;
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        fail(db, code);
    return code == SQLITE_OK;
}

bool db_begin(struct db *db)
{
    CHECK(db->code != SQLITE_OK || sqlite3_get_autocommit(db->handle));
    return query_run(db_query(db, "BEGIN IMMEDIATE"));
}

bool db_commit(struct db *db)
{
    return query_run(db_query(db, "COMMIT"));
}

void db_rollback(struct db *db)
{
    db_forgive(db);
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        if (db->queries[i].statement != NULL)
            sqlite3_reset(db->queries[i].statement);
    }
    /* Some failures have rolled back by themselves. */
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    /* A connection that cannot even roll back is of no more use. */
    if (!sqlite3_get_autocommit(db->handle))
        fail(db, SQLITE_IOERR);
}

bool db_savepoint(struct db *db)
{
    return query_run(db_query(db, "SAVEPOINT one"));
}

void db_undo(struct db *db)
{
    (void)query_run(db_query(db, "ROLLBACK TO one"));
    db_keep(db);
}

void db_keep(struct db *db)
{
    (void)query_run(db_query(db, "RELEASE one"));
}

/* --- statements ------------------------------------------------------------------------------- */

static struct query *place_of(struct db *db, const char *sql)
{
    size_t at = (size_t)(((uintptr_t)sql >> 3) * 2654435761u) & (STATEMENTS_MAX - 1);
    for (size_t tries = 0; tries < STATEMENTS_MAX; tries++) {
        struct query *query = &db->queries[at];
        if (query->sql == sql || query->sql == NULL)
            return query;
        at = (at + 1) & (STATEMENTS_MAX - 1);
    }
    CHECK(!"more statements than STATEMENTS_MAX");
    return NULL;
}

struct query *db_query(struct db *db, const char *sql)
{
    if (db->code == SQLITE_OK && atomic_load_explicit(&db->is_interrupted, memory_order_relaxed)) {
        db->code = SQLITE_INTERRUPT;
        snprintf(db->error, sizeof db->error, "interrupted");
    }
    if (db->code != SQLITE_OK)
        return NULL;
    struct query *query = place_of(db, sql);
    if (query->sql == NULL) {
        int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      &query->statement, NULL);
        if (code != SQLITE_OK) {
            fail(db, code);
            return NULL;
        }
        query->sql = sql;
        query->db = db;
    }
    CHECK(!sqlite3_stmt_busy(query->statement));
    return query;
}

static void note_bind(struct query *query, int code)
{
    CHECK(code != SQLITE_RANGE && code != SQLITE_MISUSE);
    if (code != SQLITE_OK)
        fail(query->db, code);
}

void query_i64(struct query *query, int at, int64_t value)
{
    if (query != NULL)
        note_bind(query, sqlite3_bind_int64(query->statement, at, value));
}

void query_text(struct query *query, int at, const char *text)
{
    if (query != NULL)
        note_bind(query, sqlite3_bind_text(query->statement, at, text, -1, SQLITE_STATIC));
}

void query_str(struct query *query, int at, struct str text)
{
    if (query != NULL)
        note_bind(query,
                  sqlite3_bind_text(query->statement, at, text.p, (int)text.n, SQLITE_STATIC));
}

void query_blob(struct query *query, int at, const void *bytes, size_t n)
{
    if (query != NULL)
        note_bind(query, sqlite3_bind_blob(query->statement, at, bytes, (int)n, SQLITE_STATIC));
}

void query_null(struct query *query, int at)
{
    if (query != NULL)
        note_bind(query, sqlite3_bind_null(query->statement, at));
}

bool query_row(struct query *query)
{
    if (query == NULL)
        return false;
    int code = query->db->code == SQLITE_OK ? sqlite3_step(query->statement) : SQLITE_DONE;
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        fail(query->db, code);
    sqlite3_reset(query->statement);
    return false;
}

bool query_run(struct query *query)
{
    if (query == NULL)
        return false;
    while (query_row(query))
        ;
    return query->db->code == SQLITE_OK;
}

void query_end(struct query *query)
{
    if (query != NULL)
        sqlite3_reset(query->statement);
}

int64_t query_get_i64(struct query *query, int column)
{
    return sqlite3_column_int64(query->statement, column);
}

const char *query_get_text(struct query *query, int column)
{
    const unsigned char *text = sqlite3_column_text(query->statement, column);
    return text != NULL ? (const char *)text : "";
}

bool query_get_null(struct query *query, int column)
{
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

bool query_get_blob(struct query *query, int column, void *bytes, size_t n)
{
    const void *blob = sqlite3_column_blob(query->statement, column);
    if (blob == NULL || (size_t)sqlite3_column_bytes(query->statement, column) != n)
        return false;
    memcpy(bytes, blob, n);
    return true;
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->handle);
}

/* --- upkeep ----------------------------------------------------------------------------------- */

int64_t db_wal_pages(const struct db *db)
{
    return db->wal_pages;
}

bool db_checkpoint(struct db *db)
{
    int pages = 0;
    int moved = 0;
    int code =
        sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    if (code != SQLITE_OK)
        return false;
    db->wal_pages = pages > moved ? pages - moved : 0;
    return true;
}
