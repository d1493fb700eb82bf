#include "config/provider_path.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void adds(struct provider_paths *paths, const char *text)
{
    struct buf why;
    size_t at = 0;
    buf_init(&why, 1024);
    if (!provider_paths_add(paths, str_of(text), &at, &why))
        fail_msg("%s: %.*s at %zu", text, STR_ARG(buf_str(&why)), at);
    buf_release(&why);
}

static void refuses(struct provider_paths *paths, const char *text, size_t at, const char *why)
{
    struct buf told;
    size_t found = 0;
    buf_init(&told, 1024);
    assert_false(provider_paths_add(paths, str_of(text), &found, &told));
    if (found != at || !str_eq(buf_str(&told), str_of(why)))
        fail_msg("%s: at %zu '%.*s'", text, found, STR_ARG(buf_str(&told)));
    buf_release(&told);
}

static void path_of_an_endpoint_is_found_by_the_usual_one(void **state)
{
    (void)state;
    struct provider_paths paths = {NULL, 0};
    adds(&paths, "chat /v2/{model}/chat");
    adds(&paths, "image_edits\t/a%2fb/;c=d,e:@!$&'()*+~_.-");
    assert_string_equal(provider_paths_find(&paths, "/chat/completions"), "/v2/{model}/chat");
    assert_string_equal(provider_paths_find(&paths, "/images/edits"),
                        "/a%2fb/;c=d,e:@!$&'()*+~_.-");
    assert_null(provider_paths_find(&paths, "/images/generations"));
    assert_null(provider_paths_find(&paths, "/chat"));
    refuses(&paths, "chat /other", 0, "chat has a path already");
    provider_paths_release(&paths);
    assert_null(provider_paths_find(&paths, "/chat/completions"));
}

static void path_that_is_none_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *why;
    } rows[] = {
        {"", 0, "\"\" is not an endpoint and its path (want ENDPOINT /PATH)"},
        {"/chat", 0, "\"/chat\" is not an endpoint and its path (want ENDPOINT /PATH)"},
        {"caht /x", 0, "\"caht\" is no endpoint with a path; did you mean \"chat\"?"},
        {"images /x", 0,
         "\"images\" is no endpoint with a path (want chat, completions, responses, "
         "image_generations, image_edits, embeddings, transcription, translation, speech, rerank, "
         "moderation, video, video_poll, video_content, video_remix)"},
        {"chat x", 5, "\"x\" is not a path (want /PATH)"},
        {"chat /x y", 8, "unexpected \"y\" behind the path"},
        {"chat /x?api-version=1", 7, "a path holds no query; set query = api-version=1"},
        {"chat /x#y", 7, "the path holds a byte that a URL's path cannot hold"},
        {"chat /x%2", 7, "the path holds a byte that a URL's path cannot hold"},
        {"chat /x%zz", 7, "the path holds a byte that a URL's path cannot hold"},
        {"chat /caf\xc3\xa9", 9, "the path holds a byte that a URL's path cannot hold"},
        {"chat /a\\b", 7, "the path holds a byte that a URL's path cannot hold"},
        {"chat /{name}/x", 6, "only {model} stands for something, and once"},
        {"chat /{model}/{model}", 14, "only {model} stands for something, and once"},
        {"chat /{id}", 6, "only {model} stands for something, and once"},
        {"video /{id}", 7, "only {model} stands for something, and once"},
        {"video_poll /x/{id}/{id}", 19, "only {model} and {id} stand for something, and once"},
        {"video_poll /x/{model}", 11, "the path does not say where the {id} stands"},
        {"chat /x/../y", 8, "the path holds a \"..\" segment"},
        {"chat /.", 6, "the path holds a \".\" segment"},
    };
    struct provider_paths paths = {NULL, 0};
    for (size_t i = 0; i < COUNT(rows); i++)
        refuses(&paths, rows[i].text, rows[i].at, rows[i].why);
    char longest[PROVIDER_PATH_BYTES_MAX + 7] = "chat /";
    memset(longest + 6, 'x', sizeof longest - 7);
    refuses(&paths, longest, 5, "the path is longer than 1000 bytes");
    longest[sizeof longest - 2] = '\0';
    adds(&paths, longest);
    provider_paths_release(&paths);
}

static void query_holds_what_a_url_can_and_no_secret(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why; /* NULL = it is one */
    } rows[] = {
        {"api-version=2024-10-21", NULL},
        {"api-version=preview&x=%20/?", NULL},
        {"keyboard=1&monkey=2&tokens=3", NULL},
        {"", "\"\" is not a query (want one like api-version=2024-10-21)"},
        {"?a=1", "\"?a=1\" is not a query (want one like api-version=2024-10-21)"},
        {"&a=1", "\"&a=1\" is not a query (want one like api-version=2024-10-21)"},
        {"a=1#b", "the query holds a byte that a URL's query cannot hold"},
        {"a=b c", "the query holds a byte that a URL's query cannot hold"},
        {"a=%", "the query holds a byte that a URL's query cannot hold"},
        {"a=1&key=x", "\"key\" looks like a secret, which must not stand in this file"},
        {"api_KEY=x", "\"api_KEY\" looks like a secret, which must not stand in this file"},
        {"access_token", "\"access_token\" looks like a secret, which must not stand in this file"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf why;
        buf_init(&why, 1024);
        bool ok = query_check(str_of(rows[i].text), &why);
        if (ok != (rows[i].why == NULL) || !str_eq(buf_str(&why), str_of(rows[i].why)))
            fail_msg("%s: %.*s", rows[i].text, STR_ARG(buf_str(&why)));
        buf_release(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_of_an_endpoint_is_found_by_the_usual_one),
        cmocka_unit_test(path_that_is_none_is_refused_where_it_is_wrong),
        cmocka_unit_test(query_holds_what_a_url_can_and_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
