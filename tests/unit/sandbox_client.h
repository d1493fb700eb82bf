/* What the tests of the sandbox's endpoints ask it with. */
#ifndef TESTS_UNIT_SANDBOX_CLIENT_H
#define TESTS_UNIT_SANDBOX_CLIENT_H

#include "tests/unit/loopback_client.h"

#include <jansson.h>
#include <sodium.h>

#include "server/sandbox/sandbox.h"

static uint16_t port;

static inline int start_sandbox(void **state)
{
    struct sandbox *sandbox;
    if (!sandbox_start(&sandbox, &port))
        return -1;
    *state = sandbox;
    return 0;
}

static inline int stop_sandbox(void **state)
{
    struct sandbox *sandbox = *state;
    sandbox_stop(&sandbox);
    return 0;
}

/* The whole reply as JSON, of that status; releases it. */
static inline json_t *json_of(struct reply *reply, int status)
{
    assert_int_equal(reply->status, status);
    assert_true(reply->whole);
    json_t *json = json_loads(reply->body.p, 0, NULL);
    assert_non_null(json);
    reply_release(reply);
    return json;
}

static inline json_t *answer(const char *path, const char *body, int status)
{
    struct reply reply = ask(port, "POST", path, body);
    return json_of(&reply, status);
}

/* Adds a part to a form; `filename` NULL = a field. */
static inline void add_part(struct buf *form, const char *name, const char *filename,
                            struct str bytes)
{
    assert_true(buf_addf(form, "--edge\r\nContent-Disposition: form-data; name=\"%s\"", name));
    if (filename != NULL)
        assert_true(buf_addf(form, "; filename=\"%s\"\r\nContent-Type: application/octet-stream",
                             filename));
    assert_true(buf_add_str(form, STR("\r\n\r\n")) && buf_add_str(form, bytes) &&
                buf_add_str(form, STR("\r\n")));
}

/* Ends and sends the form, and releases it. */
static inline struct reply ask_form(const char *path, struct buf *form)
{
    struct reply reply;
    assert_true(buf_add_str(form, STR("--edge--\r\n")));
    read_reply(dial_bytes(port, "POST", path,
                          "content-type: multipart/form-data; boundary=edge\r\n", buf_str(form)),
               &reply);
    buf_release(form);
    return reply;
}

/* The member at a path of names and indexes: "choices.0.text". */
static inline json_t *at(json_t *json, const char *path)
{
    struct str rest = str_of(path), step;
    while (str_cut(&rest, '.', &step)) {
        uint64_t index;
        json = str_u64(step, 1000, &index) ? json_array_get(json, (size_t)index)
                                           : json_object_getn(json, step.p, step.n);
    }
    return json;
}

static inline const char *text_at(json_t *json, const char *path)
{
    const char *text = json_string_value(at(json, path));
    return text != NULL ? text : "(no text)";
}

static inline json_int_t number_at(json_t *json, const char *path)
{
    assert_true(json_is_integer(at(json, path)));
    return json_integer_value(at(json, path));
}

/* An event's JSON, or the text "[DONE]"; its type is told twice where there are types. */
static inline json_t *event_of(struct str block)
{
    struct str line = STR_EMPTY, type = STR_EMPTY;
    if (str_starts(block, STR("event: "))) {
        assert_true(str_cut(&block, '\n', &line));
        type = str_from(line, STR("event: ").n);
    }
    assert_true(str_starts(block, STR("data: ")));
    struct str data = str_from(block, STR("data: ").n);
    if (str_eq(data, STR("[DONE]")))
        return json_string("[DONE]");
    json_t *json = json_loadb(data.p, data.n, 0, NULL);
    assert_non_null(json);
    assert_true(str_eq(type, str_of(json_string_value(json_object_get(json, "type")))));
    return json;
}

/* The events of a stream, an array of them; *whole tells whether it ended as HTTP wants. Releases
 * the reply. */
static inline json_t *events_of(struct reply *reply, bool *whole)
{
    assert_int_equal(reply->status, 200);
    assert_non_null(strcasestr(reply->head.p, "content-type: text/event-stream"));
    json_t *list = json_array();
    for (const char *p = reply->body.p; *p != '\0';) {
        const char *end = strstr(p, "\n\n");
        assert_non_null(end);
        json_array_append_new(list, event_of((struct str){p, (size_t)(end - p)}));
        p = end + 2;
    }
    *whole = reply->whole;
    reply_release(reply);
    return list;
}

static inline json_t *events(const char *path, const char *body, bool *whole)
{
    struct reply reply = ask(port, "POST", path, body);
    return events_of(&reply, whole);
}

/* Adds the bytes of a text in Base64. */
static inline void add_base64(struct buf *out, const char *text)
{
    size_t n = 0;
    assert_true(buf_reserve(out, strlen(text)));
    assert_int_equal(sodium_base642bin((unsigned char *)out->p + out->n, strlen(text), text,
                                       strlen(text), NULL, &n, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    out->n += n;
}

static inline json_t *last_of(json_t *list)
{
    return json_array_get(list, json_array_size(list) - 1);
}

#endif
