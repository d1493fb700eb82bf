#include "relay/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/fields.h"
#include "relay/fields_record.h"
#include "relay/multipart.h"

#define FILE_NAME "file"

struct form {
    struct multipart *scanner;
    struct fields *fields;
    bool in_field;        /* the part at hand is one of fields->field[name] */
    enum field_name name; /* of the part at hand */
    bool first;           /* the part's value has not begun */
    bool in_file;         /* the part at hand is the one named `file` */
    bool is_text;         /* that part was a text */
    bool file_repeated; /* it came twice, or in another case: two readers may take different ones */
    unsigned files;     /* parts of that name */
    struct sound sound;
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
};

static void begin_file(struct form *form, const struct multipart_part *part)
{
    form->in_file = true;
    form->file_repeated |= form->files > 0 || !str_eq(part->name, STR(FILE_NAME));
    form->is_text |= !part->has_filename;
    form->files++;
}

static void on_part(void *context, const struct multipart_part *part)
{
    struct form *form = context;
    form->in_field = false;
    form->in_file = false;
    form->first = true;
    fields_record_part(form->fields->record, part->name, part->has_filename);
    if (!part->name_cut && str_eq_nocase(part->name, STR(FILE_NAME)))
        begin_file(form, part);
    if (part->has_filename)
        fields_note_file(form->fields);
    else if (!part->name_cut)
        form->in_field = fields_begin_part(form->fields, part->name, &form->name);
}

static void on_data(void *context, struct str piece)
{
    struct form *form = context;
    if (form->in_field)
        fields_add_part(form->fields, form->name, piece, form->first);
    if (form->in_file)
        sound_feed(&form->sound, piece);
    fields_record_bytes(form->fields->record, piece);
    form->first = false;
}

static void on_end(void *context, uint64_t begin, uint64_t end)
{
    struct form *form = context;
    if (form->in_field)
        fields_end_part(form->fields, form->name, begin, end);
    fields_record_part_end(form->fields->record, end - begin);
}

struct form *form_new(const char *boundary, struct fields *fields)
{
    struct form *form = calloc(1, sizeof *form);
    if (form == NULL)
        return NULL;
    struct multipart_sink sink = {.part = on_part, .data = on_data, .end = on_end, .context = form};
    form->fields = fields;
    snprintf(form->boundary, sizeof form->boundary, "%s", boundary);
    form->scanner = multipart_new(boundary, &sink);
    if (form->scanner == NULL)
        form_free(&form);
    return form;
}

void form_free(struct form **form)
{
    if (*form == NULL)
        return;
    multipart_free(&(*form)->scanner);
    free(*form);
    *form = NULL;
}

void form_feed(struct form *form, const char *p, size_t n)
{
    (void)multipart_feed(form->scanner, p, n);
}

enum fault form_finish(const struct form *form, struct failure *failure)
{
    if (multipart_end(form->scanner))
        return FAULT_NONE;
    failure_set(failure, FAULT_INVALID_MULTIPART, "offset %llu",
                (unsigned long long)multipart_offset(form->scanner));
    return FAULT_INVALID_MULTIPART;
}

enum fault form_need_file(const struct form *form, struct failure *failure)
{
    enum fault fault = FAULT_NONE;
    if (form->files == 0)
        fault = FAULT_MISSING_PARAMETER;
    else if (form->file_repeated)
        fault = FAULT_DUPLICATE_PARAMETER;
    else if (form->is_text)
        fault = FAULT_INVALID_TYPE;
    else if (form->sound.bytes == 0)
        fault = FAULT_INVALID_VALUE;
    if (fault == FAULT_NONE)
        return FAULT_NONE;
    bool is_there = fault == FAULT_INVALID_TYPE || fault == FAULT_INVALID_VALUE;
    failure_set(failure, fault, "%s",
                is_there ? "'" FILE_NAME "': expected a file with something in it" : FILE_NAME);
    failure_set_param(failure, FILE_NAME);
    return fault;
}

const struct sound *form_sound(const struct form *form)
{
    return &form->sound;
}

uint64_t form_insert_at(const struct form *form)
{
    return multipart_insert_at(form->scanner);
}

const char *form_boundary(const struct form *form)
{
    return form->boundary;
}
