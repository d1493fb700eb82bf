#include "relay/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE 65536

static void spool_close(struct spool *spool)
{
    close(spool->fd);
    free(spool);
}

static void swept(struct mail *mail)
{
    spool_close(CONTAINER_OF(mail, struct spool, mail));
}

struct spool *spool_new(const char *dir)
{
    struct spool *spool = calloc(1, sizeof *spool);
    if (spool == NULL)
        return NULL;
    spool->mail.deliver = swept;
    spool->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0) {
        free(spool);
        return NULL;
    }
    return spool;
}

bool spool_write(struct spool *spool, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(spool->fd, p, n < PIECE ? n : PIECE);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

bool spool_read(const struct spool *spool, uint64_t at, char *into, size_t n)
{
    while (n > 0) {
        ssize_t done = pread(spool->fd, into, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        into += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return true;
}

void spool_free(struct spool **spool, struct mailbox *sweeper)
{
    if (*spool != NULL && sweeper != NULL)
        mailbox_post(sweeper, &(*spool)->mail);
    else if (*spool != NULL)
        spool_close(*spool);
    *spool = NULL;
}
