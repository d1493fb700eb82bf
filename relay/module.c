#include "relay/module.h"

#include <pthread.h>
#include <string.h>

#include "base/jspan_plan.h"

static const struct module *const modules[] = {
#define MODULE(name) &name##_module,
#include "relay/module.def"
#undef MODULE
};

const struct module *module_at(unsigned i)
{
    return i < COUNT(modules) ? modules[i] : NULL;
}

static struct jspan_plan reply_plans[COUNT(modules)];

static void digest_all(void)
{
    for (size_t i = 0; i < COUNT(modules); i++)
        jspan_plan_init(&reply_plans[i], modules[i]->reply_wants, modules[i]->reply_want_count);
}

const struct jspan_plan *module_reply_plan(const struct module *module)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, digest_all) == 0);
    size_t i = 0;
    while (i < COUNT(modules) && modules[i] != module)
        i++;
    CHECK(i < COUNT(modules));
    return &reply_plans[i];
}

static bool path_matches(const struct module *module, struct str path, struct str *subject)
{
    struct str want = str_of(module->path);
    size_t star = str_index(want, '*');
    if (star == want.n)
        return str_eq(path, want);
    struct str before = str_slice(want, 0, star), behind = str_from(want, star + 1);
    if (path.n <= before.n + behind.n || !str_starts(path, before) || !str_ends(path, behind))
        return false;
    *subject = str_slice(path, before.n, path.n - behind.n);
    return behind.n == 0 || str_index(*subject, '/') == subject->n;
}

enum route_result module_route(struct str method, struct str path, const struct module **module,
                               struct str *subject)
{
    enum route_result result = ROUTE_UNKNOWN;
    size_t best = 0; /* bytes of the path that says most */
    for (size_t i = 0; i < COUNT(modules); i++) {
        struct str found = STR_EMPTY;
        size_t n = strlen(modules[i]->path) + 1;
        if (n < best || !path_matches(modules[i], path, &found))
            continue;
        bool is_method = str_eq(method, str_of(modules[i]->method));
        if (n == best && !is_method)
            continue;
        best = n;
        result = is_method ? ROUTE_FOUND : ROUTE_METHOD;
        *module = modules[i];
        *subject = found;
    }
    return result;
}

/* --- did you mean --------------------------------------------------------------------------------
 */

#define NEAR_EDITS_MAX 3
#define NEAR_SEGMENTS (NEAR_EDITS_MAX + 1) /* the same but for segments at an end: near enough */
#define NEAR_NOT (NEAR_SEGMENTS + 1)

/* The short one is the beginning or the end of the long one, cut where a segment begins. */
static bool is_cut_of(struct str part, struct str whole)
{
    if (part.n < 2 || part.n >= whole.n)
        return false;
    return (str_starts(whole, part) && whole.p[part.n] == '/') || str_ends(whole, part);
}

static unsigned nearness(struct str path, struct str known)
{
    if (str_index(known, '*') < known.n || known.n == 0)
        return NEAR_NOT; /* whatever stands for the rest would be as near */
    unsigned edits = str_distance(path, known);
    if (edits <= NEAR_EDITS_MAX && edits * 3 < path.n)
        return edits;
    return is_cut_of(path, known) || is_cut_of(known, path) ? NEAR_SEGMENTS : NEAR_NOT;
}

const struct module *module_nearest(struct str method, struct str path)
{
    const struct module *best = NULL;
    unsigned least = NEAR_NOT * 2;
    for (size_t i = 0; i < COUNT(modules); i++) {
        unsigned distance = nearness(path, str_of(modules[i]->path));
        unsigned rank = distance * 2 + !str_eq(method, str_of(modules[i]->method));
        if (distance == NEAR_NOT || rank >= least)
            continue;
        best = modules[i];
        least = rank;
    }
    return best;
}
