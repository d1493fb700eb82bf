/* Preloaded into a gateway: names that end in ".slow.internal" are 127.0.0.1, after SLOW_DNS_MS
 * milliseconds; each look-up of one is a byte in the file SLOW_DNS_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int look_up(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_slow(const char *name)
{
    static const char end[] = ".slow.internal";
    size_t n = name != NULL ? strlen(name) : 0;
    return n >= sizeof end - 1 && strcmp(name + n - (sizeof end - 1), end) == 0;
}

static void note(void)
{
    const char *path = getenv("SLOW_DNS_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return;
    ssize_t written = write(fd, ".", 1);
    (void)written;
    close(fd);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    look_up *real = (look_up *)dlsym(RTLD_NEXT, "getaddrinfo");
    const char *text = getenv("SLOW_DNS_MS");
    if (!is_slow(name))
        return real(name, service, hints, found);
    note();
    usleep((useconds_t)strtoul(text != NULL ? text : "0", NULL, 10) * 1000);
    return real("127.0.0.1", service, hints, found);
}
