#include "config/word_list.h"

#include <stdlib.h>

#include "config/array.h"
#include "config/value.h"

static bool is_separator(char c)
{
    return c == ' ' || c == '\t' || c == ',';
}

static bool next(struct str text, size_t *at, struct str *word)
{
    while (*at < text.n && is_separator(text.p[*at]))
        ++*at;
    size_t to = *at;
    while (to < text.n && !is_separator(text.p[to]))
        to++;
    *word = str_slice(text, *at, to);
    return word->n > 0;
}

static bool add(struct word_list *words, struct str word, struct buf *why)
{
    if (word_list_have_nocase(words, word))
        return explain(why, "\"%.*s\" is named twice", SHORT_ARG(word));
    if (words->n >= WORD_LIST_MAX)
        return explain(why, "more than %d words", WORD_LIST_MAX);
    char *copy = str_dup(word);
    char **list = array_room(words->list, words->n, sizeof *list);
    if (list != NULL)
        words->list = list;
    if (copy == NULL || list == NULL) {
        free(copy);
        return explain(why, "out of memory");
    }
    list[words->n++] = copy;
    return true;
}

bool word_list_parse(struct str text, word_check check, struct word_list *words, size_t *at,
                     struct buf *why)
{
    struct str word;
    CHECK(words->n == 0);
    for (*at = 0; next(text, at, &word); *at += word.n)
        if (!check(word, why) || !add(words, word, why))
            return false;
    if (words->n > 0)
        return true;
    *at = 0;
    return explain(why, "the list is empty");
}

bool word_list_have_nocase(const struct word_list *words, struct str word)
{
    for (unsigned i = 0; i < words->n; i++)
        if (str_eq_nocase(str_of(words->list[i]), word))
            return true;
    return false;
}

bool word_list_show(const struct word_list *words, struct buf *out)
{
    for (unsigned i = 0; i < words->n; i++)
        if (!buf_addf(out, "%s%s", i > 0 ? ", " : "", words->list[i]))
            return false;
    return true;
}

void word_list_release(struct word_list *words)
{
    for (unsigned i = 0; i < words->n; i++)
        free(words->list[i]);
    free(words->list);
    *words = (struct word_list){NULL, 0};
}
