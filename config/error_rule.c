#include "config/error_rule.h"

#include <stdlib.h>

#include "config/array.h"
#include "config/value.h"

static const char *const names[] = {
#define X(name) #name,
    ERROR_MEANINGS(X)
#undef X
};

static bool set_meaning(struct error_rule *rule, struct str word, struct buf *why)
{
    struct nearest nearest = {.word = word};
    for (unsigned i = 0; i < COUNT(names); i++) {
        rule->meaning = (enum error_meaning)i;
        if (str_eq(word, str_of(names[i])))
            return true;
        nearest_offer(&nearest, names[i]);
    }
    if (nearest.name == NULL)
        return explain(why,
                       "\"%.*s\" is no meaning of an error (want blocked, account, rate, "
                       "context, parameter, model or server)",
                       SHORT_ARG(word));
    return explain(why, "\"%.*s\" is no meaning of an error; did you mean \"%s\"?", SHORT_ARG(word),
                   nearest.name);
}

static bool set_text(struct error_rule *rule, struct str text, struct buf *why)
{
    struct str rest = text;
    struct str word;
    if (text.n == 0)
        return explain(why, "the rule has no code and no words (want MEANING CODE, or MEANING and "
                            "a few words of the message)");
    if (text.n > ERROR_RULE_TEXT_MAX)
        return explain(why, "the words are longer than %d bytes", ERROR_RULE_TEXT_MAX);
    rule->is_sentence = next_word(&rest, &word) && next_word(&rest, &word);
    rule->text = str_dup(text);
    return rule->text != NULL || explain(why, "out of memory");
}

bool error_rules_add(struct error_rules *rules, struct str text, size_t *at, struct buf *why)
{
    struct error_rule rule = {.text = NULL};
    struct str rest = str_trim(text);
    struct str word = STR_EMPTY;
    *at = 0;
    if (!next_word(&rest, &word))
        return explain(why, "the rule is empty (want MEANING CODE)");
    if (!set_meaning(&rule, word, why))
        return false;
    rest = str_trim(rest);
    *at = (size_t)(rest.p - text.p);
    if (rules->n >= ERROR_RULES_MAX)
        return explain(why, "more than %d rules", ERROR_RULES_MAX);
    if (!set_text(&rule, rest, why))
        return false;
    struct error_rule *list = array_room(rules->list, rules->n, sizeof *list);
    if (list == NULL) {
        free(rule.text);
        return explain(why, "out of memory");
    }
    rules->list = list;
    list[rules->n++] = rule;
    return true;
}

const struct error_rule *error_rules_find(const struct error_rules *rules, struct str code,
                                          struct str type, struct str message)
{
    for (unsigned i = 0; i < rules->n; i++) {
        const struct error_rule *rule = &rules->list[i];
        struct str text = str_of(rule->text);
        if (rule->is_sentence ? str_contains_nocase(message, text)
                              : str_eq_nocase(code, text) || str_eq_nocase(type, text))
            return rule;
    }
    return NULL;
}

bool error_rules_show(const char *name, const struct error_rules *rules, struct buf *out)
{
    struct buf text;
    buf_init(&text, ERROR_RULE_TEXT_MAX + 64);
    bool ok = true;
    for (unsigned i = 0; ok && i < rules->n; i++) {
        const struct error_rule *rule = &rules->list[i];
        buf_clear(&text);
        ok = buf_addf(&text, "%s %s", names[rule->meaning], rule->text) &&
             buf_addf(out, "%s = ", name) && show_text(buf_str(&text), out) &&
             buf_add_char(out, '\n');
    }
    buf_release(&text);
    return ok;
}

void error_rules_release(struct error_rules *rules)
{
    for (unsigned i = 0; i < rules->n; i++)
        free(rules->list[i].text);
    free(rules->list);
    *rules = (struct error_rules){NULL, 0};
}
