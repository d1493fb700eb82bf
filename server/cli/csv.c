#include "server/cli/csv.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define CELL_BYTES_MAX (64 * 1024)
#define NAME_BYTES_MAX 32

/* What would end the cell. */
static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (strchr(",\"\r\n", text.p[i]) != NULL)
            return true;
    return false;
}

static void put_quoted(FILE *out, struct str text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            fputc('"', out);
        fputc(text.p[i], out);
    }
    fputc('"', out);
}

static void put_text(FILE *out, struct str text)
{
    if (needs_quotes(text))
        put_quoted(out, text);
    else
        fwrite(text.p, 1, text.n, out);
}

static bool add_value(struct buf *text, const json_t *value);

static bool add_object(struct buf *text, const json_t *object)
{
    json_t *walked = (json_t *)(uintptr_t)object; /* jansson's iterator wants it writable */
    const char *name;
    json_t *value;
    bool ok = true, first = true;
    json_object_foreach(walked, name, value)
    {
        ok = ok && (first || buf_add_char(text, ' ')) && buf_addf(text, "%s=", name) &&
             add_value(text, value);
        first = false;
    }
    return ok;
}

static bool add_value(struct buf *text, const json_t *value)
{
    bool ok = true;
    if (json_is_string(value))
        return buf_add(text, json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        return buf_addf(text, "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        return buf_add_str(text, json_is_true(value) ? STR("true") : STR("false"));
    if (json_is_object(value))
        return add_object(text, value);
    for (size_t i = 0; ok && i < json_array_size(value); i++)
        ok = (i == 0 ||
              buf_add_str(text, json_is_object(json_array_get(value, i)) ? STR("; ") : STR(" "))) &&
             add_value(text, json_array_get(value, i));
    return ok;
}

bool csv_names(FILE *out, const char *columns)
{
    struct str rest = str_of(columns), name;
    bool first = true;
    while (str_cut(&rest, ' ', &name)) {
        fprintf(out, "%s%.*s", first ? "" : ",", STR_ARG(name));
        first = false;
    }
    return fputc('\n', out) != EOF;
}

static bool put_row(FILE *out, const char *columns, const json_t *row, struct buf *text)
{
    struct str rest = str_of(columns), name;
    bool ok = true, first = true;
    while (ok && str_cut(&rest, ' ', &name)) {
        buf_clear(text);
        ok = add_value(text, json_object_getn(row, name.p, name.n));
        if (!first)
            fputc(',', out);
        put_text(out, buf_str(text));
        first = false;
    }
    return ok && fputc('\n', out) != EOF;
}

bool csv_rows(FILE *out, const char *columns, const json_t *rows)
{
    struct buf text;
    bool ok = true;
    buf_init(&text, CELL_BYTES_MAX);
    for (size_t i = 0; ok && i < json_array_size(rows); i++)
        ok = put_row(out, columns, json_array_get(rows, i), &text);
    buf_release(&text);
    return ok;
}
