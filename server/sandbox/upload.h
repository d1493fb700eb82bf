/* A multipart/form-data body taken apart: its fields as an object of texts, its files where they
 * stand. */
#ifndef SERVER_SANDBOX_UPLOAD_H
#define SERVER_SANDBOX_UPLOAD_H

#include <jansson.h>

#include "base/check.h"
#include "base/str.h"
#include "relay/multipart_head.h"

#define UPLOAD_FILES_MAX 20

struct upload_file {
    char name[MULTIPART_NAME_MAX + 1]; /* of its part */
    struct str bytes;                  /* a view of the body */
};

struct upload {
    struct upload_file files[UPLOAD_FILES_MAX];
    unsigned count;
};

/* Reads `body` and gives its fields: an object with a text for each name, a list of texts where the
 * name ends with "[]".  Keeps views of `body`.  NULL when the type is another one, the body is
 * malformed, has too many files or a text that is not UTF-8, and when there is no memory. */
MUST_USE json_t *upload_read(struct upload *upload, struct str content_type, struct str body);
/* The file of a name that was given from 0 on, as "name" or "name[]"; NULL behind the last. */
const struct upload_file *upload_file(const struct upload *upload, struct str name, unsigned index);

#endif
