/* A value that is a list of words: "temperature, top_p" or "temperature top_p". */
#ifndef CONFIG_WORD_LIST_H
#define CONFIG_WORD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

#define WORD_LIST_MAX 64

/* Zeroed = none. */
struct word_list {
    char **list;
    unsigned n;
};

/* False with the reason in *why for a word that may not stand in this list. */
typedef bool (*word_check)(struct str word, struct buf *why);

/* Fills an empty list; what is wrong is told in *why, where in *at (bytes into the text).  A word
 * may not stand twice, whatever its case.  The list is the caller's to release even then. */
MUST_USE bool word_list_parse(struct str text, word_check check, struct word_list *words,
                              size_t *at, struct buf *why);
/* Equal but for ASCII case, as header names are. */
bool word_list_have_nocase(const struct word_list *words, struct str word);
/* Appends "a, b". */
MUST_USE bool word_list_show(const struct word_list *words, struct buf *out);
void word_list_release(struct word_list *words);

#endif
