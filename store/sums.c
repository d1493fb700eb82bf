#include "store/sums.h"

#include <stdlib.h>

/* Out of memory is an answer here, not the end of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct sum {
    int64_t id;
    int64_t values[SUMS_OF_EACH];
    UT_hash_handle hh;
};

int64_t *sums_of(struct sums *sums, int64_t id)
{
    struct sum *sum = NULL;
    HASH_FIND(hh, sums->table, &id, sizeof id, sum);
    if (sum != NULL)
        return sum->values;
    sum = calloc(1, sizeof *sum);
    if (sum != NULL) {
        sum->id = id;
        HASH_ADD(hh, sums->table, id, sizeof sum->id, sum);
        if (sum->hh.tbl != NULL) /* how uthash says that there was memory */
            return sum->values;
        free(sum);
    }
    sums->failed = true;
    return sums->lost;
}

void sums_add(struct sums *sums, int64_t id, const int64_t more[SUMS_OF_EACH])
{
    int64_t *values = sums_of(sums, id);
    for (unsigned i = 0; i < SUMS_OF_EACH; i++)
        values[i] = (int64_t)((uint64_t)values[i] + (uint64_t)more[i]);
}

bool sums_next(const struct sums *sums, const struct sum **at)
{
    *at = *at == NULL ? sums->table : (*at)->hh.next;
    return *at != NULL;
}

int64_t sum_id(const struct sum *sum)
{
    return sum->id;
}

const int64_t *sum_values(const struct sum *sum)
{
    return sum->values;
}

void sums_release(struct sums *sums)
{
    struct sum *sum, *next;
    HASH_ITER(hh, sums->table, sum, next)
    {
        HASH_DEL(sums->table, sum);
        free(sum);
    }
    *sums = (struct sums){.table = NULL};
}
