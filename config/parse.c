#include "config/parse.h"

#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "config/source.h"
#include "config/value.h"

/* One file on its way through the parser. */
struct reader {
    struct parse *parse;
    struct place at; /* the line; column 1 */
    char *line;      /* its bytes, without the line's end */
    size_t n;
    unsigned first_section; /* of this file */
    bool in_section;
    bool skipping; /* the section's head was wrong: its keys have been judged enough */
};

struct place entry_place(const struct entry *entry, size_t offset)
{
    struct place place = entry->value_at;
    place.column += (unsigned)offset;
    return place;
}

static struct place place_at(const struct reader *reader, size_t offset)
{
    struct place place = reader->at;
    place.column = (unsigned)offset + 1;
    return place;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Positions are offsets in the line; one is always valid up to and including its end. */
static size_t skip_blanks(const struct reader *reader, size_t at)
{
    while (at < reader->n && is_blank(reader->line[at]))
        at++;
    return at;
}

static size_t skip_name(const struct reader *reader, size_t at)
{
    while (at < reader->n && is_name_byte(reader->line[at]))
        at++;
    return at;
}

/* Reports a fault of this line's grammar; always false. */
static bool fault_at(struct reader *reader, size_t offset, const char *text)
{
    struct place place = place_at(reader, offset);
    messages_error(reader->parse->messages, &place, "%s", text);
    return false;
}

/* How many bytes the character at p has, 0 when it is not UTF-8 (overlong, surrogate, cut). */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (length <= 1)
        return length;
    if (p[0] > 0xf4 || length > n)
        return 0;
    unsigned value = p[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (p[i] & 0x3fU);
    }
    bool ok = value >= least[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    return ok ? length : 0;
}

/* The first thing done to a line, so that nothing after it meets a NUL or half a character. */
static bool check_bytes(struct reader *reader)
{
    const unsigned char *p = (const unsigned char *)reader->line;
    size_t i = 0;
    if (reader->n > PARSE_LINE_MAX)
        return fault_at(reader, 0, "the line is longer than 64 KiB");
    while (i < reader->n) {
        size_t length = utf8_length(p + i, reader->n - i);
        if (length == 0)
            return fault_at(reader, i, "the line is not UTF-8");
        if (p[i] == 0)
            return fault_at(reader, i, "the line holds a NUL byte");
        if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
            return fault_at(reader, i, "the line holds a control character");
        i += length;
    }
    return true;
}

/* Resolves the quoted text whose opening quote is at *at, in place; *at moves behind the closing
 * quote. */
static bool unquote(struct reader *reader, size_t *at, struct str *text)
{
    size_t from = *at + 1;
    size_t to = from;
    size_t i = from;
    while (i < reader->n && reader->line[i] != '"') {
        char c = reader->line[i++];
        if (c == '\\') {
            char escape = i < reader->n ? reader->line[i++] : '\0';
            if (escape == '\0' || strchr("\"\\nt", escape) == NULL)
                return fault_at(reader, i - 1, "unknown escape (want \\\" \\\\ \\n or \\t)");
            c = escape == 'n' ? '\n' : escape == 't' ? '\t' : escape;
        }
        reader->line[to++] = c;
    }
    if (i == reader->n)
        return fault_at(reader, *at, "the closing quote is missing");
    *text = (struct str){reader->line + from, to - from};
    *at = i + 1;
    return true;
}

/* The section that this one would repeat, or NULL. */
static const struct section *find_twin(const struct reader *reader, const struct section *section)
{
    const struct parse *parse = reader->parse;
    /* An unnamed section may stand once in each file: a later file overrides single keys. */
    for (unsigned i = section->named ? 0 : reader->first_section; i < parse->section_count; i++) {
        const struct section *other = &parse->sections[i];
        if (other->named == section->named && str_eq(other->kind, section->kind) &&
            str_eq(other->name, section->name))
            return other;
    }
    return NULL;
}

static bool section_add(struct reader *reader, const struct section *section)
{
    struct parse *parse = reader->parse;
    if (parse->section_count >= PARSE_SECTIONS_MAX) {
        messages_error(parse->messages, &section->at, "more than %d sections", PARSE_SECTIONS_MAX);
        return false;
    }
    const struct section *twin = find_twin(reader, section);
    if (twin != NULL) {
        messages_error(
            parse->messages, &section->at, "[%.*s%s%.*s%s] stands twice; the first is at %s:%u",
            SHORT_ARG(section->kind), section->named ? " \"" : "", SHORT_ARG(section->name),
            section->named ? "\"" : "", twin->at.file, twin->at.line);
        return false;
    }
    struct section *sections = array_room(parse->sections, parse->section_count, sizeof *sections);
    if (sections == NULL) {
        messages_no_memory(parse->messages);
        return false;
    }
    parse->sections = sections;
    sections[parse->section_count++] = *section;
    return true;
}

/* Everything from "[" to the end of the line. */
static bool parse_head(struct reader *reader, size_t at, struct section *section)
{
    section->at = place_at(reader, at);
    size_t from = skip_blanks(reader, at + 1);
    size_t to = skip_name(reader, from);
    if (to == from)
        return fault_at(reader, from,
                        "a section's name is missing (want [kind] or [kind \"name\"])");
    section->kind = (struct str){reader->line + from, to - from};
    at = skip_blanks(reader, to);
    if (at < reader->n && reader->line[at] == '"') {
        section->named = true;
        if (!unquote(reader, &at, &section->name))
            return false;
        at = skip_blanks(reader, at);
    }
    if (at == reader->n)
        return fault_at(reader, at, "\"]\" is missing");
    if (reader->line[at] != ']')
        return fault_at(reader, at,
                        "unexpected text in a section's head (want [kind] or [kind \"name\"])");
    size_t end = skip_blanks(reader, at + 1);
    if (end < reader->n)
        return fault_at(reader, end, "unexpected text behind \"]\"");
    return true;
}

static void parse_section_line(struct reader *reader, size_t at)
{
    struct section section = {.name = STR_EMPTY};
    reader->in_section = true;
    reader->skipping = !parse_head(reader, at, &section) || !section_add(reader, &section);
}

/* A value that does not begin with a quote is taken as it stands, up to the end of the line: there
 * are no comments behind values, so "#" in a URL or a name is safe. */
static bool parse_value(struct reader *reader, size_t at, struct entry *entry)
{
    entry->value_at = place_at(reader, at);
    if (at == reader->n || reader->line[at] != '"') {
        entry->value = str_trim((struct str){reader->line + at, reader->n - at});
        return true;
    }
    entry->value_at.column++;
    if (!unquote(reader, &at, &entry->value))
        return false;
    at = skip_blanks(reader, at);
    if (at < reader->n)
        return fault_at(reader, at, "unexpected text behind the closing quote");
    return true;
}

/* The reader stands in the last section. */
static void entry_add(struct reader *reader, const struct entry *entry)
{
    struct parse *parse = reader->parse;
    struct section *section = &parse->sections[parse->section_count - 1];
    struct entry *entries = array_room(section->entries, section->entry_count, sizeof *entries);
    if (entries == NULL) {
        messages_no_memory(parse->messages);
        return;
    }
    section->entries = entries;
    entries[section->entry_count++] = *entry;
}

/* "include" is the one key with a meaning here; it may stand in any section and ends none. */
static void parse_entry_line(struct reader *reader, size_t from)
{
    struct entry entry = {.at = place_at(reader, from)};
    struct messages *messages = reader->parse->messages;
    size_t to = skip_name(reader, from);
    entry.key = (struct str){reader->line + from, to - from};
    size_t equals = skip_blanks(reader, to);
    if (to == from || (equals < reader->n && reader->line[equals] != '=')) {
        (void)fault_at(reader, to, "unexpected text (want key = value, [section] or # comment)");
        return;
    }
    if (equals == reader->n) {
        messages_error(messages, &entry.at, "\"%.*s\" has no \"=\" (want key = value)",
                       SHORT_ARG(entry.key));
        return;
    }
    if (!parse_value(reader, skip_blanks(reader, equals + 1), &entry))
        return;
    if (str_eq(entry.key, STR("include")))
        source_include(reader->parse, &entry);
    else if (!reader->in_section)
        messages_error(messages, &entry.at, "\"%.*s\" stands before the first [section]",
                       SHORT_ARG(entry.key));
    else if (!reader->skipping)
        entry_add(reader, &entry);
}

/* Files from other systems may end their lines with CR LF. */
static void parse_line(struct reader *reader)
{
    if (reader->n > 0 && reader->line[reader->n - 1] == '\r')
        reader->n--;
    if (!check_bytes(reader))
        return;
    size_t at = skip_blanks(reader, 0);
    if (at == reader->n || reader->line[at] == '#' || reader->line[at] == ';')
        return;
    if (reader->line[at] == '[')
        parse_section_line(reader, at);
    else
        parse_entry_line(reader, at);
}

static void parse_source(struct parse *parse, unsigned order)
{
    /* The array of sources may move when a line includes more; the text stays. */
    const struct source source = parse->sources[order];
    struct reader reader = {.parse = parse,
                            .at = {.file = source.name, .order = order, .column = 1},
                            .first_section = parse->section_count};
    struct str bom = STR("\xef\xbb\xbf");
    size_t at = str_starts((struct str){source.text, source.size}, bom) ? bom.n : 0;
    while (at < source.size) {
        const char *end = memchr(source.text + at, '\n', source.size - at);
        reader.line = source.text + at;
        reader.n = end == NULL ? source.size - at : (size_t)(end - reader.line);
        reader.at.line++;
        at += reader.n + 1;
        parse_line(&reader);
    }
}

void parse_files(struct parse *parse, const char *file, struct messages *messages)
{
    CHECK(parse != NULL && file != NULL && messages != NULL);
    struct buf why;
    buf_init(&why, 1024);
    *parse = (struct parse){.messages = messages};
    bool ok = source_add_take(parse, str_dup(str_of(file)));
    /* Included files wait in line behind this one: whatever includes what, nothing recurses. */
    for (unsigned i = 0; ok && i < parse->source_count; i++) {
        if (source_read(&parse->sources[i], &why)) {
            parse_source(parse, i);
            continue;
        }
        struct place place = {.file = parse->sources[i].name, .order = i};
        messages_error(messages, &place, "%.*s", STR_ARG(buf_str(&why)));
    }
    buf_release(&why);
}

void parse_release(struct parse *parse)
{
    for (unsigned i = 0; i < parse->section_count; i++)
        free(parse->sections[i].entries);
    for (unsigned i = 0; i < parse->source_count; i++) {
        free(parse->sources[i].name);
        free(parse->sources[i].text);
    }
    free(parse->sections);
    free(parse->sources);
    *parse = (struct parse){.messages = NULL};
}
