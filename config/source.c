#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/array.h"
#include "config/value.h"

/* Read in pieces, not by the size that stat tells: pipes and files of /proc have none. */
static bool read_all(int fd, struct source *source, struct buf *why)
{
    struct buf bytes;
    buf_init(&bytes, PARSE_FILE_MAX + 1);
    bool ok = true;
    for (;;) {
        char piece[16384];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            ok = n == 0 || explain(why, "cannot read: %s", strerrordesc_np(errno));
            break;
        }
        if (bytes.n + (size_t)n > PARSE_FILE_MAX) {
            ok = explain(why, "the file is longer than %zu MiB", PARSE_FILE_MAX >> 20);
            break;
        }
        if (!buf_add(&bytes, piece, (size_t)n)) {
            ok = explain(why, "out of memory");
            break;
        }
    }
    if (ok) {
        source->text = buf_take(&bytes, &source->size);
        ok = source->text != NULL || explain(why, "out of memory");
    }
    buf_release(&bytes);
    return ok;
}

bool source_read(struct source *source, struct buf *why)
{
    CHECK(source->name != NULL && source->text == NULL);
    int fd = open(source->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return explain(why, "cannot open: %s", strerrordesc_np(errno));
    bool ok = read_all(fd, source, why);
    close(fd);
    return ok;
}

/* With its slash; empty for a plain name. */
static struct str folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash == NULL ? STR_EMPTY : (struct str){file, (size_t)(slash - file) + 1};
}

char *path_beside(const char *file, struct str path)
{
    struct str folder = folder_of(file);
    if (path.n > 0 && path.p[0] == '/')
        folder = STR_EMPTY;
    struct buf whole;
    size_t n = 0;
    buf_init(&whole, PARSE_LINE_MAX * 2);
    char *result = NULL;
    if (buf_add_str(&whole, folder) && buf_add_str(&whole, path))
        result = buf_take(&whole, &n);
    buf_release(&whole);
    return result;
}

bool source_add_take(struct parse *parse, char *name)
{
    struct source *sources = NULL;
    if (name != NULL)
        sources = array_room(parse->sources, parse->source_count, sizeof *sources);
    if (sources == NULL) {
        free(name);
        messages_no_memory(parse->messages);
        return false;
    }
    parse->sources = sources;
    sources[parse->source_count++] = (struct source){.name = name};
    return true;
}

/* The same file by another path would set everything twice, or include itself for ever. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat left;
    struct stat right;
    if (strcmp(a, b) == 0)
        return true;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

/* Faults are told at the include, not at the file: that is the line to change. */
static void include_one(struct parse *parse, const struct entry *entry, const char *name)
{
    for (unsigned i = 0; i < parse->source_count; i++) {
        if (is_same_file(parse->sources[i].name, name)) {
            messages_error(parse->messages, &entry->value_at, "%s is included already", name);
            return;
        }
    }
    if (parse->source_count >= PARSE_FILES_MAX) {
        messages_error(parse->messages, &entry->value_at, "more than %d files", PARSE_FILES_MAX);
        return;
    }
    if (access(name, R_OK) != 0) {
        messages_error(parse->messages, &entry->value_at, "cannot open %s: %s", name,
                       strerrordesc_np(errno));
        return;
    }
    /* A failure is told by the messages. */
    if (!source_add_take(parse, str_dup(str_of(name))))
        return;
}

static bool is_pattern(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '*' || path.p[i] == '?' || path.p[i] == '[')
            return true;
    return false;
}

/* The folder is no pattern, even if a character in its name looks like one. */
static char *pattern_beside(const char *file, struct str pattern)
{
    struct str folder = folder_of(file);
    if (pattern.p[0] == '/')
        folder = STR_EMPTY;
    struct buf whole;
    size_t n = 0;
    buf_init(&whole, PARSE_LINE_MAX * 2);
    bool ok = true;
    for (size_t i = 0; ok && i < folder.n; i++) {
        if (strchr("*?[]\\", folder.p[i]) != NULL)
            ok = buf_add_char(&whole, '\\');
        ok = ok && buf_add_char(&whole, folder.p[i]);
    }
    char *result = ok && buf_add_str(&whole, pattern) ? buf_take(&whole, &n) : NULL;
    buf_release(&whole);
    return result;
}

/* A folder that is not there holds no files; one that cannot be read is a fault. */
static int on_glob_error(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

/* glob's own order follows the locale. */
static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void include_pattern(struct parse *parse, const struct entry *entry)
{
    glob_t found;
    memset(&found, 0, sizeof found);
    char *pattern = pattern_beside(entry->at.file, entry->value);
    if (pattern == NULL) {
        messages_no_memory(parse->messages);
        return;
    }
    int result = glob(pattern, GLOB_NOSORT, on_glob_error, &found);
    if (result == 0) {
        qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, compare_names);
        for (size_t i = 0; i < found.gl_pathc; i++)
            include_one(parse, entry, found.gl_pathv[i]);
    } else if (result == GLOB_NOSPACE) {
        messages_no_memory(parse->messages);
    } else if (result != GLOB_NOMATCH) {
        messages_error(parse->messages, &entry->value_at, "cannot read the folder of %s", pattern);
    }
    globfree(&found);
    free(pattern);
}

void source_include(struct parse *parse, const struct entry *entry)
{
    if (entry->value.n == 0) {
        messages_error(parse->messages, &entry->at, "include names no file");
        return;
    }
    if (is_pattern(entry->value)) {
        include_pattern(parse, entry);
        return;
    }
    char *name = path_beside(entry->at.file, entry->value);
    if (name == NULL)
        messages_no_memory(parse->messages);
    else
        include_one(parse, entry, name);
    free(name);
}
