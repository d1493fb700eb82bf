/* What the gateway reads from a request: top-level members of a JSON object, or text parts of a
 * form, in one pass, as spans and small values.  Everything else is opaque and passes unread. */
#ifndef RELAY_FIELDS_H
#define RELAY_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/jspan.h"
#include "base/str.h"
#include "config/model.h"
#include "relay/estimate.h"
#include "relay/failure.h"
#include "relay/references.h"

/* Each is a policy key: given twice, or in another ASCII case, it is refused, since provider and
 * gateway might read different ones. */
/* clang-format off */
#define FIELDS(X)                                                                                  \
    X(model) X(stream) X(stream_options) X(n) X(best_of)                                           \
    X(max_tokens) X(max_completion_tokens) X(max_output_tokens)                                    \
    X(size) X(quality) X(seconds) X(duration) X(response_format) X(encoding_format)                \
    X(stream_format) X(service_tier) X(background) X(store) X(previous_response_id)                \
    X(conversation) X(voice) X(messages) X(input) X(prompt) X(documents) X(query) X(tools)         \
    X(functions) X(instructions) X(aspect_ratio) X(audio)
/* clang-format on */

enum field_name {
#define X(name) FIELD_##name,
    FIELDS(X)
#undef X
        FIELD_include_usage, /* stream_options.include_usage */
    FIELD_COUNT
};

struct form;
struct fields_record;

struct field {
    unsigned seen; /* how many times; the rest tells of the first */
    enum jspan_type type;
    uint64_t begin, end, count;
    char text[48]; /* strings decoded, numbers as spelled; cut */
    bool text_cut;
};

struct fields {
    struct jspan *scanner;
    struct form *form;            /* reads the body in place of the scanner; NULL = JSON */
    struct fields_record *record; /* NULL unless fields_keep_record */
    struct field field[FIELD_COUNT];
    char model[MODEL_NAME_MAX + 1];
    const char *foreign; /* the member that names an object of somebody else first; NULL = none */
    char foreign_id[64];
    enum field_name repeated; /* the first that came twice or in another case; FIELD_COUNT = none */
    struct estimate prompt;
    int64_t input_characters; /* of the texts in `input`: Unicode scalar values */
    int64_t media_tokens;     /* what pictures, sound and files in the prompt are reckoned at */
    bool in_medium;
    bool cache_marked;    /* parts of the prompt are to be cached (cache_control) */
    bool with_search;     /* the provider looks for more by itself */
    enum jspan_type root; /* of the document; an object when fields_finish is content */
    uint64_t root_begin, root_count;
    bool with_references;
    struct references references;
};

/* `references`: the ids of a provider's objects are gathered, too.  NULL when out of memory. */
MUST_USE struct fields *fields_new(bool references);
/* The same of a multipart body with this boundary. */
MUST_USE struct fields *fields_new_form(const char *boundary);
void fields_free(struct fields **fields);
/* Before the first byte: the record of a task is gathered, too.  False when out of memory. */
MUST_USE bool fields_keep_record(struct fields *fields);
/* The next piece of the body. */
void fields_feed(struct fields *fields, const char *p, size_t n);
/* The body is complete.  Faults: INVALID_JSON, INVALID_MULTIPART, DUPLICATE_PARAMETER,
 * REFERENCE_NOT_FOUND (an object at a provider that was never given out here: users share the
 * provider's account). */
MUST_USE enum fault fields_finish(struct fields *fields, struct failure *failure);

/* Checks; each fills *failure (with its param) on a refusal.
 * Faults: MISSING_PARAMETER, INVALID_TYPE, INVALID_VALUE. */
/* Fault: UNSUPPORTED_PARAMETER, of this one. */
enum fault fields_unsupported(enum field_name name, struct failure *failure);
MUST_USE enum fault fields_need_text(const struct fields *fields, enum field_name name,
                                     struct failure *failure);
/* A whole number in [min, max], or the same as a string; absent or null leaves *value. */
MUST_USE enum fault fields_digits(const struct fields *fields, enum field_name name, int64_t min,
                                  int64_t max, int64_t *value, struct failure *failure);
/* Of any type, but neither null nor empty. */
MUST_USE enum fault fields_need(const struct fields *fields, enum field_name name,
                                struct failure *failure);
MUST_USE enum fault fields_need_list(const struct fields *fields, enum field_name name,
                                     struct failure *failure);
/* A string or an array, and not empty. */
MUST_USE enum fault fields_need_text_or_list(const struct fields *fields, enum field_name name,
                                             struct failure *failure);
/* An array of at most `max` elements. */
MUST_USE enum fault fields_at_most(const struct fields *fields, enum field_name name, uint64_t max,
                                   struct failure *failure);
MUST_USE enum fault fields_bool(const struct fields *fields, enum field_name name, bool *value,
                                struct failure *failure);
/* A whole number in [min, max]; absent or null leaves *value. */
MUST_USE enum fault fields_number(const struct fields *fields, enum field_name name, int64_t min,
                                  int64_t max, int64_t *value, struct failure *failure);
/* Absent, null, or of one of the types whose bits (1 << enum jspan_type) are set; `expected` tells
 * them. */
MUST_USE enum fault fields_type(const struct fields *fields, enum field_name name, unsigned types,
                                const char *expected, struct failure *failure);
/* How many token ids a prompt given as numbers may hold, at most; 0 for one of texts. */
int64_t fields_token_ids(const struct fields *fields, enum field_name name);
/* Copies a string's beginning; leaves `into` if there is none. */
void fields_text(const struct fields *fields, enum field_name name, char *into, size_t size);
/* From now on the member counts as not given; false when it is none of those that are read. */
bool fields_forget(struct fields *fields, struct str name);
/* From relay/form: a file; a text part begins (false when it is none of the fields), goes on, ends.
 */
void fields_note_file(struct fields *fields);
bool fields_begin_part(struct fields *fields, struct str part, enum field_name *name);
void fields_add_part(struct fields *fields, enum field_name name, struct str piece, bool first);
void fields_end_part(struct fields *fields, enum field_name name, uint64_t begin, uint64_t end);
/* Given, and not null. */
bool fields_has(const struct fields *fields, enum field_name name);

#endif
