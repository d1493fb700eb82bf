#include "server/sandbox/asked.h"

#include "server/sandbox/call.h"
#include "server/sandbox/words.h"

int64_t asked_number(const struct sandbox_call *call, const char *name, int64_t max,
                     int64_t fallback)
{
    const json_t *value = json_object_get(call->json, name);
    if (value == NULL || json_is_null(value))
        return fallback;
    double number = json_is_number(value) ? json_number_value(value) : 0;
    uint64_t digits;
    if (call->is_form && str_u64(words_of_string(value), INT64_MAX, &digits))
        number = (double)digits;
    if (!(number >= 1))
        return 0;
    return number >= (double)max ? max : (int64_t)number;
}

bool asked_flag(const struct sandbox_call *call, const char *name)
{
    const json_t *value = json_object_get(call->json, name);
    return json_is_true(value) || (call->is_form && str_eq(words_of_string(value), STR("true")));
}

struct str asked_text(const struct sandbox_call *call, const char *name)
{
    return words_of_string(json_object_get(call->json, name));
}
