#include "config/provider.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

bool provider_name_is_good(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
        if (!ok)
            return false;
    }
    return name.n > 0 && name.n <= PROVIDER_NAME_MAX;
}

bool provider_is_sandbox(const struct provider *provider)
{
    return strcmp(provider->base_url, "builtin:sandbox") == 0;
}

void provider_release(struct provider *provider)
{
    for (unsigned i = 0; i < provider->key_count; i++) {
        secret_wipe(provider->keys[i].secret, strlen(provider->keys[i].secret));
        free(provider->keys[i].secret);
    }
    free(provider->name);
    free(provider->base_url);
    provider_paths_release(&provider->paths);
    video_dialect_release(&provider->video);
    error_rules_release(&provider->errors);
    free(provider->query);
    free(provider->content_private);
    provider_headers_release(&provider->headers);
    word_list_release(&provider->header_allow);
    free(provider->organization);
    free(provider->project);
    memset(provider, 0, sizeof *provider);
}
