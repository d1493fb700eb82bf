#include "server/cli/drop_in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "config/source.h"

#define PATH_BYTES_MAX 8192

static bool fail_system(struct answer *answer, const char *path)
{
    int error = errno;
    bool denied = error == EACCES || error == EPERM || error == EROFS;
    answer_fail(answer, denied ? ADMIN_NOT_PERMITTED : ADMIN_FAILED, "cannot write %s: %s", path,
                strerrordesc_np(error));
    return false;
}

/* conf.d/NAME.conf; a hidden name (".NAME.conf.old") is no file that the include's pattern finds.
 */
static char *path_in(const struct drop_in *drop_in, const char *before, const char *behind)
{
    struct buf path;
    size_t n = 0;
    buf_init(&path, PATH_BYTES_MAX);
    char *result = buf_addf(&path, "%s/%s%s.conf%s", drop_in->folder, before, drop_in->name, behind)
                       ? buf_take(&path, &n)
                       : NULL;
    buf_release(&path);
    return result;
}

/* What stands in the folder is durable; a file system that cannot say so is as good as it gets. */
static void sync_folder(const struct drop_in *drop_in)
{
    int fd = open(drop_in->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static bool write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = str_from(text, (size_t)n);
    }
    return fsync(fd) == 0;
}

/* Who reads the main file is to read what it includes, whatever the umask: the server may run as
 * another user than the one who adds. */
static bool stat_config(const struct drop_in *drop_in, struct stat *config)
{
    return stat(drop_in->config, config) == 0;
}

/* The rights of the file that it replaces, else those of the main file.  A group that the caller is
 * not in stays as it is. */
static bool set_rights(int fd, const struct drop_in *drop_in)
{
    struct stat like;
    if (stat(drop_in->path, &like) != 0 && !stat_config(drop_in, &like))
        return true;
    (void)!fchown(fd, (uid_t)-1, like.st_gid);
    return fchmod(fd, like.st_mode & 0666) == 0;
}

/* Makes the file by a hidden name.  The template's X are replaced. */
static bool make_hidden(char *hidden, const struct drop_in *drop_in, struct str text,
                        struct answer *answer)
{
    int fd = mkostemp(hidden, O_CLOEXEC);
    if (fd < 0)
        return fail_system(answer, hidden);
    bool ok = write_all(fd, text) && set_rights(fd, drop_in);
    if (!ok) {
        (void)fail_system(answer, hidden);
        unlink(hidden);
    }
    close(fd);
    return ok;
}

/* A link never replaces anything, so that of two who add the same name one is told. */
static bool place_new(const struct drop_in *drop_in, const char *hidden, struct answer *answer)
{
    bool ok = link(hidden, drop_in->path) == 0;
    if (!ok && errno == EEXIST)
        answer_fail(answer, ADMIN_CONFLICT, "%s is there already; --force replaces it",
                    drop_in->path);
    else if (!ok)
        (void)fail_system(answer, drop_in->path);
    unlink(hidden);
    return ok;
}

/* What is there keeps a name until the new file has been judged. */
static bool place_over(struct drop_in *drop_in, const char *hidden, char **old,
                       struct answer *answer)
{
    unlink(*old); /* left by a run that was killed */
    bool has_old = link(drop_in->path, *old) == 0;
    bool ok = (has_old || errno == ENOENT) && rename(hidden, drop_in->path) == 0;
    if (!ok) {
        (void)fail_system(answer, drop_in->path);
        unlink(hidden);
    }
    if (ok && has_old) {
        drop_in->old = *old;
        *old = NULL;
    } else if (has_old) {
        unlink(*old);
    }
    return ok;
}

static bool make_folder(struct drop_in *drop_in, struct answer *answer)
{
    struct stat config;
    drop_in->made_folder = mkdir(drop_in->folder, 0755) == 0;
    if (!drop_in->made_folder)
        return errno == EEXIST || fail_system(answer, drop_in->folder);
    if (stat_config(drop_in, &config)) {
        mode_t readers = config.st_mode & 0044;
        (void)!chown(drop_in->folder, (uid_t)-1, config.st_gid);
        (void)chmod(drop_in->folder, 0700 | readers | readers >> 2);
    }
    return true;
}

static bool put(struct drop_in *drop_in, struct str text, struct answer *answer)
{
    char *hidden = path_in(drop_in, ".", ".XXXXXX"), *old = path_in(drop_in, ".", ".old");
    bool ok = false;
    if (hidden == NULL || old == NULL)
        answer_fail(answer, ADMIN_FAILED, "out of memory");
    else
        ok = make_hidden(hidden, drop_in, text, answer) &&
             (drop_in->replace ? place_over(drop_in, hidden, &old, answer)
                               : place_new(drop_in, hidden, answer));
    free(hidden);
    free(old);
    return ok;
}

bool drop_in_put(struct drop_in *drop_in, struct str text, struct answer *answer)
{
    drop_in->folder = path_beside(drop_in->config, STR("conf.d"));
    drop_in->path = drop_in->folder != NULL ? path_in(drop_in, "", "") : NULL;
    if (drop_in->path == NULL) {
        answer_fail(answer, ADMIN_FAILED, "out of memory");
        return false;
    }
    if (!make_folder(drop_in, answer))
        return false;
    bool ok = put(drop_in, text, answer);
    if (ok)
        sync_folder(drop_in);
    else if (drop_in->made_folder)
        rmdir(drop_in->folder);
    return ok;
}

void drop_in_keep(struct drop_in *drop_in)
{
    if (drop_in->old != NULL)
        unlink(drop_in->old);
    drop_in_release(drop_in);
}

bool drop_in_take_back(struct drop_in *drop_in)
{
    bool ok = drop_in->old != NULL ? rename(drop_in->old, drop_in->path) == 0
                                   : unlink(drop_in->path) == 0;
    sync_folder(drop_in);
    if (drop_in->made_folder)
        rmdir(drop_in->folder);
    drop_in_release(drop_in);
    return ok;
}

void drop_in_release(struct drop_in *drop_in)
{
    free(drop_in->folder);
    free(drop_in->path);
    free(drop_in->old);
    drop_in->folder = drop_in->path = drop_in->old = NULL;
}
