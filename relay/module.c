#include "relay/module.h"

#include <pthread.h>

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
    if (!str_ends(want, STR("*")))
        return str_eq(path, want);
    want.n--;
    if (!str_starts(path, want) || path.n == want.n)
        return false;
    *subject = str_from(path, want.n);
    return true;
}

enum route_result module_route(struct str method, struct str path, const struct module **module,
                               struct str *subject)
{
    enum route_result result = ROUTE_UNKNOWN;
    for (size_t i = 0; i < COUNT(modules); i++) {
        if (!path_matches(modules[i], path, subject))
            continue;
        *module = modules[i];
        if (str_eq(method, str_of(modules[i]->method)))
            return ROUTE_FOUND;
        result = ROUTE_METHOD;
    }
    return result;
}
