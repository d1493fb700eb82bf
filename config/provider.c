#include "config/provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

bool provider_is_sandbox(const struct provider *provider)
{
    return strcmp(provider->base_url, "builtin:sandbox") == 0;
}

void provider_release(struct provider *provider)
{
    if (provider->key != NULL)
        secret_wipe(provider->key, strlen(provider->key));
    free(provider->key);
    free(provider->name);
    free(provider->base_url);
    free(provider->organization);
    free(provider->project);
    memset(provider, 0, sizeof *provider);
}
