#include "server/sandbox/switches.h"

/* Streams show that they are streams, and still nobody waits for them. */
#define WORD_US_DEFAULT 10000
#define TAKES_US_DEFAULT 3000000

#define SWITCH_SECONDS_MAX 600
#define SWITCH_WORDS_MAX 1000000
#define CUT_DEFAULT 5

/* "2s", "250ms". */
static bool parse_wait(struct str text, int64_t *us)
{
    bool ms = str_ends(text, STR("ms"));
    if (!ms && !str_ends(text, STR("s")))
        return false;
    uint64_t number;
    uint64_t max = ms ? SWITCH_SECONDS_MAX * 1000 : SWITCH_SECONDS_MAX;
    if (!str_u64(str_slice(text, 0, text.n - (ms ? 2 : 1)), max, &number))
        return false;
    *us = (int64_t)number * (ms ? 1000 : 1000000);
    return true;
}

static void read_switch(struct switches *switches, struct str word)
{
    size_t equals = str_index(word, '=');
    struct str name = str_slice(word, 0, equals);
    struct str value = str_from(word, equals + 1);
    uint64_t number;
    int64_t us;
    if (str_eq(name, STR("hang"))) {
        switches->hang = true;
    } else if (str_eq(name, STR("fail"))) {
        switches->fail = true;
    } else if (str_eq(name, STR("error"))) {
        if (str_u64(value, 599, &number) && number >= 400)
            switches->error = (int)number;
    } else if (str_eq(name, STR("ttft"))) {
        if (parse_wait(value, &us))
            switches->first_us = us;
    } else if (str_eq(name, STR("takes"))) {
        if (parse_wait(value, &us))
            switches->takes_us = us;
    } else if (str_eq(name, STR("tps"))) {
        if (str_u64(value, SWITCH_WORDS_MAX, &number) && number > 0)
            switches->word_us = 1000000 / (int64_t)number;
    } else if (str_eq(name, STR("cut"))) {
        if (str_u64(value, SWITCH_WORDS_MAX, &number))
            switches->cut = (int64_t)number;
    }
}

static void read_name(struct switches *switches, struct str name)
{
    if (str_eq(name, STR("sandbox-429"))) {
        switches->error = 429;
    } else if (str_eq(name, STR("sandbox-slow"))) {
        switches->first_us = 2000000;
        switches->word_us = 200000;
    } else if (str_eq(name, STR("sandbox-cut"))) {
        switches->cut = CUT_DEFAULT;
    } else if (str_eq(name, STR("sandbox-hang"))) {
        switches->hang = true;
    } else if (str_eq(name, STR("sandbox-fail"))) {
        switches->fail = true;
    }
}

struct switches switches_of(struct str model)
{
    struct switches switches = {
        .word_us = WORD_US_DEFAULT, .takes_us = TAKES_US_DEFAULT, .cut = -1};
    struct str rest = model;
    struct str word;
    for (bool first = true; str_cut(&rest, ':', &word); first = false) {
        if (first)
            read_name(&switches, word);
        else
            read_switch(&switches, word);
    }
    return switches;
}
