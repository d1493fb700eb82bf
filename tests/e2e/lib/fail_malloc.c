/* Preloaded into a gateway: makes allocations fail when its test says so.
 *
 * FAIL_MALLOC names a file that holds a struct control, which the test writes and reads.  Counted
 * are the allocations of the gateway itself and of the libraries below; not those of libcurl,
 * whose 7.88 does not survive some (after one that fails in its socket hash it divides by zero). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const counted[] = {"libmicrohttpd", "libjansson", "libsqlite3"};

/* glibc's own, behind the names that are taken over here. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

struct control {
    _Atomic int64_t armed;
    _Atomic int64_t countdown; /* the allocation that brings it to 0 fails */
    _Atomic int64_t forever;   /* so do all behind it */
    _Atomic int64_t failed;    /* how many have */
};

static struct control *control;

/* Where the code of those that count lies. */
static struct range {
    uintptr_t begin, end;
} ranges[8];
static size_t range_count;

static int is_counted(const char *name)
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (strstr(name, counted[i]) != NULL)
            return 1;
    }
    return name[0] == '\0'; /* the program */
}

static int note_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (size_t i = 0; is_counted(info->dlpi_name) && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) ||
            range_count == sizeof ranges / sizeof *ranges)
            continue;
        uintptr_t begin = info->dlpi_addr + part->p_vaddr;
        ranges[range_count++] = (struct range){begin, begin + part->p_memsz};
    }
    return 0;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAIL_MALLOC");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    dl_iterate_phdr(note_object, NULL);
    void *p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED)
        control = p;
}

static int fails(uintptr_t caller)
{
    int counts = 0;
    if (control == NULL || !atomic_load(&control->armed))
        return 0;
    for (size_t i = 0; i < range_count; i++)
        counts |= caller >= ranges[i].begin && caller < ranges[i].end;
    int64_t before = counts ? atomic_fetch_sub(&control->countdown, 1) : INT64_MAX;
    if (before > 1 || (before < 1 && !atomic_load(&control->forever)))
        return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = ENOMEM;
    return 1;
}

#define CALLER ((uintptr_t)__builtin_return_address(0))

void *malloc(size_t n)
{
    return fails(CALLER) ? NULL : __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    return fails(CALLER) ? NULL : __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    return fails(CALLER) ? NULL : __libc_realloc(p, n);
}
