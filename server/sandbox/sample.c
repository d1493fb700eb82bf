#include "server/sandbox/sample.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Ends schemas that refer to themselves. */
#define SAMPLE_DEPTH_MAX 8
#define SAMPLE_ITEMS_MAX 16

static json_t *sample(const json_t *root, const json_t *schema, unsigned depth);

/* The schema that "#/$defs/NAME" or "#/definitions/NAME" names, or NULL. */
static const json_t *resolve(const json_t *root, const char *reference)
{
    struct str rest = str_of(reference);
    struct str name;
    const json_t *found = NULL;
    for (bool first = true; str_cut(&rest, '/', &name); first = false) {
        if (first)
            found = str_eq(name, STR("#")) ? root : NULL;
        else
            found = json_object_getn(found, name.p, name.n);
    }
    return found;
}

static const char *type_of(const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    if (json_is_array(type))
        type = json_array_get(type, 0);
    const char *name = json_string_value(type);
    if (name != NULL)
        return name;
    return json_object_get(schema, "properties") != NULL ? "object" : "string";
}

static json_t *sample_object(const json_t *root, const json_t *schema, unsigned depth)
{
    json_t *object = json_object();
    const json_t *required = json_object_get(schema, "required");
    const json_t *properties = json_object_get(schema, "properties");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *name = json_string_value(json_array_get(required, i));
        if (name == NULL)
            continue;
        json_t *value = sample(root, json_object_get(properties, name), depth + 1);
        if (json_object_set_new(object, name, value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *sample_array(const json_t *root, const json_t *schema, unsigned depth)
{
    json_t *array = json_array();
    json_int_t n = json_integer_value(json_object_get(schema, "minItems"));
    for (json_int_t i = 0; i < n && i < SAMPLE_ITEMS_MAX; i++) {
        if (json_array_append_new(array,
                                  sample(root, json_object_get(schema, "items"), depth + 1)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *sample_number(const json_t *schema)
{
    json_t *minimum = json_object_get(schema, "minimum");
    return json_is_number(minimum) ? json_deep_copy(minimum) : json_integer(1);
}

static json_t *sample_typed(const json_t *root, const json_t *schema, unsigned depth)
{
    const char *type = type_of(schema);
    if (strcmp(type, "object") == 0)
        return sample_object(root, schema, depth);
    if (strcmp(type, "array") == 0)
        return sample_array(root, schema, depth);
    if (strcmp(type, "number") == 0 || strcmp(type, "integer") == 0)
        return sample_number(schema);
    if (strcmp(type, "boolean") == 0)
        return json_true();
    if (strcmp(type, "null") == 0)
        return json_null();
    return json_string("sandbox");
}

/* Recursion is bounded by SAMPLE_DEPTH_MAX. */
static json_t *sample(const json_t *root, const json_t *schema, unsigned depth)
{
    static const char *const choices[] = {"enum", "examples", "anyOf", "oneOf", "allOf"};
    if (depth > SAMPLE_DEPTH_MAX)
        return json_string("sandbox");
    json_t *fixed = json_object_get(schema, "const");
    if (fixed == NULL)
        fixed = json_object_get(schema, "default");
    if (fixed != NULL)
        return json_deep_copy(fixed);
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    if (reference != NULL)
        return sample(root, resolve(root, reference), depth + 1);
    for (unsigned i = 0; i < COUNT(choices); i++) {
        json_t *first = json_array_get(json_object_get(schema, choices[i]), 0);
        if (first != NULL && i < 2)
            return json_deep_copy(first);
        if (first != NULL)
            return sample(root, first, depth + 1);
    }
    return sample_typed(root, schema, depth);
}

json_t *sample_of_schema(const json_t *schema)
{
    return sample(schema, schema, 0);
}
