#include "store/strangers.h"

#include <stdlib.h>
#include <string.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/clock.h"

#define ADDRESS_SIZE 16
#define NETWORK_SIZE 8 /* of an IPv6 address: whoever has one address has all of them */

struct stranger {
    uint8_t address[ADDRESS_SIZE];
    struct bucket tries;
    UT_hash_handle hh;
};

/* In the order in which they came. */
struct strangers {
    struct book *book;
    struct stranger *first;
};

static void set_address(uint8_t address[ADDRESS_SIZE], const uint8_t given[ADDRESS_SIZE])
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(address, given, ADDRESS_SIZE);
    if (memcmp(given, mapped, sizeof mapped) != 0)
        memset(address + NETWORK_SIZE, 0, ADDRESS_SIZE - NETWORK_SIZE);
}

static void forget(struct strangers *strangers, struct stranger *stranger)
{
    HASH_DEL(strangers->first, stranger);
    free(stranger);
}

/* The first of them have most likely stopped. */
static void tidy(struct strangers *strangers)
{
    for (unsigned i = 0; i < 2 && strangers->first != NULL; i++) {
        struct stranger *oldest = strangers->first;
        bucket_refill(&oldest->tries, clock_us());
        if (bucket_reset_us(&oldest->tries) > 0 && HASH_COUNT(strangers->first) < STRANGERS_MAX)
            return;
        forget(strangers, oldest);
    }
}

static struct stranger *find_or_add(struct strangers *strangers,
                                    const uint8_t address[ADDRESS_SIZE])
{
    static const struct bucket_size size = {STRANGERS_TRIES, MINUTE_US, STRANGERS_TRIES};
    struct stranger *stranger = NULL;
    HASH_FIND(hh, strangers->first, address, ADDRESS_SIZE, stranger);
    if (stranger != NULL)
        return stranger;
    tidy(strangers);
    stranger = calloc(1, sizeof *stranger);
    if (stranger == NULL)
        return NULL;
    memcpy(stranger->address, address, ADDRESS_SIZE);
    bucket_init(&stranger->tries, &size, clock_us());
    HASH_ADD_KEYPTR(hh, strangers->first, stranger->address, ADDRESS_SIZE, stranger);
    if (stranger->hh.tbl == NULL) { /* how uthash says that memory is out */
        free(stranger);
        return NULL;
    }
    return stranger;
}

int64_t strangers_note_us(struct strangers *strangers, const uint8_t address[ADDRESS_SIZE])
{
    CHECK(strangers != NULL);
    uint8_t counted[ADDRESS_SIZE];
    int64_t wait_us = 0;
    set_address(counted, address);
    book_lock(strangers->book);
    struct stranger *stranger = find_or_add(strangers, counted);
    if (stranger != NULL) {
        bucket_refill(&stranger->tries, clock_us());
        wait_us = bucket_wait_us(&stranger->tries, 1);
        if (wait_us == 0)
            bucket_take(&stranger->tries, 1);
    }
    book_unlock(strangers->book);
    return wait_us;
}

unsigned strangers_count(const struct strangers *strangers)
{
    return HASH_COUNT(strangers->first);
}

struct strangers *strangers_new(struct book *book)
{
    CHECK(book != NULL);
    struct strangers *strangers = calloc(1, sizeof *strangers);
    if (strangers != NULL)
        strangers->book = book;
    return strangers;
}

void strangers_free(struct strangers **strangers)
{
    CHECK(strangers != NULL);
    if (*strangers == NULL)
        return;
    while ((*strangers)->first != NULL)
        forget(*strangers, (*strangers)->first);
    free(*strangers);
    *strangers = NULL;
}
