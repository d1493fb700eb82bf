/* What the lint reads in place of <utlist.h>; see uthash.h here for why. */
#ifndef LINT_UTLIST_H
#define LINT_UTLIST_H

void *utlist_with(void *head, void *element);
void *utlist_without(void *head, void *element);

#define DL_PREPEND(head, element) ((head) = utlist_with(head, element))
#define DL_DELETE(head, element) ((head) = utlist_without(head, element))

#endif
