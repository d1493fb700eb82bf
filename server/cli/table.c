#include "server/cli/table.h"

#include <string.h>

#include "base/str.h"
#include "server/cli/cell.h"

#define CELL_BYTES_MAX (64 * 1024)
#define COLUMNS_MAX 32

struct columns {
    char text[384]; /* the names, a NUL behind each */
    const char *names[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    unsigned n;
};

static void columns_init(struct columns *columns, const char *names)
{
    size_t n = strlen(names);
    CHECK(n < sizeof columns->text);
    memset(columns, 0, sizeof *columns);
    memcpy(columns->text, names, n);
    char *at = columns->text;
    while (*at) {
        CHECK(columns->n < COLUMNS_MAX);
        columns->names[columns->n++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
}

/* Terminal cells of UTF-8 text without a locale: one for each character, two for those that begin
 * with E3..ED or F0 (nearly all of them wide: CJK, kana, hangul, emoji). */
static size_t width_of(struct str text)
{
    size_t width = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c & 0xc0) == 0x80)
            continue;
        width += (c >= 0xe3 && c <= 0xed) || c == 0xf0 ? 2 : 1;
    }
    return width;
}

static void pad(FILE *out, size_t n)
{
    fprintf(out, "%*s", (int)n, "");
}

static bool row_cell(struct buf *cell, const json_t *row, const char *column)
{
    buf_clear(cell);
    return cell_add(cell, json_object_get(row, column));
}

static bool measure(struct columns *columns, const json_t *rows, struct buf *cell)
{
    for (unsigned c = 0; c < columns->n; c++) {
        columns->widths[c] = strlen(columns->names[c]);
        for (size_t r = 0; r < json_array_size(rows); r++) {
            if (!row_cell(cell, json_array_get(rows, r), columns->names[c]))
                return false;
            size_t width = width_of(buf_str(cell));
            columns->widths[c] = width > columns->widths[c] ? width : columns->widths[c];
        }
    }
    return true;
}

static void print_header(FILE *out, const struct columns *columns)
{
    for (unsigned c = 0; c < columns->n; c++) {
        for (const char *p = columns->names[c]; *p; p++)
            fputc(*p >= 'a' && *p <= 'z' ? *p - 32 : *p, out);
        if (c + 1 < columns->n)
            pad(out, columns->widths[c] - strlen(columns->names[c]) + 2);
    }
    fputc('\n', out);
}

static bool print_row(FILE *out, const struct columns *columns, const json_t *row, struct buf *cell,
                      enum table_style style)
{
    for (unsigned c = 0; c < columns->n; c++) {
        if (!row_cell(cell, row, columns->names[c]))
            return false;
        struct str text = buf_str(cell);
        fwrite(text.p, 1, text.n, out);
        if (c + 1 == columns->n)
            fputc('\n', out);
        else if (style == TABLE_TABS)
            fputc('\t', out);
        else
            pad(out, columns->widths[c] - width_of(text) + 2);
    }
    return true;
}

static bool print_rows(FILE *out, const char *names, const json_t *rows, enum table_style style)
{
    struct columns columns;
    struct buf cell;
    columns_init(&columns, names);
    buf_init(&cell, CELL_BYTES_MAX);
    bool ok = true;
    if (style == TABLE_ALIGNED) {
        ok = measure(&columns, rows, &cell);
        if (ok)
            print_header(out, &columns);
    }
    for (size_t r = 0; ok && r < json_array_size(rows); r++)
        ok = print_row(out, &columns, json_array_get(rows, r), &cell, style);
    buf_release(&cell);
    return ok;
}

static bool print_member(FILE *out, const char *key, const json_t *value, struct buf *cell,
                         size_t width)
{
    buf_clear(cell);
    if (!cell_add(cell, value))
        return false;
    struct str text = buf_str(cell);
    if (width == 0)
        fprintf(out, "%s\t", key);
    else
        fprintf(out, "%-*s  ", (int)width, key);
    fwrite(text.p, 1, text.n, out);
    fputc('\n', out);
    return true;
}

/* A list of objects (loops, providers) or sentences (errors) gets a line for each; one of words is
 * read at a glance. */
static bool is_of_lines(const json_t *value)
{
    bool lines = json_is_object(json_array_get(value, 0));
    for (size_t i = 0; !lines && i < json_array_size(value); i++) {
        const char *text = json_string_value(json_array_get(value, i));
        lines = text != NULL && strchr(text, ' ') != NULL;
    }
    return lines;
}

static bool print_object(FILE *out, const json_t *object, enum table_style style)
{
    struct buf cell;
    size_t width = 0;
    buf_init(&cell, CELL_BYTES_MAX);
    json_t *walked = (json_t *)(uintptr_t)object; /* jansson's iterator wants it writable */
    const char *key;
    json_t *value;
    json_object_foreach(walked, key, value)
    {
        if (style == TABLE_ALIGNED && strlen(key) > width)
            width = strlen(key);
    }
    bool ok = true;
    json_object_foreach(walked, key, value)
    {
        bool lines = is_of_lines(value);
        size_t n = lines ? json_array_size(value) : 1;
        for (size_t i = 0; ok && i < n; i++)
            ok = print_member(out, key, lines ? json_array_get(value, i) : value, &cell, width);
    }
    buf_release(&cell);
    return ok;
}

bool table_print(FILE *out, const char *columns, const json_t *result, enum table_style style)
{
    if (json_is_array(result))
        return print_rows(out, columns, result, style);
    return print_object(out, result, style);
}
