#include "relay/references.h"

#include "store/store.h"

void references_init(struct references *references)
{
    *references = (struct references){.unusable = 0};
    buf_init(&references->ids, REFERENCES_MAX);
}

void references_release(struct references *references)
{
    buf_release(&references->ids);
}

/* False when it cannot be an id that this gateway has seen. */
static bool add(struct references *references, char letter, const struct jspan_value *value)
{
    struct buf *ids = &references->ids;
    struct str id = value->text;
    if (value->type != JSPAN_STRING || value->text_cut || id.n == 0 || str_index(id, '\0') < id.n ||
        id.n + 2 > ids->max - ids->n)
        return false;
    references->lost |=
        !buf_add_char(ids, letter) || !buf_add_str(ids, id) || !buf_add_char(ids, '\0');
    return true;
}

static void note_unusable(struct references *references, char letter)
{
    if (references->unusable == 0)
        references->unusable = letter;
}

void references_add(struct references *references, enum reference_letter letter,
                    const struct jspan_value *value)
{
    if (!add(references, (char)letter, value))
        note_unusable(references, (char)letter);
    references->item_begin = references->ids.n;
}

void references_item_id(struct references *references, const struct jspan_value *value)
{
    if (!add(references, REFERENCE_ITEM, value))
        references->item_unusable = true;
}

void references_item_type(struct references *references, const struct jspan_value *value)
{
    references->item_has_type |= value->type != JSPAN_NULL;
    references->item_is_reference |=
        value->type == JSPAN_STRING && str_eq(value->text, STR("item_reference"));
}

void references_item_role(struct references *references, const struct jspan_value *value)
{
    references->item_has_role |= value->type == JSPAN_STRING;
}

/* An element without a type is a reference if it is no message: its type may be left out.  What has
 * its content with it only carries an id along. */
void references_item_end(struct references *references)
{
    struct buf *ids = &references->ids;
    bool is_reference =
        references->item_is_reference || (!references->item_has_type && !references->item_has_role);
    if (is_reference && references->item_unusable)
        note_unusable(references, REFERENCE_ITEM);
    if (!is_reference && ids->n > references->item_begin)
        buf_remove(ids, references->item_begin, ids->n - references->item_begin);
    references->item_begin = ids->n;
    references->item_unusable = references->item_is_reference = false;
    references->item_has_type = references->item_has_role = false;
}

const char *reference_param(char letter)
{
    switch (letter) {
    case REFERENCE_PREVIOUS:
        return "previous_response_id";
    case REFERENCE_CONVERSATION:
        return "conversation";
    default:
        return "input";
    }
}

struct str reference_at(const struct references *references, unsigned position)
{
    struct str left = buf_str(&references->ids), one = STR_EMPTY;
    for (unsigned i = 0; i <= position; i++) {
        if (!str_cut(&left, '\0', &one))
            return STR_EMPTY;
    }
    return one;
}
