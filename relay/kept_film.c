#include "relay/kept_film.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct kept_film *film_of(struct mail *mail)
{
    return CONTAINER_OF(mail, struct kept_film, mail);
}

static void is_back(struct mail *mail)
{
    struct kept_film *film = film_of(mail);
    film->away = false;
    film->back(film);
}

static void send_back(struct kept_film *film)
{
    film->mail.deliver = is_back;
    mailbox_post(film->reply, &film->mail);
}

static void send(struct kept_film *film, void (*deliver)(struct mail *mail))
{
    CHECK(!film->away);
    film->away = true;
    film->mail.deliver = deliver;
    mailbox_post(keeper_reader(film->keeper), &film->mail);
}

/* --- in the reading thread -----------------------------------------------------------------------
 */

static void open_file(struct mail *mail)
{
    struct kept_film *film = film_of(mail);
    struct stat info;
    film->fd =
        openat(keeper_folder(film->keeper), film->kept.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    film->failed = film->fd < 0 || fstat(film->fd, &info) != 0 || info.st_size != film->kept.bytes;
    send_back(film);
}

static void read_piece(struct mail *mail)
{
    struct kept_film *film = film_of(mail);
    size_t done = 0;
    while (!film->failed && done < film->n) {
        ssize_t n = pread(film->fd, film->piece + done, film->n - done, (off_t)(film->at + done));
        if (n > 0)
            done += (size_t)n;
        else
            film->failed = n == 0 || errno != EINTR;
    }
    send_back(film);
}

/* Its last bytes on the disk may go with it, if it has been removed: that takes its time. */
static void close_file(struct mail *mail)
{
    struct kept_film *film = film_of(mail);
    if (film->fd >= 0)
        close(film->fd);
    free(film);
}

/* --- in the loop ---------------------------------------------------------------------------------
 */

struct kept_film *kept_film_open(struct keeper *keeper, const struct kept *kept,
                                 struct mailbox *reply, void (*back)(struct kept_film *film),
                                 void *context)
{
    struct kept_film *film = malloc(sizeof *film);
    if (film == NULL)
        return NULL;
    film->keeper = keeper;
    film->kept = *kept;
    film->reply = reply;
    film->back = back;
    film->context = context;
    film->away = film->failed = false;
    film->at = film->n = 0;
    film->fd = -1;
    send(film, open_file);
    return film;
}

void kept_film_read(struct kept_film *film, uint64_t at, size_t n)
{
    CHECK(n > 0 && n <= sizeof film->piece);
    film->at = at;
    film->n = n;
    send(film, read_piece);
}

void kept_film_free(struct kept_film **film)
{
    if (*film != NULL)
        send(*film, close_file);
    *film = NULL;
}
