/* What a request's Content-Type says about a multipart/form-data body. */
#ifndef RELAY_MULTIPART_BOUNDARY_H
#define RELAY_MULTIPART_BOUNDARY_H

#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"

#define MULTIPART_BOUNDARY_MAX 70

/* The boundary that a Content-Type of multipart/form-data names, quoted or not, with a NUL behind
 * it.  False for another type, and without exactly one boundary of 1 to 70 legal bytes. */
MUST_USE bool multipart_boundary(struct str content_type,
                                 char boundary[MULTIPART_BOUNDARY_MAX + 1]);

#endif
