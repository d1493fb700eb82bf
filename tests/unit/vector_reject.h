/* The vectors of kind "reject": quantities that a module's check refuses before any hold. */
#ifndef TESTS_UNIT_VECTOR_REJECT_H
#define TESTS_UNIT_VECTOR_REJECT_H

#include "vector_read.h"

#include "base/fault.h"
#include "relay/fields.h"
#include "relay/module.h"
#include "relay/request.h"

/* What the module of a path says of a body with one more member. */
UNUSED static enum fault check_member(const char *path, const char *name, const char *value)
{
    char body[400];
    const struct module *module = NULL;
    struct failure failure = {0};
    struct request *request = calloc(1, sizeof *request);
    assert_non_null(request);
    for (unsigned i = 0; module == NULL && module_at(i) != NULL; i++)
        if (strcmp(module_at(i)->path, path) == 0 && module_at(i)->check != NULL)
            module = module_at(i);
    assert_non_null(module);
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"m\",\"prompt\":\"p\",\"messages\":[{\"role\":\"user\","
                     "\"content\":\"c\"}],\"%s\":%s}",
                     name, value);
    assert_true(n > 0 && n < (int)sizeof body);
    request->module = module;
    request->fields = fields_new(false);
    assert_non_null(request->fields);
    fields_feed(request->fields, body, (size_t)n);
    enum fault fault = fields_finish(request->fields, &failure);
    if (fault == FAULT_NONE)
        fault = module->check(request, &failure);
    failure_release(&failure);
    fields_free(&request->fields);
    free(request);
    return fault;
}

UNUSED static void run_reject(const json_t *vector)
{
    static const char *const paths[] = {"/chat/completions", "/images/generations", "/videos"};
    const json_t *in = json_object_get(vector, "in"), *expect = json_object_get(vector, "expect");
    const char *field = json_string_value(json_object_get(in, "field"));
    const char *type = json_string_value(json_object_get(expect, "type"));
    char *value = json_dumps(json_object_get(in, "value"), JSON_ENCODE_ANY);
    assert_non_null(value);
    unsigned checked = 0;
    for (size_t i = 0; i < COUNT(paths); i++) {
        bool is_seconds = strcmp(field, "seconds") == 0, is_video = i == 2;
        if (is_seconds != is_video || (strcmp(field, "max_tokens") == 0 && i != 0))
            continue;
        enum fault fault = check_member(paths[i], field, value);
        CHECK_VECTOR(vector, fault != FAULT_NONE);
        CHECK_VECTOR(vector, fault_info(fault)->status ==
                                 (int)json_number_value(json_object_get(expect, "status")));
        CHECK_VECTOR(vector, strcmp(fault_info(fault)->type, type) == 0);
        CHECK_VECTOR(vector, check_member(paths[i], field, "1") == FAULT_NONE);
        checked++;
    }
    CHECK_VECTOR(vector, checked > 0);
    free(value);
}

#endif
