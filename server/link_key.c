#include "server/link_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* False: it is not there whole. */
static bool read_all(int fd, uint8_t key[SECRET_HASH_SIZE])
{
    uint8_t extra;
    return read(fd, key, SECRET_HASH_SIZE) == SECRET_HASH_SIZE && read(fd, &extra, 1) == 0;
}

/* Under another name first: there is never half a key.  Only the owner of the database comes here,
 * so nobody else makes one meanwhile. */
static bool make(int dir, uint8_t key[SECRET_HASH_SIZE])
{
    static const char draft[] = LINK_KEY_FILE ".new";
    secret_random(key, SECRET_HASH_SIZE);
    int fd = openat(dir, draft, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, key, SECRET_HASH_SIZE) == SECRET_HASH_SIZE && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok && renameat(dir, draft, dir, LINK_KEY_FILE) == 0 && fsync(dir) == 0;
}

bool link_key_load(const char *dir, uint8_t key[SECRET_HASH_SIZE], struct buf *why)
{
    int folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = folder < 0 ? -1 : openat(folder, LINK_KEY_FILE, O_RDONLY | O_CLOEXEC);
    bool ok = false;
    if (fd >= 0) {
        ok = read_all(fd, key);
        if (!ok)
            (void)!buf_addf(why, "%s in %s is no key of %d bytes: remove it", LINK_KEY_FILE, dir,
                            SECRET_HASH_SIZE);
    } else {
        ok = folder >= 0 && errno == ENOENT && make(folder, key);
        if (!ok)
            (void)!buf_addf(why, "%s in %s: %s", LINK_KEY_FILE, dir, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    return ok;
}
