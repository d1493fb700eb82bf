/* Where a provider keeps an endpoint, if not at the usual path: "path = chat /v2/{model}/chat". */
#ifndef CONFIG_PROVIDER_PATH_H
#define CONFIG_PROVIDER_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/str.h"

/* Stands in a path for the name that the provider knows the model by; at most once. */
#define PROVIDER_PATH_MODEL "{model}"
/* The same for the id of an object that the provider has made, in the paths of such objects. */
#define PROVIDER_PATH_ID "{id}"
#define PROVIDER_PATH_BYTES_MAX 1000

struct provider_path {
    const char *word;  /* as the file names the endpoint; static */
    const char *usual; /* its path behind a base URL; static */
    char *there;       /* this provider's, behind the base URL; heap */
};

/* Zeroed = none. */
struct provider_paths {
    struct provider_path *list;
    unsigned n;
};

/* Adds "ENDPOINT /PATH".  False with the reason in *why and where it is in *at (bytes into the
 * text). */
MUST_USE bool provider_paths_add(struct provider_paths *paths, struct str text, size_t *at,
                                 struct buf *why);
/* This provider's path for the usual one; NULL = it is the usual one. */
const char *provider_paths_find(const struct provider_paths *paths, const char *usual);
/* Whether `text` may stand behind the "?" of a URL; it names nothing that would be a secret. */
MUST_USE bool query_check(struct str text, struct buf *why);
/* Whether a path names the model: then its name there is a deployment's, which no list of models
 * has. */
bool provider_paths_name_models(const struct provider_paths *paths);
void provider_paths_release(struct provider_paths *paths);

#endif
