/* Seeded schedules over the real code of the store: sim N SEED FOLDER. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/sim/world.h"

static struct world base, world;

int main(int argc, char **argv)
{
    char path[DISK_NAME_SIZE];
    if (argc != 4) {
        fprintf(stderr, "usage: sim N SEED FOLDER\n");
        return 2;
    }
    uint64_t n = strtoull(argv[1], NULL, 10);
    uint64_t first = strtoull(argv[2], NULL, 10);
    snprintf(path, sizeof path, "%s/gateway.db", argv[3]);
    log_open(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_ERROR);
    CHECK(secret_open() && mailbox_init(&world.box));
    time_t began = time(NULL);
    world_found(&base, path);
    uint64_t steps = 0;
    for (uint64_t i = 0; i < n; i++) {
        world_run(&world, &base, first + i);
        steps += world.disk.steps;
    }
    printf("sim: %" PRIu64 " schedules from seed %" PRIu64 ", 0 violations (%u admitted, %u "
           "refused, %u verdicts, %u credits, %u kills, %u power cuts, %" PRIu64
           " writes and syncs, %lld s)\n",
           n, first, world.passes, world.refusals, world.verdicts, world.credits, world.crashes,
           world.cuts, steps, (long long)(time(NULL) - began));
    disk_release(&world.disk);
    disk_release(&base.disk);
    mailbox_release(&world.box);
    mailbox_release(&base.box);
    return 0;
}
