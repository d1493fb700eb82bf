/* What of a request goes into the record of the task that it makes: its prompt, and a digest of all
 * that it asks for, by which a repetition of it is known. */
#ifndef RELAY_FIELDS_RECORD_H
#define RELAY_FIELDS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/secret.h"
#include "base/str.h"

#define FIELDS_RECORD_PROMPT_MAX 65535

struct fields_record {
    struct buf prompt;
    bool prompt_full;
    struct secret_digest digest;
};

/* NULL when out of memory. */
MUST_USE struct fields_record *fields_record_new(void);
/* NULL-safe; nulls the pointer. */
void fields_record_free(struct fields_record **record);
/* Each is a no-op without a record.  A part of a form by its name and what is in it, whatever the
 * boundary is this time; of other bodies each byte. */
void fields_record_part(struct fields_record *record, struct str name, bool is_file);
void fields_record_bytes(struct fields_record *record, struct str piece);
void fields_record_part_end(struct fields_record *record, uint64_t n);
/* The next piece of the prompt; what is beyond its room is left out. */
void fields_record_prompt(struct fields_record *record, struct str piece);
/* The prompt, ended by NUL, cut between two characters.  Once. */
const char *fields_record_prompt_end(struct fields_record *record);

#endif
