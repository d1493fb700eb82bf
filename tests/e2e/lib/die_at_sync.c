/* Preloaded into a gateway: kills it where it makes a commit durable.  DIE_AT_SYNC names a file; as
 * soon as that holds "before" or "after", the next fdatasync does not come to pass, or is the last
 * thing that does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_armed(const char *when)
{
    char text[16] = "";
    const char *path = getenv("DIE_AT_SYNC");
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 && strcmp(text, when) == 0;
}

int fdatasync(int fd)
{
    int armed_after = is_armed("after");
    if (is_armed("before"))
        raise(SIGKILL);
    int result = (int)syscall(SYS_fdatasync, fd);
    if (armed_after)
        raise(SIGKILL);
    return result;
}
