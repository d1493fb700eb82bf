#include "relay/error_event.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>

#include "config/settings.h"

static void assert_event(const struct error_event *told, const char *expected)
{
    struct failure failure = {0};
    struct buf event;
    buf_init(&event, 8192);
    failure_set(&failure, FAULT_STREAM_TRUNCATED, "%s", "");
    assert_true(error_event_write(told, &failure, &event));
    if (!str_eq(buf_str(&event), str_of(expected)))
        fail_msg("%.*s", STR_ARG(buf_str(&event)));
    failure_release(&failure);
    buf_release(&event);
}

#define DOCUMENTED ERROR_DIALECT_DOCUMENTED
#define TEXT "Upstream provider closed the stream before it was complete"

static void each_shape_is_what_its_sdks_raise(void **state)
{
    (void)state;
    assert_event(&(struct error_event){ERROR_EVENT_CHUNK, DOCUMENTED, "req_0", 7},
                 "data: {\"error\":{\"message\":\"" TEXT
                 "\",\"type\":\"server_error\",\"code\":502,"
                 "\"param\":null,\"reason\":\"upstream_truncated\",\"request_id\":\"req_0\"}}\n\n");
    assert_event(&(struct error_event){ERROR_EVENT_TYPED, DOCUMENTED, "req_0", 7},
                 "event: error\ndata: {\"type\":\"error\",\"code\":\"502\",\"message\":\"" TEXT
                 "\",\"param\":null,\"error\":{\"type\":\"server_error\",\"code\":\"502\","
                 "\"message\":\"" TEXT "\",\"param\":null}}\n\n");
    assert_event(&(struct error_event){ERROR_EVENT_NUMBERED, DOCUMENTED, "req_0", UINT64_MAX},
                 "event: error\ndata: {\"type\":\"error\",\"code\":\"502\",\"message\":\"" TEXT
                 "\",\"param\":null,\"sequence_number\":18446744073709551615,"
                 "\"error\":{\"type\":\"server_error\",\"code\":\"502\",\"message\":\"" TEXT
                 "\",\"param\":null}}\n\n");
}

static void openai_dialect_has_slugs_for_codes(void **state)
{
    (void)state;
    assert_event(&(struct error_event){ERROR_EVENT_CHUNK, ERROR_DIALECT_OPENAI, "req_0", 7},
                 "data: {\"error\":{\"message\":\"" TEXT
                 "\",\"type\":\"server_error\",\"code\":\"upstream_truncated\","
                 "\"param\":null,\"reason\":\"upstream_truncated\",\"request_id\":\"req_0\"}}\n\n");
    assert_event(&(struct error_event){ERROR_EVENT_NUMBERED, ERROR_DIALECT_OPENAI, "req_0", 8},
                 "event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_truncated\","
                 "\"message\":\"" TEXT "\",\"param\":null,\"sequence_number\":8,"
                 "\"error\":{\"type\":\"server_error\",\"code\":\"upstream_truncated\","
                 "\"message\":\"" TEXT "\",\"param\":null}}\n\n");
}

static void message_is_escaped(void **state)
{
    (void)state;
    for (int shape = ERROR_EVENT_CHUNK; shape <= ERROR_EVENT_NUMBERED; shape++) {
        struct failure failure = {0};
        struct buf event;
        buf_init(&event, 8192);
        failure_set(&failure, FAULT_UPSTREAM_BLOCKED, "%s", ": \"no\"\n\ndata: [DONE]");
        struct error_event told = {(enum error_event_shape)shape, DOCUMENTED, "req_0", 0};
        assert_true(error_event_write(&told, &failure, &event));
        struct str text = buf_str(&event);
        struct str data = str_from(text, shape == ERROR_EVENT_CHUNK ? 6 : 19);
        json_t *json = json_loadb(data.p, data.n, 0, NULL);
        assert_non_null(json);
        const char *message =
            json_string_value(json_object_get(json_object_get(json, "error"), "message"));
        assert_string_equal(message, "The upstream provider rejected the content: \"no\"\n\n"
                                     "data: [DONE]");
        json_decref(json);
        failure_release(&failure);
        buf_release(&event);
    }
}

static void no_room_is_told(void **state)
{
    (void)state;
    struct failure failure = {0};
    struct buf event;
    buf_init(&event, 100);
    failure_set(&failure, FAULT_STREAM_TIMEOUT, "%s", "");
    struct error_event told = {ERROR_EVENT_NUMBERED, DOCUMENTED, "req_0", 0};
    assert_false(error_event_write(&told, &failure, &event));
    failure_release(&failure);
    buf_release(&event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shape_is_what_its_sdks_raise),
        cmocka_unit_test(openai_dialect_has_slugs_for_codes),
        cmocka_unit_test(message_is_escaped),
        cmocka_unit_test(no_room_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
