/* The header lines of one part for relay/multipart: kept while they come in, then read. */
#ifndef RELAY_MULTIPART_HEAD_H
#define RELAY_MULTIPART_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/str.h"

#define MULTIPART_HEAD_MAX 8192 /* bytes of a part's header lines, the empty one included */
#define MULTIPART_NAME_MAX 64   /* bytes of a part's name that are kept */

enum multipart_head_result { MULTIPART_HEAD_MORE, MULTIPART_HEAD_DONE, MULTIPART_HEAD_BAD };

struct multipart_head {
    size_t n, line_begin;
    size_t fault; /* after BAD: where, counted from the part's first header byte */
    bool has_disposition, has_name, has_filename, has_type;
    bool name_cut;
    size_t name_n;
    struct str type; /* of the content; a view of `bytes` */
    char name[MULTIPART_NAME_MAX];
    char bytes[MULTIPART_HEAD_MAX];
};

void multipart_head_begin(struct multipart_head *head);
/* Takes the next byte.  `delimiter` is the text that may not begin a line. */
MUST_USE enum multipart_head_result multipart_head_add(struct multipart_head *head, char c,
                                                       struct str delimiter);

#endif
