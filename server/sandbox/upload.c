#include "server/sandbox/upload.h"

#include <string.h>

#include "relay/multipart.h"

/* The body while it is read. */
struct reading {
    struct upload *upload;
    struct str body;
    json_t *fields;
    bool failed;
    bool is_file; /* the part that is being read */
    char name[MULTIPART_NAME_MAX + 1];
};

static void on_part(void *context, const struct multipart_part *part)
{
    struct reading *reading = context;
    reading->is_file = part->has_filename;
    memcpy(reading->name, part->name.p, part->name.n);
    reading->name[part->name.n] = '\0';
}

static bool add_file(struct reading *reading, struct str bytes)
{
    struct upload *upload = reading->upload;
    if (upload->count == UPLOAD_FILES_MAX)
        return false;
    struct upload_file *file = &upload->files[upload->count++];
    memcpy(file->name, reading->name, sizeof file->name);
    file->bytes = bytes;
    return true;
}

static bool add_field(struct reading *reading, struct str bytes)
{
    json_t *text = json_stringn(bytes.p, bytes.n);
    if (!str_ends(str_of(reading->name), STR("[]")))
        return json_object_set_new(reading->fields, reading->name, text) == 0;
    json_t *list = json_object_get(reading->fields, reading->name);
    if (list != NULL)
        return json_array_append_new(list, text) == 0;
    return json_object_set_new(reading->fields, reading->name, json_pack("[o]", text)) == 0;
}

static void on_end(void *context, uint64_t begin, uint64_t end)
{
    struct reading *reading = context;
    struct str bytes = str_slice(reading->body, (size_t)begin, (size_t)end);
    if (!(reading->is_file ? add_file(reading, bytes) : add_field(reading, bytes)))
        reading->failed = true;
}

json_t *upload_read(struct upload *upload, struct str content_type, struct str body)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 1];
    struct reading reading = {.upload = upload, .body = body};
    const struct multipart_sink sink = {.part = on_part, .end = on_end, .context = &reading};
    if (!multipart_boundary(content_type, boundary))
        return NULL;
    upload->count = 0;
    struct multipart *scanner = multipart_new(boundary, &sink);
    reading.fields = json_object();
    if (scanner != NULL && reading.fields != NULL)
        multipart_feed(scanner, body.p, body.n);
    bool read = scanner != NULL && multipart_end(scanner) && !reading.failed;
    multipart_free(&scanner);
    if (read)
        return reading.fields;
    json_decref(reading.fields);
    return NULL;
}

const struct upload_file *upload_file(const struct upload *upload, struct str name, unsigned index)
{
    for (unsigned i = 0; i < upload->count; i++) {
        struct str own = str_of(upload->files[i].name);
        bool listed = str_ends(own, STR("[]"));
        if (str_eq(str_slice(own, 0, own.n - (listed ? 2 : 0)), name) && index-- == 0)
            return &upload->files[i];
    }
    return NULL;
}
