/* The table of admin operations: what each is called, what it needs, who runs it. */
#ifndef SERVER_ADMIN_OPERATION_H
#define SERVER_ADMIN_OPERATION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/str.h"
#include "server/admin/admin.h"

enum admin_need {
    ADMIN_NEEDS_NOTHING,
    ADMIN_NEEDS_STORE,    /* run by store_admin */
    ADMIN_NEEDS_SNAPSHOT, /* answered from the configuration alone */
    ADMIN_NEEDS_ENGINE,   /* the configuration, and a way to its providers */
    ADMIN_NEEDS_HEALTH,   /* the configuration and the server's health */
    ADMIN_NEEDS_RELAY,    /* a running server's way of deciding */
    ADMIN_NEEDS_SERVER    /* only a running server can answer */
};

struct admin_operation {
    const char *name;
    enum admin_need need;
    bool takes_arguments; /* whoever runs it checks them; else there must be none */
    /* Ends the call, or sees to it; NULL for those that the store runs. */
    void (*run)(struct admin_call *call);
};

/* The row, or NULL. */
const struct admin_operation *admin_operation_find(struct str name);
/* Walks the table: admin_operation_at(0), admin_operation_at(1)... until NULL. */
const struct admin_operation *admin_operation_at(unsigned i);

/* Ends the call with a result (taken; NULL means that memory was out). */
void admin_succeed(struct admin_call *call, json_t *result);
/* Ends the call with an exit code and one line for people. */
void admin_fail(struct admin_call *call, enum admin_exit code, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
