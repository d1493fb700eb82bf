/* The fields of a multipart/form-data request: its text parts, read as relay/fields reads members
 * of an object.  Files are counted and pass unread; but of `file` it is looked how long it lasts,
 * in case it is sound. */
#ifndef RELAY_FORM_H
#define RELAY_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/fault.h"
#include "relay/failure.h"
#include "relay/sound.h"

struct fields;
struct form;

/* Keeps `fields` until freed.  NULL when out of memory.  CHECK: boundary comes from
 * multipart_boundary. */
MUST_USE struct form *form_new(const char *boundary, struct fields *fields);
/* NULL-safe; nulls the pointer. */
void form_free(struct form **form);
void form_feed(struct form *form, const char *p, size_t n);
/* The body is complete.  Faults: INVALID_MULTIPART. */
MUST_USE enum fault form_finish(const struct form *form, struct failure *failure);
/* There is one file named `file`, and something is in it.  Faults, each with its param:
 * MISSING_PARAMETER, DUPLICATE_PARAMETER, INVALID_TYPE, INVALID_VALUE. */
MUST_USE enum fault form_need_file(const struct form *form, struct failure *failure);
/* What that file is as sound. */
const struct sound *form_sound(const struct form *form);
/* Where a part may be inserted, and the boundary.  After a form_finish without fault. */
uint64_t form_insert_at(const struct form *form);
const char *form_boundary(const struct form *form);

#endif
