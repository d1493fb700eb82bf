/* A disk of the simulator: SQLite's files in memory.  What was written and not synced is kept
 * apart, so that a power cut can drop it, keep it or tear it, write by write and sector by sector.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/dice.h"

#define DISK_FILES_MAX 4
#define DISK_NAME_SIZE 160

enum disk_trouble {
    DISK_FINE,
    DISK_FULL,   /* nothing can be written */
    DISK_DENIED, /* writes fail with an I/O error */
    DISK_UNSURE, /* syncs fail; what was to be synced may never get there, though it can be read */
    DISK_DEAD    /* the process has ended: nothing is done any more */
};

struct disk_file {
    char name[DISK_NAME_SIZE]; /* "" = no file */
    struct disk_bytes {
        uint8_t *p;
        size_t n, room;
    } live, durable;
    bool is_durable; /* its name */
    struct disk_write {
        int64_t at;
        size_t n;
        uint8_t *p; /* NULL = cut off at `at` */
    } * writes;     /* since the last sync */
    size_t write_count, write_room;
};

struct disk {
    struct disk_file files[DISK_FILES_MAX];
    struct dice dice; /* what becomes of what was not synced */
    enum disk_trouble trouble;
    unsigned dies_in; /* after so many writes and syncs; 0 = not */
    uint64_t steps;   /* writes and syncs so far */
};

/* Makes `disk` the one that SQLite opens its files on; they are found by name. */
void disk_mount(struct disk *disk);
/* The process has ended, the machine has not: what was written stays. */
void disk_restart(struct disk *disk);
/* The machine has lost its power. */
void disk_cut_power(struct disk *disk);
/* `to` becomes as `from` is, all of it durable. */
void disk_copy(struct disk *to, const struct disk *from);
void disk_release(struct disk *disk);

#endif
