#include "relay/module.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void paths_lead_to_their_modules(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        enum route_result expected;
        const struct module *module;
        const char *subject;
    } rows[] = {
        {"POST", "/chat/completions", ROUTE_FOUND, &chat_module, ""},
        {"POST", "/responses", ROUTE_FOUND, &responses_module, ""},
        {"POST", "/audio/transcriptions", ROUTE_FOUND, &transcriptions_module, ""},
        {"POST", "/audio/translations", ROUTE_FOUND, &translations_module, ""},
        {"GET", "/responses", ROUTE_METHOD, &responses_module, ""},
        {"GET", "/responses/x", ROUTE_UNKNOWN, NULL, ""},
        {"GET", "/models", ROUTE_FOUND, &models_list_module, ""},
        {"GET", "/models/gpt-5", ROUTE_FOUND, &models_get_module, "gpt-5"},
        {"GET", "/models/org/slash-model", ROUTE_FOUND, &models_get_module, "org/slash-model"},
        {"GET", "/models/*", ROUTE_FOUND, &models_get_module, "*"},
        {"GET", "/models/", ROUTE_UNKNOWN, NULL, ""},
        {"GET", "/chat/completions", ROUTE_METHOD, &chat_module, ""},
        {"post", "/chat/completions", ROUTE_METHOD, &chat_module, ""},
        {"POST", "/models", ROUTE_METHOD, &models_list_module, ""},
        {"DELETE", "/models/x", ROUTE_METHOD, &models_get_module, "x"},
        {"POST", "/chat/completion", ROUTE_UNKNOWN, NULL, ""},
        {"POST", "/chat/completionss", ROUTE_UNKNOWN, NULL, ""},
        {"POST", "/Chat/completions", ROUTE_UNKNOWN, NULL, ""},
        {"POST", "/chat/completions/x", ROUTE_UNKNOWN, NULL, ""},
        {"POST", "chat/completions", ROUTE_UNKNOWN, NULL, ""},
        {"GET", "/modelsx", ROUTE_UNKNOWN, NULL, ""},
        {"GET", "", ROUTE_FOUND, &about_module, ""},
        {"POST", "", ROUTE_METHOD, &about_module, ""},
        {"GET", "/", ROUTE_UNKNOWN, NULL, ""},
        {"POST", "/videos", ROUTE_FOUND, &video_create_module, ""},
        {"POST", "/video/generations", ROUTE_FOUND, &video_create_older_module, ""},
        {"POST", "/videos/task_1/remix", ROUTE_FOUND, &video_remix_module, "task_1"},
        {"GET", "/videos/task_1/remix", ROUTE_METHOD, &video_remix_module, "task_1"},
        {"GET", "/videos/a/b/remix", ROUTE_FOUND, &videos_get_module, "a/b/remix"},
        {"GET", "/videos", ROUTE_FOUND, &videos_list_module, ""},
        {"GET", "/videos/task_1", ROUTE_FOUND, &videos_get_module, "task_1"},
        {"DELETE", "/videos/a/b", ROUTE_FOUND, &videos_delete_module, "a/b"},
        {"PUT", "/videos/task_1", ROUTE_METHOD, &videos_delete_module, "task_1"},
        {"GET", "/videos/", ROUTE_UNKNOWN, NULL, ""},
        {"GET", "/video/generations/t", ROUTE_FOUND, &videos_get_older_module, "t"},
        {"GET", "/admin", ROUTE_UNKNOWN, NULL, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct module *module = NULL;
        struct str subject = STR_EMPTY;
        enum route_result found =
            module_route(str_of(rows[i].method), str_of(rows[i].path), &module, &subject);
        if (found != rows[i].expected || module != rows[i].module ||
            !str_eq(subject, str_of(rows[i].subject)))
            fail_msg("%s %s: %d, subject %.*s", rows[i].method, rows[i].path, (int)found,
                     STR_ARG(subject));
    }
}

static bool is_path(const char *path)
{
    size_t n = strlen(path);
    const char *star = strchr(path, '*');
    if (n == 0)
        return true; /* the base itself */
    return path[0] == '/' && (star == NULL || strchr(star + 1, '*') == NULL) &&
           (star != NULL || path[n - 1] != '/') && strstr(path, "//") == NULL;
}

/* What the rest of the relay takes for granted about a row. */
static void every_row_is_whole(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const struct module *m; (m = module_at(n)) != NULL; n++) {
        assert_non_null(m->name);
        assert_true(is_path(m->path));
        assert_int_equal(!m->needs_provider, m->local != NULL || m->begin != NULL);
        assert_int_equal(m->body != BODY_KIND_NONE, strcmp(m->method, "POST") == 0);
        const struct module *other = NULL;
        struct str subject;
        assert_int_equal(module_route(str_of(m->method), str_of(m->path), &other, &subject),
                         ROUTE_FOUND);
        assert_ptr_equal(other, m);
        if (!m->needs_provider)
            continue;
        assert_true(m->check && m->edit && m->ceiling && m->upstream_path);
        assert_true(m->reply_wants && m->reply_take && m->reply_is_good);
        assert_true(m->fate && m->is_complete);
        assert_in_range(m->reply_want_count, 1, JSPAN_WANTS_MAX);
    }
    assert_true(n >= 3);
    assert_null(module_at(n));
    assert_null(module_at(UINT32_MAX));
}

static void wrong_paths_have_a_nearest_module(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        const struct module *expected;
    } rows[] = {
        {"POST", "/chat/completion", &chat_module},
        {"POST", "/chat/completionss", &chat_module},
        {"POST", "/Chat/Completions", &chat_module},
        {"POST", "/chat", &chat_module},
        {"POST", "/chat/completions/more", &chat_module},
        {"POST", "/openai/v1/chat/completions", &chat_module},
        {"GET", "/v1/v1/models", &models_list_module},
        {"GET", "/model", &models_list_module},
        {"POST", "/completion", &completions_module},
        {"POST", "/embedding", &embeddings_module},
        {"POST", "/image/generations", &images_generations_module},
        {"POST", "/image/edit", &images_edits_module},
        {"POST", "/speech", &speech_module},
        {"POST", "/foo", NULL},
        {"POST", "/", NULL},
        {"POST", "", NULL},
        {"GET", "/mo", NULL},
        {"GET", "/x/y/z", NULL},
        {"POST", "/chatcompletions/completely/else", NULL},
        {"POST", "/completionsx/chat", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct module *near = module_nearest(str_of(rows[i].method), str_of(rows[i].path));
        if (near != rows[i].expected)
            fail_msg("%s: %s", rows[i].path, near != NULL ? near->path : "none");
    }
}

/* A provider's section can name the endpoint of each module that goes upstream. */
static void every_upstream_path_can_be_another(void **state)
{
    (void)state;
    static const char *const words[] = {
        "chat",        "completions", "responses",     "image_generations",
        "image_edits", "embeddings",  "transcription", "translation",
        "speech",      "rerank",      "moderation",    "video",
        "video_remix"};
    struct provider_paths paths = {NULL, 0};
    struct buf text, why;
    size_t at = 0;
    buf_init(&text, 1024);
    buf_init(&why, 1024);
    for (size_t i = 0; i < COUNT(words); i++) {
        buf_clear(&text);
        const char *id = strcmp(words[i], "video_remix") == 0 ? "/{id}" : "";
        assert_true(buf_addf(&text, "%s /x%s", words[i], id));
        assert_true(provider_paths_add(&paths, buf_str(&text), &at, &why));
    }
    unsigned n = 0;
    for (const struct module *m; (m = module_at(n)) != NULL; n++)
        if (m->needs_provider && provider_paths_find(&paths, m->upstream_path) == NULL)
            fail_msg("%s", m->upstream_path);
    provider_paths_release(&paths);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_lead_to_their_modules),
        cmocka_unit_test(wrong_paths_have_a_nearest_module),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(every_upstream_path_can_be_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
