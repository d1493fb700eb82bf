#include "config/provider_path.h"

#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "config/secret_reference.h"
#include "config/value.h"

static const struct {
    const char *word, *usual;
} words[] = {
    {"chat", "/chat/completions"},
    {"completions", "/completions"},
    {"responses", "/responses"},
    {"image_generations", "/images/generations"},
    {"image_edits", "/images/edits"},
    {"embeddings", "/embeddings"},
    {"transcription", "/audio/transcriptions"},
    {"translation", "/audio/translations"},
    {"speech", "/audio/speech"},
    {"rerank", "/rerank"},
    {"moderation", "/moderations"},
    {"video", "/videos"},
    {"video_poll", "/videos/{id}"},
    {"video_content", "/videos/{id}/content"},
    {"video_remix", "/videos/{id}/remix"},
};

static bool explain_word(struct str word, struct buf *why)
{
    struct nearest nearest = {.word = word};
    for (size_t i = 0; i < COUNT(words); i++)
        nearest_offer(&nearest, words[i].word);
    if (nearest.name != NULL)
        return explain(why, "\"%.*s\" is no endpoint with a path; did you mean \"%s\"?",
                       SHORT_ARG(word), nearest.name);
    (void)explain(why, "\"%.*s\" is no endpoint with a path (want ", SHORT_ARG(word));
    for (size_t i = 0; i < COUNT(words); i++)
        if (!buf_addf(why, "%s%s", i > 0 ? ", " : "", words[i].word))
            return false;
    (void)!buf_add_char(why, ')');
    return false;
}

static bool find_word(struct str word, struct provider_path *path, struct buf *why)
{
    for (size_t i = 0; i < COUNT(words); i++) {
        if (!str_eq(word, str_of(words[i].word)))
            continue;
        path->word = words[i].word;
        path->usual = words[i].usual;
        return true;
    }
    return explain_word(word, why);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A byte of a path's segment (RFC 3986, pchar), or one of `more`; '%' only before two digits. */
static bool is_url_byte(struct str text, size_t i, struct str more)
{
    static const struct str marks = {"-._~!$&'()*+,;=:@", 18};
    char c = text.p[i];
    if (c == '%')
        return text.n - i > 2 && is_hex(text.p[i + 1]) && is_hex(text.p[i + 2]);
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           str_index(marks, c) < marks.n || str_index(more, c) < more.n;
}

/* The HTTP library would resolve a segment of dots away. */
static bool check_segments(struct str path, size_t *at, struct buf *why)
{
    struct str rest = path;
    struct str piece;
    while (str_cut(&rest, '/', &piece)) {
        if (!str_eq(piece, STR(".")) && !str_eq(piece, STR("..")))
            continue;
        *at += (size_t)(piece.p - path.p);
        return explain(why, "the path holds a \"%.*s\" segment", STR_ARG(piece));
    }
    return true;
}

/* What stands in a path for something that only a request knows. */
static bool cut_name(struct str path, bool of_object, bool *has_model, bool *has_id, size_t *n)
{
    static const struct str model = STR_INIT(PROVIDER_PATH_MODEL), id = STR_INIT(PROVIDER_PATH_ID);
    bool is_model = !*has_model && str_starts(path, model);
    bool is_id = of_object && !*has_id && str_starts(path, id);
    *has_model |= is_model;
    *has_id |= is_id;
    *n = is_model ? model.n : id.n;
    return is_model || is_id;
}

/* `of_object`: the usual path leads to an object. */
static bool check_path(struct str path, bool of_object, size_t *at, struct buf *why)
{
    bool has_model = false, has_id = false;
    size_t n = 0;
    if (path.n == 0 || path.p[0] != '/')
        return explain(why, "\"%.*s\" is not a path (want /PATH)", SHORT_ARG(path));
    if (path.n > PROVIDER_PATH_BYTES_MAX)
        return explain(why, "the path is longer than %d bytes", PROVIDER_PATH_BYTES_MAX);
    for (size_t i = 0; i < path.n; i++) {
        if (cut_name(str_from(path, i), of_object, &has_model, &has_id, &n)) {
            i += n - 1;
            continue;
        }
        if (is_url_byte(path, i, STR("/")))
            continue;
        *at += i;
        if (path.p[i] == '?')
            return explain(why, "a path holds no query; set query = %.*s",
                           SHORT_ARG(str_from(path, i + 1)));
        if (path.p[i] == '{')
            return explain(why, "only " PROVIDER_PATH_MODEL "%s for something, and once",
                           of_object ? " and " PROVIDER_PATH_ID " stand" : " stands");
        return explain(why, "the path holds a byte that a URL's path cannot hold");
    }
    if (of_object && !has_id)
        return explain(why, "the path does not say where the " PROVIDER_PATH_ID " stands");
    return check_segments(path, at, why);
}

static bool add(struct provider_paths *paths, struct provider_path *path, struct str there,
                struct buf *why)
{
    for (unsigned i = 0; i < paths->n; i++)
        if (paths->list[i].usual == path->usual)
            return explain(why, "%s has a path already", path->word);
    struct provider_path *list = array_room(paths->list, paths->n, sizeof *list);
    if (list != NULL)
        paths->list = list;
    path->there = str_dup(there);
    if (list == NULL || path->there == NULL) {
        free(path->there);
        return explain(why, "out of memory");
    }
    list[paths->n++] = *path;
    return true;
}

bool provider_paths_add(struct provider_paths *paths, struct str text, size_t *at, struct buf *why)
{
    struct provider_path path = {.there = NULL};
    struct str word = STR_EMPTY;
    struct str there = STR_EMPTY;
    struct str rest = text;
    struct str more;
    *at = 0;
    bool whole = next_word(&rest, &word) && next_word(&rest, &there);
    if (!whole)
        return explain(why, "\"%.*s\" is not an endpoint and its path (want ENDPOINT /PATH)",
                       SHORT_ARG(text));
    if (!find_word(word, &path, why))
        return false;
    *at = (size_t)(there.p - text.p);
    bool of_object = strstr(path.usual, PROVIDER_PATH_ID) != NULL;
    if (!check_path(there, of_object, at, why))
        return false;
    if (next_word(&rest, &more)) {
        *at = (size_t)(more.p - text.p);
        return explain(why, "unexpected \"%.*s\" behind the path", SHORT_ARG(more));
    }
    *at = 0;
    return add(paths, &path, there, why);
}

const char *provider_paths_find(const struct provider_paths *paths, const char *usual)
{
    for (unsigned i = 0; i < paths->n; i++)
        if (strcmp(paths->list[i].usual, usual) == 0)
            return paths->list[i].there;
    return NULL;
}

bool query_check(struct str text, struct buf *why)
{
    struct str rest = text;
    struct str piece;
    if (text.n == 0 || text.p[0] == '?' || text.p[0] == '&')
        return explain(why, "\"%.*s\" is not a query (want one like api-version=2024-10-21)",
                       SHORT_ARG(text));
    for (size_t i = 0; i < text.n; i++)
        if (!is_url_byte(text, i, STR("/?")))
            return explain(why, "the query holds a byte that a URL's query cannot hold");
    while (str_cut(&rest, '&', &piece)) {
        struct str name = str_slice(piece, 0, str_index(piece, '='));
        if (secret_is_named(name))
            return explain(why, "\"%.*s\" looks like a secret, which must not stand in this file",
                           SHORT_ARG(name));
    }
    return true;
}

bool provider_paths_name_models(const struct provider_paths *paths)
{
    for (unsigned i = 0; i < paths->n; i++)
        if (strstr(paths->list[i].there, PROVIDER_PATH_MODEL) != NULL)
            return true;
    return false;
}

void provider_paths_release(struct provider_paths *paths)
{
    for (unsigned i = 0; i < paths->n; i++)
        free(paths->list[i].there);
    free(paths->list);
    *paths = (struct provider_paths){NULL, 0};
}
