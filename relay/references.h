/* The ids of a provider's objects that a request names: previous_response_id, conversation, and
 * items of the input that are references.  Gathered while the body is read; every id that could be
 * taken for one counts, since what the gateway has not looked up must not reach the provider. */
#ifndef RELAY_REFERENCES_H
#define RELAY_REFERENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/jspan.h"

#define REFERENCES_MAX ((size_t)128 << 10) /* bytes of ids in one request */

/* What stands before each id of the list, and names the parameter it came by. */
enum reference_letter {
    REFERENCE_PREVIOUS = 'p',
    REFERENCE_CONVERSATION = 'c',
    REFERENCE_ITEM = 'i'
};

struct references {
    struct buf ids; /* of each a letter, the id, and a NUL */
    bool lost;      /* memory was out: some are not in the list */
    char unusable; /* letter of the first that cannot be looked up: no string, too long; 0 = none */
    /* The element of `input` that is being read. */
    size_t item_begin;
    bool item_unusable, item_is_reference, item_has_type, item_has_role;
};

void references_init(struct references *references);
void references_release(struct references *references);
void references_add(struct references *references, enum reference_letter letter,
                    const struct jspan_value *value);
/* Members of an element of `input`, then the element itself. */
void references_item_id(struct references *references, const struct jspan_value *value);
void references_item_type(struct references *references, const struct jspan_value *value);
void references_item_role(struct references *references, const struct jspan_value *value);
void references_item_end(struct references *references);

/* The parameter that an id of the list came by. */
const char *reference_param(char letter);
/* The entry at `position`: its letter and id; empty when there is none. */
struct str reference_at(const struct references *references, unsigned position);

#endif
