/* Results for people and for scripts: tables, and members one a line. */
#ifndef SERVER_CLI_TABLE_H
#define SERVER_CLI_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/check.h"

enum table_style {
    TABLE_ALIGNED, /* header, columns aligned: a terminal */
    TABLE_TABS     /* no header, one tab between two cells: a pipe */
};

/* Prints an array of objects, the named columns only ("id name"), and an object as one member a
 * line.  False when memory is out; trouble of the stream shows in ferror. */
MUST_USE bool table_print(FILE *out, const char *columns, const json_t *result,
                          enum table_style style);
#endif
