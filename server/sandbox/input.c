#include "server/sandbox/input.h"

#include "server/sandbox/words.h"

/* Borrows `content`. */
static json_t *message_of(const char *role, json_t *content)
{
    return json_pack("{s:s, s:O}", "role", role, "content", content);
}

static json_t *message_of_call(const json_t *item)
{
    return json_pack("{s:s, s:[{s:{s:O*, s:O*}}]}", "role", "assistant", "tool_calls", "function",
                     "name", json_object_get(item, "name"), "arguments",
                     json_object_get(item, "arguments"));
}

/* *out is NULL for an item that says nothing; false without memory. */
static bool convert(json_t *item, json_t **out)
{
    struct str type = words_of_string(json_object_get(item, "type"));
    json_t *result = json_object_get(item, "output");
    *out = NULL;
    if (str_eq(type, STR("function_call")))
        *out = message_of_call(item);
    else if (str_eq(type, STR("function_call_output")) && result != NULL)
        *out = message_of("tool", result);
    else if (json_object_get(item, "role") != NULL)
        *out = json_incref(item);
    else
        return true;
    return *out != NULL;
}

static bool add(json_t *messages, json_t *message)
{
    return json_array_append_new(messages, message) == 0;
}

static bool add_items(json_t *messages, const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *message;
        if (!convert(json_array_get(items, i), &message) ||
            (message != NULL && !add(messages, message)))
            return false;
    }
    return true;
}

json_t *input_messages(const json_t *body)
{
    json_t *messages = json_array();
    json_t *instructions = json_object_get(body, "instructions");
    json_t *input = json_object_get(body, "input");
    bool added = true;
    if (json_is_string(instructions))
        added = add(messages, message_of("system", instructions));
    if (added && json_is_string(input))
        added = add(messages, message_of("user", input));
    if (added && add_items(messages, input))
        return messages;
    json_decref(messages);
    return NULL;
}
