/* The strict INI dialect of gateway.conf: files become sections of key = value entries, each with
 * its place.  What the names mean is not known here.
 *
 *   # or ; begins a comment line          [kind]   [kind "name"]
 *   key = value                           key = "value with \" \\ \n \t"
 *   include = conf.d/[star].conf          read after this file, in the order of names
 */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/str.h"
#include "config/message.h"

#define PARSE_FILE_MAX ((size_t)4 << 20)
#define PARSE_LINE_MAX ((size_t)64 << 10)
#define PARSE_FILES_MAX 1024
#define PARSE_SECTIONS_MAX 16384

/* Texts point into the parse. */
struct entry {
    struct str key;
    struct str value; /* unquoted, escapes resolved */
    struct place at;
    struct place value_at; /* its first byte behind a quote */
};

struct section {
    struct str kind;
    struct str name; /* empty unless named */
    bool named;
    struct place at;
    struct entry *entries;
    unsigned entry_count;
};

struct source {
    char *name; /* as it is shown: the path as reached from the main file */
    char *text; /* heap, unescaped in place */
    size_t size;
};

struct parse {
    struct messages *messages;
    struct source *sources; /* [0] is the main file, then the included ones as they are read */
    unsigned source_count;
    struct section *sections; /* in the order of the sources; no named one twice */
    unsigned section_count;
};

/* Reads `file` and what it includes.  Faults go to `messages` (kept), each once; what is usable is
 * kept, so that the check can go on.  End it with parse_release, after the messages are written. */
void parse_files(struct parse *parse, const char *file, struct messages *messages);
void parse_release(struct parse *parse);

/* A place `offset` bytes behind the start of the entry's value. */
struct place entry_place(const struct entry *entry, size_t offset);

#endif
