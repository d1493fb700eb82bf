/* What the errors of one provider mean, where it says them in words of its own.  Its rules go
 * before what is known of all providers. */
#ifndef CONFIG_ERROR_RULE_H
#define CONFIG_ERROR_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Refused by its policy; its key or our account there; it limits us; the request is longer than the
 * model takes; another mistake of the caller; it does not have the model; trouble of its own. */
#define ERROR_MEANINGS(X) X(blocked) X(account) X(rate) X(context) X(parameter) X(model) X(server)

enum error_meaning {
#define X(name) ERROR_MEANING_##name,
    ERROR_MEANINGS(X)
#undef X
        ERROR_MEANING_COUNT
};

#define ERROR_RULES_MAX 64
#define ERROR_RULE_TEXT_MAX 200

struct error_rule {
    enum error_meaning meaning;
    bool is_sentence; /* a part of the message; else the whole of a code or a type */
    char *text;
};

/* Zeroed = none. */
struct error_rules {
    struct error_rule *list;
    unsigned n;
};

/* Adds "MEANING CODE" or "MEANING a few words".  False with the reason in *why and where it is in
 * *at (bytes into the text). */
MUST_USE bool error_rules_add(struct error_rules *rules, struct str text, size_t *at,
                              struct buf *why);
/* The first that fits, whatever the case; NULL for none. */
const struct error_rule *error_rules_find(const struct error_rules *rules, struct str code,
                                          struct str type, struct str message);
/* Appends a line "NAME = MEANING ..." for each. */
MUST_USE bool error_rules_show(const char *name, const struct error_rules *rules, struct buf *out);
void error_rules_release(struct error_rules *rules);

#endif
