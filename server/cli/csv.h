/* Rows as CSV (RFC 4180, but a line ends with LF): names, then values as the API gives them. */
#ifndef SERVER_CLI_CSV_H
#define SERVER_CLI_CSV_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"

/* `columns` are names with blanks between them.  False when nothing can be written. */
MUST_USE bool csv_names(FILE *out, const char *columns);
MUST_USE bool csv_rows(FILE *out, const char *columns, const json_t *rows);

#endif
