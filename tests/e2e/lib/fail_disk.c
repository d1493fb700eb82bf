/* Preloaded into a gateway: its database's disk fails as the file FAIL_DISK says, from then on
 * until it says otherwise: "full", "readonly", "sync" (a failing fdatasync), "slow MS" (a slow
 * one), "part MS" (a slow one, of a copy only), "room MIB" (so much is free, it says). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int has_in_name(int fd, const char *part)
{
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = '\0';
    return strstr(path, part) != NULL;
}

static int is_database(int fd)
{
    return has_in_name(fd, ".db");
}

static void read_mode(char mode[32])
{
    const char *path = getenv("FAIL_DISK");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? read(fd, mode, 31) : 0;
    if (fd >= 0)
        close(fd);
    mode[n > 0 ? n : 0] = '\0';
}

/* Why a write to it fails; 0 = it does not. */
static int write_error(int fd)
{
    char mode[32];
    read_mode(mode);
    if (mode[0] == '\0' || !is_database(fd))
        return 0;
    return strcmp(mode, "full") == 0 ? ENOSPC : strcmp(mode, "readonly") == 0 ? EROFS : 0;
}

static ssize_t fail(int error)
{
    errno = error;
    return -1;
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    int error = write_error(fd);
    return error != 0 ? fail(error) : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return pwrite64(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    int error = fd > 2 ? write_error(fd) : 0;
    return error != 0 ? fail(error) : syscall(SYS_write, fd, p, n);
}

static int sync_it(long call, int fd)
{
    char mode[32];
    read_mode(mode);
    if (mode[0] == '\0' || !is_database(fd))
        return (int)syscall(call, fd);
    if (strcmp(mode, "sync") == 0)
        return (int)fail(EIO);
    int is_slow = strncmp(mode, "slow ", 5) == 0 ||
                  (strncmp(mode, "part ", 5) == 0 && has_in_name(fd, ".part"));
    if (is_slow) {
        long ms = strtol(mode + 5, NULL, 10);
        const struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        nanosleep(&wait, NULL);
    }
    return (int)syscall(call, fd);
}

int fdatasync(int fd)
{
    return sync_it(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_it(SYS_fsync, fd);
}

int fstatvfs(int fd, struct statvfs *system)
{
    char mode[32];
    int (*next)(int, struct statvfs *) = dlsym(RTLD_NEXT, "fstatvfs");
    int failed = next(fd, system);
    read_mode(mode);
    if (failed == 0 && strncmp(mode, "room ", 5) == 0 && is_database(fd))
        system->f_bavail = strtoul(mode + 5, NULL, 10) * 1048576 / system->f_frsize;
    return failed;
}
