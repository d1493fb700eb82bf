/* The upstream side (models, providers) as the admin API shows it. */
#ifndef SERVER_ADMIN_UPSTREAM_H
#define SERVER_ADMIN_UPSTREAM_H

#include <jansson.h>

#include "base/check.h"
#include "config/snapshot.h"

/* A URL as it may be shown; NULL when memory is out. */
MUST_USE json_t *admin_url_json(const char *url);
/* New arrays; NULL when memory is out.  Keys are told as "set" or "none", never shown. */
MUST_USE json_t *admin_price_json(const struct price *price);
MUST_USE json_t *admin_models_json(const struct snapshot *snapshot);
MUST_USE json_t *admin_providers_json(const struct snapshot *snapshot);

#endif
