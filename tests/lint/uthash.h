/* What the lint reads in place of <uthash.h>: the same macros as calls of functions.  Expanded, each
 * of them is up to sixty lines and seven levels of somebody else's code inside our function, which
 * fail our limits and hide our own paths from the analyzer. */
#ifndef LINT_UTHASH_H
#define LINT_UTHASH_H

#include <stddef.h>

typedef struct UT_hash_handle {
    void *tbl, *next;
} UT_hash_handle;

void *uthash_find(const void *head, const void *key, size_t n);
void *uthash_next(const void *element);
void *uthash_with(void *head, void *element, const void *key, size_t n);
void *uthash_without(void *head, void *element);
unsigned uthash_count(const void *head);

#define HASH_FIND(hh, head, key, n, out) ((out) = uthash_find(head, key, n))
#define HASH_FIND_BYHASHVALUE(hh, head, key, n, hash, out)                                         \
    ((void)(hash), (out) = uthash_find(head, key, n))
#define HASH_ADD(hh, head, key, n, element)                                                        \
    ((head) = uthash_with(head, element, &(element)->key, n))
#define HASH_ADD_KEYPTR(hh, head, key, n, element) ((head) = uthash_with(head, element, key, n))
#define HASH_ADD_KEYPTR_BYHASHVALUE(hh, head, key, n, hash, element)                               \
    ((void)(hash), (head) = uthash_with(head, element, key, n))
#define HASH_FIND_STR(head, key, out) HASH_FIND(hh, head, key, 0, out)
#define HASH_ADD_STR(head, key, element) HASH_ADD(hh, head, key, 0, element)
#define HASH_SORT(head, compare) ((void)(compare), (head) = uthash_with(head, NULL, NULL, 0))
#define HASH_DEL(head, element) ((head) = uthash_without(head, element))
#define HASH_ITER(hh, head, element, after)                                                        \
    for ((element) = (head), (after) = uthash_next(element); (element) != NULL;                    \
         (element) = (after), (after) = uthash_next(element))
#define HASH_COUNT(head) uthash_count(head)

#endif
