/* What a check has to say: errors and warnings with the place they are about, in the form that
 * compilers use, so that editors jump to it. */
#ifndef CONFIG_MESSAGE_H
#define CONFIG_MESSAGE_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"

enum severity { SEVERITY_WARNING, SEVERITY_ERROR };

struct place {
    const char *file; /* kept until the messages are released */
    unsigned order;   /* of the file among those read: messages are sorted by it */
    unsigned line;    /* from 1; 0 = the file as a whole */
    unsigned column;  /* in bytes, from 1 */
};

#define MESSAGES_MAX 200 /* further ones are counted, not kept */

struct message {
    struct place place;
    enum severity severity;
    char *text;
    unsigned number; /* as they came */
};

struct messages {
    struct message *list;
    unsigned n;
    unsigned errors;
    unsigned warnings;
    bool out_of_memory;
};

void messages_init(struct messages *messages);
void messages_release(struct messages *messages);
/* Keeps one; control bytes become '?', texts are cut after 1 KiB. */
void messages_add(struct messages *messages, enum severity severity, const struct place *place,
                  const char *format, ...) PRINTF_LIKE(4, 5);
/* The same as an error. */
void messages_error(struct messages *messages, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Memory ran out somewhere in the check: counts as an error. */
void messages_no_memory(struct messages *messages);
/* Appends "file:line:column: error: text" lines in the order of the files, and the closing count if
 * there is an error.  Sorts the list. */
MUST_USE bool messages_write(struct messages *messages, struct buf *out);

#endif
