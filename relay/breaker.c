#include "relay/breaker.h"

#include <string.h>

#include "base/check.h"

#define BAD_LEAST 5
#define WAIT_MS 2000
#define WAIT_MOST_MS 8000
#define PROBE_LOOK_MS 1000 /* how soon to look again while another probes */

static unsigned slot_of(int64_t second)
{
    return (unsigned)(second % BREAKER_SECONDS);
}

/* Forgets what is older than the window. */
static void move_to(struct breaker *breaker, int64_t second)
{
    if (second - breaker->second >= BREAKER_SECONDS) {
        memset(breaker->good, 0, sizeof breaker->good);
        memset(breaker->bad, 0, sizeof breaker->bad);
        breaker->second = second;
    }
    while (breaker->second < second) {
        unsigned slot = slot_of(++breaker->second);
        breaker->good[slot] = breaker->bad[slot] = 0;
    }
}

static bool is_ill(const struct breaker *breaker)
{
    uint64_t good = 0, bad = 0;
    if (breaker->bad_in_a_row >= BAD_LEAST &&
        breaker->second - breaker->row_second >= BREAKER_SECONDS)
        return true;
    for (unsigned i = 0; i < BREAKER_SECONDS; i++) {
        good += breaker->good[i];
        bad += breaker->bad[i];
    }
    return bad >= BAD_LEAST && bad >= good;
}

/* By up to a fifth, either way. */
static int64_t spread(int64_t ms, uint64_t random)
{
    return ms - ms / 5 + (int64_t)(random % (uint64_t)(ms * 2 / 5 + 1));
}

static void open_it(struct breaker *breaker, int64_t now_ms, uint64_t random)
{
    int64_t wait_ms = WAIT_MS;
    for (unsigned i = 0; i < breaker->bad_probes && wait_ms < WAIT_MOST_MS; i++)
        wait_ms *= 2;
    breaker->is_open = true;
    breaker->until_ms = now_ms + spread(wait_ms, random);
}

int64_t breaker_wait_ms(const struct breaker *breaker, int64_t now_ms)
{
    if (!breaker->is_open)
        return 0;
    if (now_ms < breaker->until_ms)
        return breaker->until_ms - now_ms;
    return breaker->is_probed ? PROBE_LOOK_MS : 0;
}

bool breaker_ask(struct breaker *breaker)
{
    if (!breaker->is_open)
        return false;
    CHECK(!breaker->is_probed);
    breaker->is_probed = true;
    return true;
}

static void tell_of_probe(struct breaker *breaker, enum breaker_word word, int64_t now_ms,
                          uint64_t random)
{
    CHECK(breaker->is_open && breaker->is_probed);
    breaker->is_probed = false;
    switch (word) {
    case BREAKER_GOOD:
        *breaker = (struct breaker){.second = now_ms / 1000};
        break;
    case BREAKER_BAD:
        breaker->bad_probes++;
        open_it(breaker, now_ms, random);
        break;
    case BREAKER_NOTHING: /* the next one probes */
        break;
    }
}

void breaker_tell(struct breaker *breaker, enum breaker_word word, bool is_probe, int64_t now_ms,
                  uint64_t random)
{
    if (is_probe) {
        tell_of_probe(breaker, word, now_ms, random);
        return;
    }
    if (breaker->is_open || word == BREAKER_NOTHING)
        return; /* who began before it opened */
    move_to(breaker, now_ms / 1000);
    unsigned slot = slot_of(breaker->second);
    if (word == BREAKER_GOOD)
        breaker->good[slot]++;
    else
        breaker->bad[slot]++;
    if (breaker->bad_in_a_row == 0)
        breaker->row_second = breaker->second;
    breaker->bad_in_a_row = word == BREAKER_BAD ? breaker->bad_in_a_row + 1 : 0;
    if (word == BREAKER_BAD && is_ill(breaker))
        open_it(breaker, now_ms, random);
}
